"""The daily reconciliation: drawn up for each institution, its answer compared, what differs or is missing alerted.

Source: domain section 2 (`reconciliation.daily`, `reconciliation.answer`), architecture points 11 and 12. Each step is
idempotent and safe with many processes: numbers and ids derive from institution, day and part, and the row of a
reconciliation is written with its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.core.calendar import Calendar
from gateway.core.message import Message
from gateway.core.party import Directory, Party, Standing
from gateway.core.reconciliation import (
    DAILY,
    Line,
    Period,
    cut,
    describe,
    digest_text,
    find_answer_due,
    find_periods,
    name_number,
)
from gateway.core.reconciliation_causes import Finding, explain, read_claims
from gateway.core.wire.instants import format_beijing
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.flow.own_messages import Letter, Scribe
from gateway.flow.roster import Roster
from gateway.observe import METRICS
from gateway.observe.metric_table import RECONCILED
from gateway.ports import Alert, Answered, Clock, Reconciliation, Reconciliations

Log = Callable[..., None]

UNANSWERED: Final = "RECONCILIATION_UNANSWERED"
DIFFERS: Final = "RECONCILIATION_DIFFERS"
ANSWERS_A_STEP: Final = 50
LATEST_ANSWER: Final = 60 * 86_400 * 1_000_000
"""Answers are awaited for so long after the drawing up, microseconds."""

_IN_BUSINESS: Final = (Standing.LIVE, Standing.SUSPENDED, Standing.LEAVING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`hour` of drawing up (Asia/Shanghai), working days for an answer, working days made up for after an outage."""

    hour: int
    answer_days: int
    catch_up_days: int


