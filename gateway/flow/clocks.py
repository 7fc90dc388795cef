"""The sweep of legal clocks: each threshold fires once, with its message, event, metric and, for a breach, an alert.

What is read is decided upon and signed outside any transaction; the store counts a firing only if nothing changed
meanwhile, so that any number of processes may sweep. Source: domain section 5, architecture points 6, 11 and 12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.area import Area
from gateway.core.calendar import Calendar
from gateway.core.delivery import SECOND
from gateway.core.failpoints import CLOCKS_FIRED, reach
from gateway.core.firing import CALENDAR_MOVED, SLA_BREACHED, Fired, Means, decide_firing
from gateway.core.legal_clock import BREACH, LegalClock, find_due, keep_due, reckon_again
from gateway.core.legal_time import LegalTime
from gateway.core.sla_rule import Outcome
from gateway.core.sla_table import RULES
from gateway.core.wire.instants import format_beijing
from gateway.flow.clock_letters import write_breach, write_lapse, write_moved, write_warning
from gateway.flow.own_messages import Letter, Scribe
from gateway.observe import METRICS
from gateway.observe.metric_table import CLOCK_SWEEP_LAG_SECONDS, CLOCK_THRESHOLDS
from gateway.ports import Alert, Clock, Clocks, DueClock, Firing

SLICE: Final = 100
"""Clocks that are written in one transaction at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockKeeper:
    """Fires what is due and reckons anew what other days were counted for. `on_due` wakes the relay.

    A process that is not `in_time` with the database fires nothing: what is told of a term cannot be taken back.
    """

    clocks: Clocks
    scribe: Scribe
    areas: Mapping[str, Area]
    clock: Clock
    legal_time: LegalTime
    in_time: Callable[[], bool]
    on_due: Callable[[], None]
    log: Callable[..., None]

    async def sweep(self) -> bool:
        """Fire at most a slice of what is due, a threshold a clock; True when there may be more."""
        if not self.in_time():
            return False
        now = self.clock.now()
        legal = self.legal_time.at(now)
        due = await self.clocks.due_clocks(now=legal, limit=SLICE)
        METRICS.set(CLOCK_SWEEP_LAG_SECONDS, (legal - (due[0].clock.next_at or legal)) / SECOND if due else 0)
        firings = [firing for each in due if (firing := await self._try_fire(each, legal, now=now)) is not None]
        return await self._write(firings, now=now) > 0

    async def adopt(self) -> None:
        """At the start of a process: its calendar is the one that counts from now on (ADR 0026)."""
        version = self.legal_time.calendar.version
        if await self.clocks.adopt_calendar(version, now=self.clock.now()):
            self.log("clock.calendar_adopted", calendar=version)

    async def reckon(self) -> bool:
        """Reckon clocks of another calendar anew and tell the parties of what moved; True when there may be more.

        A process whose calendar counts no more, for another one started later with another, leaves it to that one.
        """
        now, version = self.clock.now(), self.legal_time.calendar.version
        adopted = await self.clocks.adopted_calendar()
        if adopted != version:
            self.log("clock.calendar_differs", calendar=version, adopted=adopted)
            return False
        clocks = await self.clocks.outdated_clocks(version=version, limit=SLICE)
        return await self._write([await self._reckon(each, now=now) for each in clocks], now=now) > 0

    async def _try_fire(self, due: DueClock, legal: int, *, now: int) -> Firing | None:
        """A clock that cannot be decided upon is told of and keeps no other one waiting."""
        try:
            return await self._fire(due, legal, now=now)
        except Exception as error:  # noqa: BLE001 - whatever one clock carries, the others are due
            self.log("clock.failed", clock=due.clock.number, rule=due.clock.rule, error=repr(error), exc_info=error)
            return None

    async def _fire(self, due: DueClock, legal: int, *, now: int) -> Firing:
        fired = decide_firing(due.clock, due.order, Means(calendar=self.legal_time.calendar, areas=self.areas))
        letters = self._write_letters(due, legal)
        return Firing(
            before=due.clock,
            after=fired.clock,
            fired_at=legal,
            percent=due.clock.next_percent,
            order_before=due.order if fired.order is not None else None,
            order_after=fired.order,
            changes=fired.changes,
            messages=[await self.scribe.write(letter, now=now) for letter in letters],
            alerts=_raise_alerts(due, fired),
        )

    def _write_letters(self, due: DueClock, legal: int) -> Sequence[Letter]:
        clock, outcome = due.clock, RULES[due.clock.rule].outcome
        percent = clock.next_percent or 0
        if percent != BREACH:
            return write_warning(clock, percent, self.legal_time.calendar, legal)
        if outcome is Outcome.LETTER and due.order is not None:
            return write_lapse(clock, due.order)
        return write_breach(clock, legal) if outcome is Outcome.BREACH else ()

    async def _reckon(self, clock: LegalClock, *, now: int) -> Firing:
        calendar, legal = self.legal_time.calendar, self.legal_time.at(now)
        after, alerts = reckon_again(clock, calendar), list[Alert]()
        if _is_kept(clock) and find_due(clock, calendar).at != clock.due_at:
            after, alerts = keep_due(clock, calendar), [_doubt(clock, calendar)]
        letters = write_moved(clock, after, calendar, legal) if _moved(clock, after) else ()
        messages = [await self.scribe.write(letter, now=now) for letter in letters]
        return Firing(before=clock, after=after, fired_at=legal, messages=messages, alerts=alerts)

    async def _write(self, firings: Sequence[Firing], *, now: int) -> int:
        """Write them and tell of those that counted; how many."""
        if not firings:
            return 0
        results = await self.clocks.fire(firings, now=now)
        counted = [firing for firing, counts in zip(firings, results, strict=True) if counts]
        if counted:
            reach(CLOCKS_FIRED)
            self.on_due()
        for firing in counted:
            self._tell(firing)
        return len(counted)

    def _tell(self, firing: Firing) -> None:
        """One event a threshold, or a date that moved."""
        clock = firing.after
        told = {"clock": clock.number, "rule": clock.rule, "subject": clock.subject, "institution": clock.institution}
        if firing.percent is None:
            if not _moved(firing.before, clock):
                return
            self.log("clock.reckoned", due=clock.due_date, former_due=firing.before.due_date, **told)
            return
        METRICS.add(CLOCK_THRESHOLDS, rule=clock.rule, percent=str(firing.percent))
        if firing.percent == BREACH:
            self.log("clock.over", due=clock.due_date, **told)
        else:
            self.log("clock.warned", percent=firing.percent, due=clock.due_date, **told)


