"""Statistics for the authority: orders, times against the law, refusals and breaches, by month, area and institution.

Fed one event and one clock at a time and bounded by months × areas × institutions, however many there are. No amount,
no name and no number of anybody enters it (domain section 7). Instants are microseconds UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.calendar import Calendar, local_date
from gateway.core.legal_clock import ClockState, LegalClock

UNKNOWN: Final = "-"
"""The area or institution of what names none."""

TIMED: Final = ("issue", "pay")
"""The clocks whose times are told: rule ids of `core.sla_table`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One accepted message that is counted: what it means, when, where and for whom."""

    kind: str
    at: int
    region: str
    institution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Which messages are counted as what: a type, and where the type alone does not say it, a member and its value."""

    kind: str
    title: str
    type: str
    member: str | None = None
    value: str | None = None


COUNTED: Final = (
    Counted(kind="applied", title="申请", type="guarantee.application.v1"),
    Counted(kind="applied", title="申请", type="account.reservation.v1"),
    Counted(kind="issued", title="开立", type="guarantee.issued.v1"),
    Counted(kind="stored", title="现金存储", type="deposit.stored.v1"),
    Counted(kind="rejected", title="驳回", type="order.status.v1", member="status", value="rejected"),
    Counted(kind="rejected", title="驳回", type="account.opened.v1", member="result", value="refused"),
    Counted(kind="cancelled", title="撤单", type="guarantee.cancellation.v1"),
    Counted(kind="claimed", title="支付通知", type="payment.notice.v1"),
    Counted(kind="payRefused", title="拒绝支付", type="payment.result.v1", member="outcome", value="refused"),
    Counted(kind="released", title="返还办结", type="release.completed.v1"),
)
KINDS: Final[Mapping[str, str]] = {row.kind: row.title for row in COUNTED}
COUNTED_TYPES: Final = tuple(dict.fromkeys(row.type for row in COUNTED))
READ_TYPES: Final = frozenset(row.type for row in COUNTED if row.member)
"""The types whose payload must be looked at."""


def kind_of(type_: str, data: Mapping[str, Any]) -> str | None:
    """What a message is counted as; None for nothing."""
    rows = (row for row in COUNTED if row.type == type_)
    return next((row.kind for row in rows if row.member is None or data.get(row.member) == row.value), None)


@dataclass(slots=True, kw_only=True)
class Term:
    """How one rule's clocks went: those that ended in time and late, and how many took so many working days."""

    on_time: int = 0
    late: int = 0
    days: Counter[int] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Clocks that ended."""
        return self.on_time + self.late

    def quantile(self, share: float) -> int | None:
        """The least number of working days within which this share was done; None before any was."""
        reached, wanted = 0, share * self.done
        for days in sorted(self.days):
            reached += self.days[days]
            if reached >= wanted:
                return days
        return None

    def add(self, other: Term) -> None:
        """Count another's clocks as well."""
        self.on_time += other.on_time
        self.late += other.late
        self.days += other.days


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was counted for one cell: events by kind, times by rule, breaches by rule, breaches still open by rule."""

    events: Counter[str] = field(default_factory=Counter)
    terms: dict[str, Term] = field(default_factory=lambda: {rule: Term() for rule in TIMED})
    breaches: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count another cell as well."""
        self.events += other.events
        self.breaches += other.breaches
        self.open += other.open
        for rule, term in other.terms.items():
            self.terms[rule].add(term)


Cell = tuple[str, str, str]
"""Month (2026-11), area code, institution."""


class Statistics:
    """The cells of one period [since, until), fed in any order."""

    def __init__(self, calendar: Calendar, *, since: int, until: int) -> None:
        self._calendar = calendar
        self._since = since
        self._until = until
        self.cells: dict[Cell, Tally] = {}
        self.terms: dict[str, set[str]] = {}

    def add_event(self, event: Happened) -> None:
        """Count a message."""
        self._cell(event.at, event.region, event.institution).events[event.kind] += 1

    def add_clock(self, clock: LegalClock) -> None:
        """Count what a clock did within the period: its end by the month of the end, its breach by the breach's."""
        region, institution = clock.region or UNKNOWN, clock.institution or UNKNOWN
        if clock.breached_at is not None and self._within(clock.breached_at):
            cell = self._cell(clock.breached_at, region, institution)
            cell.breaches[clock.rule] += 1
            cell.open[clock.rule] += clock.open
        if clock.rule in TIMED and clock.state is ClockState.ENDED and self._within(clock.ended_at):
            self._time(clock, region, institution)

    def _time(self, clock: LegalClock, region: str, institution: str) -> None:
        start, end, due = clock.start_at, clock.ended_at, clock.due_at
        if start is None or end is None or due is None:
            return
        term = self._cell(end, region, institution).terms[clock.rule]
        term.days[self._calendar.working_days_between(local_date(start), local_date(end))] += 1
        term.on_time += end <= due
        term.late += end > due
        if clock.fixed_at is None:
            self.terms.setdefault(clock.rule, set()).add(f"{clock.length.count} {clock.length.unit.value}")

    def _within(self, at: int | None) -> bool:
        return at is not None and self._since <= at < self._until

    def _cell(self, at: int, region: str, institution: str) -> Tally:
        return self.cells.setdefault((str(local_date(at))[:7], region, institution), Tally())


def group(cells: Mapping[Cell, Tally], dimensions: Sequence[int]) -> dict[tuple[str, ...], Tally]:
    """The cells put together by some of month (0), area (1) and institution (2), in order; () gives the total."""
    grouped: dict[tuple[str, ...], Tally] = {}
    for cell, tally in sorted(cells.items()):
        grouped.setdefault(tuple(cell[number] for number in dimensions), Tally()).add(tally)
    return grouped or ({} if dimensions else {(): Tally()})


def fill_months(since: int, until: int) -> Iterator[str]:
    """Every month of the period, those without a case too."""
    first, last = local_date(since), local_date(until - 1)
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield f"{year}-{month:02}"
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - months of a year


def select_cells(cells: Mapping[Cell, Tally], *, area: str | None, institution: str | None) -> dict[Cell, Tally]:
    """The cells of one area (a city's code takes in its counties) and one institution."""
    return {
        cell: tally
        for cell, tally in cells.items()
        if (area is None or cell[1].startswith(_stem(area))) and institution in {None, cell[2]}
    }


def _stem(area: str) -> str:
    """350200 is all of 3502.., 350000 all of 35....; a county is itself."""
    return area.removesuffix("00").removesuffix("00") if area.endswith("00") else area
