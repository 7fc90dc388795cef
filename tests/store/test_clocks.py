"""Clocks through the store on both databases: each threshold once, by index only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from gateway.catalogue import load_areas, load_calendar
from gateway.core.area import Length, Unit
from gateway.core.calendar import Calendar, build_calendar, is_weekday
from gateway.core.effects import Effects
from gateway.core.firing import CALENDAR_MOVED, SLA_BREACHED
from gateway.core.legal_clock import Awaits, ClockState, LegalClock, begin_clock, pass_threshold
from gateway.core.legal_time import LegalTime
from gateway.core.sla import BeginClocks, ClockChange, EndClocks
from gateway.core.sla_table import RULES
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import CryptoPool
from gateway.flow.clocks import ClockKeeper
from gateway.flow.own_messages import Scribe
from gateway.ports import Alert, ClockQuery, Query
from gateway.store import SqlStore, open_store
from gateway.store.archive import finding
from gateway.store.clock_calendars import OUTDATED
from gateway.store.clock_sweep import _DUE
from gateway.store.clock_views import finding_clocks
from gateway.store.clocks import _ending, _waiting
from tests.harness.fake_clock import FakeClock
from tests.store.builders import NOW, SECOND, make_item, make_message, make_proof

CALENDAR, AREAS = load_calendar(), load_areas()
DAY = 86_400 * SECOND
THRESHOLDS = RULES["issue"].thresholds
_numbers = count(1)


def make_clock(number: str | None = None, *, waiting: bool = False, **fields: Any) -> LegalClock:
    """A clock of ten working days on an order of its own, running from now unless it waits."""
    name = number or f"N{next(_numbers)}"
    values: dict[str, Any] = {
        "number": name,
        "rule": "issue",
        "subject": f"S-{name}",
        "scope": f"S-{name}",
        "key": "",
        "platform": "platform",
        "institution": "xmccb",
        "region": None,
        "basis": "依据",
        "unverified": False,
        "length": Length(count=10, unit=Unit.WORKING_DAYS),
        "close": 1440,
        "source": "platform",
        "message_id": f"m-{name}",
        "created_at": NOW,
        "awaits": Awaits.DELIVERY,
    }
    clock = LegalClock(**values | fields)
    return clock if waiting else begin_clock(clock, NOW, CALENDAR, THRESHOLDS)


async def write(store: SqlStore, *changes: ClockChange, number: str | None = None) -> None:
    """Accept one message that does this to clocks."""
    message = make_message(number or f"c{next(_numbers)}", subject=f"T{next(_numbers)}")
    await store.accept([make_item(message, plan=lambda _: Effects(order=None, clocks=changes))])


@cache
def make_scribe() -> Scribe:
    """One for all processes of the tests."""
    return Scribe(CryptoPool(default_provider(), 1), PrivateKey.generate())


def keep(store: SqlStore, clock: FakeClock, calendar: Calendar = CALENDAR) -> ClockKeeper:
    """A keeper as a timers process has it."""
    return ClockKeeper(
        clocks=store,
        scribe=make_scribe(),
        areas=AREAS,
        clock=clock,
        legal_time=LegalTime(calendar=calendar),
        in_time=lambda: True,
        on_due=lambda: None,
        log=lambda *_, **__: None,
    )


async def test_a_clock_comes_back_as_it_was_written(store: SqlStore) -> None:
    """Every field survives; a clock of the same number is written once."""
    clock = make_clock(fixed_at=NOW + DAY, unverified=True, region="350200")
    await write(store, clock)
    await write(store, replace(clock, basis="另一依据"))
    assert await store.find_clock(clock.number) == clock
    assert await store.find_clock("unknown") is None


async def test_clocks_are_ended_by_scope_rule_and_key(store: SqlStore) -> None:
    """Only open ones that are meant; without a key all of the scope."""
    first, second = make_clock(scope="S", key="a"), make_clock(scope="S", key="b")
    await write(store, first, second, make_clock("OTHER", scope="S2"))
    end = EndClocks(rule="issue", scope="S", key="a", at=NOW + 1, by="x/1", withdrawn=True)
    await write(store, end)
    await write(store, replace(end, key=None, at=NOW + 2, withdrawn=False))
    found = {clock.number: clock for clock in await store.find_clocks(ClockQuery(rule="issue"))}
    assert (found[first.number].state, found[first.number].ended_at) == (ClockState.WITHDRAWN, NOW + 1)
    assert (found[second.number].state, found[second.number].ended_at) == (ClockState.ENDED, NOW + 2)
    assert found["OTHER"].open


async def test_a_receipt_lets_the_clock_of_its_message_run(store: SqlStore) -> None:
    """From the instant of the proof, once; a clock that awaits service is left."""
    number = f"m{next(_numbers)}"
    message = make_message(number, source="platform", recipient="xmccb", subject="P1")
    waits = make_clock(waiting=True, message_id=number)
    served = make_clock(waiting=True, message_id=number, awaits=Awaits.SERVICE)
    await store.accept([make_item(message, plan=lambda _: Effects(order=None, clocks=(waits, served)))])
    [delivery] = await store.find_ids(Query(source="platform"))
    begins = BeginClocks(source="platform", message_id=number, at=NOW + DAY, served=False, calendar=CALENDAR)
    await store.prove(make_proof(delivery, begins=begins))
    after, left = await store.find_clock(waits.number), await store.find_clock(served.number)
    assert after == begin_clock(replace(waits, awaits=None), NOW + DAY, CALENDAR, THRESHOLDS)
    assert left == served
    await write(store, replace(begins, served=True, at=NOW + 2 * DAY))
    again = await store.find_clock(served.number)
    assert again is not None
    assert again.start_at == NOW + 2 * DAY


async def test_new_data_moves_provisional_clocks_and_tells_both_sides(store: SqlStore) -> None:
    """Slice by slice, once; ended clocks and those that are certain stay as they are, and nobody is told of them."""
    short = build_calendar(CALENDAR.known_from, CALENDAR.known_from.replace(year=2025, month=12, day=31), is_weekday)
    waiting = [make_clock(f"P{number}", waiting=True) for number in range(3)]
    unsure = [begin_clock(clock, NOW, short, THRESHOLDS) for clock in waiting]
    await write(store, *unsure, make_clock("SURE"))
    await write(store, EndClocks(rule="issue", scope="S-P2", key=None, at=NOW, by="x/1", withdrawn=False))
    await reckon(keep(store, FakeClock(NOW)))
    found = {clock.number: clock for clock in await store.find_clocks(ClockQuery())}
    assert [found[f"P{number}"].provisional for number in range(3)] == [False, False, True]
    assert found["P0"].calendar == CALENDAR.version
    told = [view.message.id for view in await store.find(Query(source="gateway"))]
    assert sorted(told) == sorted(f"sla-due-P{number}-{CALENDAR.version}-{side}" for number in (0, 1) for side in "pi")


async def reckon(keeper: ClockKeeper) -> None:
    """As a process does that starts with its calendar."""
    await keeper.adopt()
    while await keeper.reckon():
        continue


def free_too(*days: date) -> Calendar:
    """The calendar with these days off besides."""
    return build_calendar(
        CALENDAR.known_from, CALENDAR.known_until, lambda day: CALENDAR.is_working(day) and day not in days
    )


async def test_a_known_day_that_changes_moves_what_is_not_over(store: SqlStore) -> None:
    """A term that counts the day ends later, and both sides hear of it; one that does not stays, and nobody hears."""
    first = NOW // DAY * DAY
    late, soon = make_clock("LATE"), make_clock("SOON", length=Length(count=1, unit=Unit.WORKING_DAYS))
    set_apart = begin_clock(make_clock("OWN", waiting=True, fixed_at=first + 20 * DAY), NOW, CALENDAR, THRESHOLDS)
    await write(store, late, soon, set_apart)
    assert late.due_date == "2026-12-04"
    await reckon(keep(store, FakeClock(NOW), free_too(date(2026, 12, 1))))
    found = {clock.number: clock for clock in await store.find_clocks(ClockQuery())}
    assert [found[name].due_date for name in ("LATE", "SOON", "OWN")] == [
        "2026-12-07",
        soon.due_date,
        set_apart.due_date,
    ]
    told = {view.message.subject for view in await store.find(Query(source="gateway"))}
    assert told == {"S-LATE"}


async def test_a_breach_stays_one_and_people_are_told(store: SqlStore) -> None:
    """By newer data the term would end later: what was told is not taken back, an alert says so until it ends."""
    await write(store, make_clock("LATE"))
    clock = FakeClock(NOW + 30 * DAY)
    keeper = keep(store, clock)
    while await keeper.sweep():
        continue
    await reckon(keep(store, clock, free_too(date(2026, 12, 1))))
    after = await store.find_clock("LATE")
    assert after is not None
    assert (after.due_date, after.breached_at) == ("2026-12-04", after.due_at)
    assert [alert.code for alert, _, _ in await store.alerts()] == [SLA_BREACHED, CALENDAR_MOVED]
    await write(store, EndClocks(rule="issue", scope="S-LATE", key=None, at=NOW, by="x/1", withdrawn=False))
    assert await store.alerts() == []


async def test_a_test_window_keeps_its_announced_end(store: SqlStore) -> None:
    """The sandbox goes by it too: people are asked whether to prolong it, the institution hears nothing."""
    await write(store, window := make_clock("WINDOW", rule="onboarding-test"))
    await reckon(keep(store, FakeClock(NOW), free_too(date(2026, 12, 1))))
    after = await store.find_clock("WINDOW")
    assert after is not None
    assert (after.due_at, after.calendar != window.calendar) == (window.due_at, True)
    [(alert, _, _)] = await store.alerts()
    assert (alert.code, "wgg onboarding extend" in alert.text) == (CALENDAR_MOVED, True)
    assert await store.find(Query(source="gateway")) == []


async def test_the_calendar_adopted_last_counts(store: SqlStore) -> None:
    """A process that runs on with another one leaves clocks alone; one that starts with it anew turns them back."""
    await write(store, make_clock("LATE"))
    old, new = keep(store, FakeClock(NOW)), keep(store, FakeClock(NOW), free_too(date(2026, 12, 1)))
    dues = []
    for starting, running in ((old, old), (new, old), (old, new)):
        await reckon(starting)
        assert not await running.reckon()
        found = await store.find_clock("LATE")
        dues.append(found and found.due_date)
    assert dues == ["2026-12-04", "2026-12-07", "2026-12-04"]


def explain(engine: Engine, statement: Any, **asked: Any) -> str:
    """How the database would run a statement, were a whole table always too much to read."""
    compiled = statement.compile(engine)
    values = {**compiled.params, **asked}
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            ordered = tuple(values[name] for name in compiled.positiontup)
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ordered)
            return "\n".join(row[3] for row in rows)
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        return "\n".join(connection.exec_driver_sql(f"EXPLAIN {compiled}", values).scalars())


def test_what_is_due_is_found_by_its_index(engine: Engine) -> None:
    """However many clocks are open: what is due, what is provisional, what waits and what is to be ended."""
    dialect = engine.dialect.name
    assert "ix_clocks_next" in explain(engine, _DUE, now=1, most=1)
    for statement in OUTDATED:
        assert "ix_clocks_reckoned" in explain(engine, statement, version="2026-1", most=1)
    assert "ix_clocks_waiting" in explain(engine, _waiting(dialect), given="[]")
    assert "ix_clocks_open" in explain(engine, _ending(dialect), given="[]")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ClockQuery(subject="S-1"), "ix_clocks_subject"),
        (ClockQuery(subject="S-1", state=ClockState.RUNNING), "ix_clocks_subject"),
        (ClockQuery(member="xmccb"), "ix_clocks_institution"),
        (ClockQuery(institution="xmccb"), "ix_clocks_institution"),
        (ClockQuery(platform="platform", rule="expiry", state=ClockState.RUNNING), "ix_clocks_state"),
        (ClockQuery(state=ClockState.WAITING), "ix_clocks_state"),
        (ClockQuery(platform="platform", state=ClockState.RUNNING, breached=True), "ix_clocks_late"),
    ],
    ids=str,
)
def test_who_asks_for_clocks_is_answered_by_an_index(engine: Engine, query: ClockQuery, index: str) -> None:
    """However many have ended; whatever else is asked besides."""
    assert index in explain(engine, finding_clocks(query))


def test_a_subject_s_messages_are_found_by_an_index(engine: Engine) -> None:
    """However many messages there are of others."""
    assert "ix_deliveries_subject" in explain(engine, finding(Query(subject="DD-1")))


async def test_the_alert_of_a_breach_is_closed_when_the_duty_is_done(store: SqlStore) -> None:
    """Done late or withdrawn, by what is told as the reason; the alert of another breach stays, and history with it."""
    for number in ("LATE", "GONE", "STAYS"):
        await write(store, make_clock(number))
        await store.raise_alert(Alert(code=SLA_BREACHED, about=f"issue:{number}", text="超期"), now=NOW)
    keeper = keep(store, FakeClock(NOW + 30 * DAY))
    while await keeper.sweep():
        continue
    for number, withdrawn in (("LATE", False), ("GONE", True)):
        at, by = NOW + 31 * DAY, "xmccb/m-9"
        end = EndClocks(rule="issue", scope=f"S-{number}", key=None, at=at, by=by, withdrawn=withdrawn)
        await write(store, end)
    assert [alert.about for alert, _, _ in await store.alerts()] == ["issue:STAYS"]
    closed = {each.alert.about: each for each in await store.closed_alerts(limit=9)}
    assert closed["issue:LATE"].reason == "超期后办结，依据 xmccb/m-9"
    assert closed["issue:GONE"].reason == "期限已撤销，依据 xmccb/m-9"
    assert closed["issue:LATE"].times == 2


@dataclass
class Scene:
    """Two timers processes over one database."""

    store: SqlStore
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    keepers: list[ClockKeeper] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)

    def restart(self, which: int) -> None:
        """A process anew, with nothing in its memory."""
        self.keepers[which] = keep(self.store, self.clock)

    async def play(self, step: tuple[str, int], clocks: Sequence[LegalClock]) -> None:
        """One step: what happens, and to which."""
        what, number = step
        match what:
            case "pass":
                self.clock.advance(number * 20 * 3600)
            case "sweep":
                await self.keepers[number % 2].sweep()
            case "both":
                await asyncio.gather(*(keeper.sweep() for keeper in self.keepers))
            case "die":  # after it read and signed, before it wrote
                await self.store.due_clocks(now=self.clock.now(), limit=100)
                self.restart(number % 2)
            case "end":
                clock = clocks[number % len(clocks)]
                if clock.number not in self.ended:
                    self.ended[clock.number] = self.clock.now()
                    end = {"rule": "issue", "scope": clock.scope, "key": None, "at": self.clock.now(), "by": "x/1"}
                    await write(self.store, EndClocks(**end, withdrawn=False))

    async def settle(self) -> None:
        """Sweep until nothing is due."""
        while await self.keepers[0].sweep():
            continue


STEPS = st.lists(
    st.tuples(st.sampled_from(["pass", "pass", "sweep", "both", "die", "end"]), st.integers(0, 7)), max_size=25
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_each_threshold_fires_once_whatever_happens(home: str, steps: list[tuple[str, int]]) -> None:
    """Restarts, deaths and two processes at once: one row, one message a side, for each threshold that came."""
    asyncio.run(_play(home, steps))


async def _play(home: str, steps: list[tuple[str, int]]) -> None:
    store = open_store(home)
    await store.open()
    scene = Scene(store)
    scene.keepers = [keep(store, scene.clock) for _ in range(2)]
    clocks = [make_clock() for _ in range(3)]
    await write(store, *clocks)
    for step in steps:
        await scene.play(step, clocks)
    await scene.settle()
    for clock in clocks:
        await _check(store, clock, scene)
    await store.close()


async def _check(store: SqlStore, clock: LegalClock, scene: Scene) -> None:
    fired = await store.fired(clock.number)
    messages = await store.find(Query(source="gateway", subject=clock.subject))
    assert sorted(view.message.id for view in messages) == sorted(
        f"sla-{percent}-{clock.number}-{side}" for percent in fired for side in "pi"
    )
    if clock.number not in scene.ended:
        assert len(fired) == sum(at <= scene.clock.now() for at in _instants(clock))
    else:
        assert all(at <= scene.ended[clock.number] for at in fired.values())


def _instants(clock: LegalClock) -> list[int]:
    instants, passing = [], clock
    while passing.next_at is not None:
        instants.append(passing.next_at)
        passing = pass_threshold(passing, CALENDAR, THRESHOLDS)
    return instants