class Reconciler:
    """Draws up, compares, reminds. `on_drawn` wakes the relay and whoever polls."""

    def __init__(
        self,
        *,
        books: Reconciliations,
        roster: Roster,
        scribe: Scribe,
        calendar: Calendar,
        clock: Clock,
        terms: Terms,
        on_drawn: Callable[[], None],
        log: Log,
    ) -> None:
        self._books = books
        self._roster = roster
        self._scribe = scribe
        self._calendar = calendar
        self._clock = clock
        self._terms = terms
        self._on_drawn = on_drawn
        self._log = log

    async def step(self) -> bool:
        """One round; True when there are more answers to look at."""
        await self.draw_up_due()
        read = await self.read_answers()
        await self.remind()
        return read >= ANSWERS_A_STEP

    async def draw_up_due(self, institution: str | None = None) -> int:
        """Draw up what is due and was not drawn up, for one institution or all; how many institutions' days."""
        now, terms = self._clock.now(), self._terms
        periods = find_periods(self._calendar, now, hour=terms.hour, most=terms.catch_up_days)
        return await self.draw_up(periods, institution)

    async def draw_up(self, periods: Sequence[Period], institution: str | None = None) -> int:
        """Draw up these periods for every institution, or one, that was registered in them; how many were new."""
        if not periods:
            return 0
        drawn = await self._books.drawn(since=str(periods[0].day))
        made = [
            await self._draw_up_one(party, period)
            for period in periods
            for party in find_institutions(self._roster.directory, before=period.end)
            if institution in {None, party.id} and (party.id, str(period.day)) not in drawn
        ]
        return sum(made)

    async def _draw_up_one(self, party: Party, period: Period) -> bool:
        lines = await self._books.traded(party.id, start=period.start, end=period.end)
        parts = cut(lines, period)
        now = self._clock.now()
        rows = [self._row(party.id, part, number, len(parts), now) for number, (part, _) in enumerate(parts, 1)]
        messages = [await self._write(row, part, now) for row, (_, part) in zip(rows, parts, strict=True)]
        made = await self._books.draw_up(rows, messages, now=now)
        if made:
            self._on_drawn()
            METRICS.add(RECONCILED, institution=party.id, result="drawn")
            self._log("reconciliation.drawn", institution=party.id, day=str(period.day), lines=len(lines))
        return made

    def _row(self, institution: str, period: Period, part: int, parts: int, now: int) -> Reconciliation:
        return Reconciliation(
            number=name_number(institution, period.day, part),
            institution=institution,
            day=str(period.day),
            part=part,
            parts=parts,
            starts_at=period.start,
            ends_at=period.end,
            drawn_at=now,
            answer_due=find_answer_due(self._calendar, now, self._terms.answer_days),
            message_id=f"reconcile-{institution}-{period.day:%Y%m%d}-{part:04d}",
        )

    async def _write(self, row: Reconciliation, lines: Sequence[Line], now: int) -> Message:
        head = {
            "reconciliationNo": row.number,
            "date": row.day,
            "periodStart": format_beijing(row.starts_at),
            "periodEnd": format_beijing(row.ends_at),
            "part": row.part,
            "parts": row.parts,
            "answerDue": format_beijing(row.answer_due),
            "digest": sm3_hex(digest_text((line.source, line.id, line.digest) for line in lines)),
        }
        letter = Letter(
            type=DAILY,
            id=row.message_id,
            subject=row.number,
            recipient=row.institution,
            data=head | describe(row.institution, lines),
        )
        return await self._scribe.write(letter, now=now)

    async def read_answers(self) -> int:
        """Compare the answers that came; how many."""
        since = self._clock.now() - LATEST_ANSWER
        waiting = await self._books.answered(since=since, limit=ANSWERS_A_STEP)
        for answered in waiting:
            await self._conclude(answered)
        return len(waiting)

    async def _conclude(self, answered: Answered) -> None:
        row = answered.reconciliation
        data = parse_object(answered.answer)["data"]
        findings = await self._compare(row.institution, parse_object(answered.daily)["data"], data)
        now = self._clock.now()
        concluded = replace(
            row,
            answered_at=answered.answered_at,
            answer_id=answered.answer_id,
            result=data["result"],
            findings=findings,
        )
        await self._books.conclude(concluded, self._warn_of(concluded), now=now)
        METRICS.add(RECONCILED, institution=row.institution, result=data["result"])
        log = {"institution": row.institution, "number": row.number, "result": data["result"]}
        self._log("reconciliation.answered", **log, differences=len(findings))

    async def _compare(self, institution: str, daily: Any, data: Any) -> Sequence[Finding]:
        keys = {(claim.source, claim.id) for claim in read_claims(data)}
        listed = frozenset((line["source"], line["id"]) for line in daily.get("lines", ()))
        kept = await self._books.kept(keys) if keys else {}
        return explain(institution, data, digest=daily["digest"], listed=listed, kept=kept)

    def _warn_of(self, row: Reconciliation) -> Sequence[Alert]:
        if not row.findings:
            return ()
        return (Alert(code=DIFFERS, about=row.number, text=_tell_differences(row)),)

    async def remind(self) -> int:
        """Alert every answer that is late, once; how many."""
        now = self._clock.now()
        late = await self._books.unanswered(now=now, limit=ANSWERS_A_STEP)
        for row in late:
            text = f"{row.institution} 未在 {format_beijing(row.answer_due)} 前答复 {row.day} 的对账 {row.number}。"
            if await self._books.remind(row.number, Alert(code=UNANSWERED, about=row.number, text=text), now=now):
                METRICS.add(RECONCILED, institution=row.institution, result="unanswered")
                self._log("reconciliation.unanswered", institution=row.institution, number=row.number)
        return len(late)


def find_institutions(directory: Directory, *, before: int) -> Iterable[Party]:
    """Institutions in business whose first key was registered before the instant, by id."""
    since: dict[str, int] = {}
    for key in directory.keys.values():
        since[key.owner_id] = min(key.not_before, since.get(key.owner_id, key.not_before))
    return [
        party
        for party in sorted(directory.parties.values(), key=lambda each: each.id)
        if party.role == "institution" and party.standing in _IN_BUSINESS and since.get(party.id, before) < before
    ]


def _tell_differences(row: Reconciliation) -> str:
    open_ = sum(not finding.settled for finding in row.findings)
    return (
        f"{row.institution} 答复 {row.day} 的对账 {row.number}：差异 {len(row.findings)} 条，其中 {open_} 条须处理；"
        f"用 wgg reconcile show --day {row.day} --institution {row.institution} 查看原因与处理办法。"
    )