def _moved(before: LegalClock, after: LegalClock) -> bool:
    """Whether the parties have something to hear of: another end, or one that is sure now."""
    return (before.due_at, before.provisional) != (after.due_at, after.provisional)


def _is_kept(clock: LegalClock) -> bool:
    """Whether the end stays as it was told: that of a breach, and one that others go by too."""
    return clock.breached_at is not None or RULES[clock.rule].announced


def _doubt(clock: LegalClock, calendar: Calendar) -> Alert:
    """What was told is not taken back; people decide what a day that moved before it means."""
    due, told = find_due(clock, calendar).at, clock.due_at or 0
    done = "已超期并告知双方" if clock.breached_at is not None else "已告知机构"
    title = RULES[clock.rule].title
    text = (
        f"{clock.subject} 的“{title}”此前按 {format_beijing(told)[:16]} 届满{done}；"
        f"按新的放假安排应于 {format_beijing(due)[:16]} 届满。"
        "网关不自动更改，请人工核对后告知（测试窗口可用 wgg onboarding extend 顺延）。"
    )
    return Alert(code=CALENDAR_MOVED, about=f"{clock.rule}:{clock.number}", text=text)


def _raise_alerts(due: DueClock, fired: Fired) -> Sequence[Alert]:
    """People must look at a breach, and at a guarantee that ends before its notice was delivered (domain section 3)."""
    clock, rule = due.clock, RULES[due.clock.rule]
    if clock.next_percent == BREACH and rule.outcome is Outcome.BREACH:
        text = (
            f"{clock.subject} 的“{rule.title}”已于 {format_beijing(clock.due_at or 0)[:16]} 超期，依据：{clock.basis}"
        )
        return (Alert(code=SLA_BREACHED, about=f"{clock.rule}:{clock.number}", text=text),)
    if fired.order is not None and fired.order.claim_open and due.undelivered:
        text = f"订单 {clock.subject} 的保函已到期，而支付通知书尚未送达经办机构，请立即以其他方式送达并登记。"
        return (Alert(code="CLAIM_UNDELIVERED", about=clock.subject, text=text),)
    return ()
