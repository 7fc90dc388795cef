"""Years of orders on the pure core: every clock of every rule against an independent computation.

What happens is made up at random (`year/chapters.py`), what must come of it is computed without the product
(`year/terms.py`): starts, ends, last days, every warning and breach, through a change of published days and the arrival
of the next year's.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.catalogue.calendars import load_calendar
from gateway.core.area import Unit
from gateway.core.calendar import Calendar
from gateway.core.effects import Held, Timing, apply, find_parameters
from gateway.core.firing import Means, decide_firing
from gateway.core.happening import Happening
from gateway.core.legal_clock import LegalClock, reckon_again
from gateway.core.sla import BeginClocks, EndClocks, find_changes
from gateway.core.sla_table import RULES
from gateway.core.wire.envelope import parse_envelope
from tests.domain.flow import AREAS, CATALOGUE, TIMING
from tests.domain.year.chapters import tell_story
from tests.domain.year.story import Step, Story, us
from tests.domain.year.terms import BEIJING, DAY, NEVER, Days, Term, settle, write_overlay
from tests.harness.little_calendar import FREE, works

FIRST, UNTIL = datetime(2022, 1, 1, tzinfo=BEIJING), datetime(2027, 3, 1, tzinfo=BEIJING)
CHANGED, ARRIVED = datetime(2026, 6, 1, 9, tzinfo=BEIJING), datetime(2026, 12, 22, 9, tzinfo=BEIJING)
MILLISECOND = 1_000
Key = tuple[str, str, int]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The overlays before, after two known days changed, and with the next year."""
    return write_folders(tmp_path_factory.mktemp("calendars"))


def write_folders(parent: Path) -> tuple[Path, Path, Path]:
    """Three folders of overlays, each to count after the one before."""
    plain, changed, arrived = (parent / name for name in ("plain", "changed", "arrived"))
    for folder in (plain, changed, arrived):
        folder.mkdir()
    for folder in (changed, arrived):
        days = {"holidays": [date(2026, 6, 22), date(2026, 6, 23)], "workdays": [date(2026, 6, 27)]}
        write_overlay(folder, 2026, complete=False, **days)
    free = [date(2027, 1, 1) + DAY * step for step in range(3)] + [date(2027, 2, 5) + DAY * step for step in range(9)]
    write_overlay(arrived, 2027, complete=True, holidays=free, workdays=[date(2027, 1, 31), date(2027, 2, 20)])
    return plain, changed, arrived


@dataclass
class Book:
    """Orders, cases and clocks as a store would keep them, in memory; `calendar` is the one that counts now."""

    calendar: Calendar
    now: int = 0
    orders: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, Any] = field(default_factory=dict)
    clocks: dict[str, LegalClock] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    fired: list[tuple[str, int, int]] = field(default_factory=list)

    def write(self, changes):
        for change in changes:
            if isinstance(change, LegalClock):
                self._keep(self.clocks.setdefault(change.number, change))
                continue
            meant, turn = (change.ends, change.end) if isinstance(change, EndClocks) else (change.begins, change.begin)
            assert isinstance(change, EndClocks | BeginClocks)
            for clock in [self.clocks[number] for number in self.open]:
                if meant(clock):
                    self._keep(turn(clock))

    def _keep(self, clock):
        self.clocks[clock.number] = clock
        (self.open.add if clock.open else self.open.discard)(clock.number)

    def sweep(self, until):
        """Fire what is due, the earliest first; what came late fires now."""
        while due := [c for c in map(self.clocks.get, self.open) if c.next_at is not None and c.next_at <= until]:
            clock = min(due, key=lambda each: each.next_at)
            fired = decide_firing(clock, self.orders.get(clock.subject), Means(calendar=self.calendar, areas=AREAS))
            self.fired.append((clock.number, clock.next_percent, max(clock.next_at, self.now)))
            self._keep(fired.clock)
            if fired.order is not None:
                self._turn(fired.order)
            self.write(fired.changes)
        self.now = until

    def _turn(self, order):
        self.orders[order.subject] = order
        self.cases[order.case_no] = self.cases[order.case_no].with_order(order)

    def adopt(self, calendar):
        """New data: what counts working days and is open is reckoned anew, but for what was announced."""
        self.calendar = calendar
        for clock in [self.clocks[number] for number in self.open]:
            counted = clock.start_at is not None and clock.fixed_at is None and clock.length.unit is Unit.WORKING_DAYS
            if counted and not RULES[clock.rule].announced:
                self._keep(reckon_again(clock, calendar))

    def take(self, step: Step):
        if step.receipt_of is not None:
            source, number = step.receipt_of
            begins = {"source": source, "message_id": number, "at": us(step.at), "served": False}
            self.write([BeginClocks(**begins, calendar=self.calendar)])
        elif step.name:
            self.write(find_changes(self._happen(step), self.calendar))
        else:
            self._accept(step)

    def _happen(self, step):
        at = us(step.at)
        told = {"type": step.name, "id": f"{step.name}-{at}", "source": "gateway", "subject": step.subject}
        area = find_parameters(AREAS, None, at)
        return Happening(**told, platform="platform", now=at, area=area, region=None, data=step.data)

    def _accept(self, step):
        envelope = parse_envelope(dict(step.event))
        CATALOGUE.check(envelope.type, dict(step.event))
        order = self.orders.get(envelope.subject)
        number = envelope.data.get("caseNo") or (order.case_no if order else envelope.subject)
        effects = apply(
            Held(order=order, case=self.cases.get(number)),
            envelope,
            row=CATALOGUE.row(envelope.type),
            source_role=envelope.source if envelope.source == "platform" else "institution",
            institution_kind="bank",
            now=us(step.at),
            areas=AREAS,
            timing=Timing(calendar=self.calendar, delivered=not step.waits),
        )
        if effects.order is not None:
            self.orders[envelope.subject] = effects.order
        if effects.case is not None:
            self.cases[number] = effects.case
        self.write(effects.clocks)


def play(story: Story, calendars) -> Book:
    """The story through the core; each calendar is in force from its instant on."""
    book = Book(calendar=calendars[0][1])
    turns = [(since, calendar) for since, calendar in calendars[1:]]
    moments = sorted([*story.steps, *turns], key=lambda each: each.at if isinstance(each, Step) else each[0])
    for each in moments:
        at = each.at if isinstance(each, Step) else each[0]
        if at > UNTIL:
            break
        book.sweep(us(at))
        book.take(each) if isinstance(each, Step) else book.adopt(each[1])
    book.sweep(us(UNTIL))
    return book


def describe(book: Book) -> dict[Key, Any]:
    """Each clock that began: what was fired when, its last day, whether that is sure, how it stands."""
    fired: dict[str, dict[int, int]] = {}
    for number, percent, at in book.fired:
        fired.setdefault(number, {})[percent] = at
    return {
        (clock.rule, clock.subject, clock.start_at): describe_clock(clock, fired.get(clock.number, {}))
        for clock in book.clocks.values()
        if clock.start_at is not None and clock.start_at <= us(UNTIL)
    }


def describe_clock(clock: LegalClock, fired: dict[int, int]) -> Any:
    """What was fired when, the end, whether it is sure, and how the clock stands."""
    due = clock.due_at if clock.due_at is not None else us(NEVER)
    return fired, due, clock.provisional, "breached" if clock.open and clock.breached_at else clock.state.value


def foretell(terms: list[tuple[Term, datetime]], calendars) -> dict[Key, Any]:
    """The same by the independent computation."""
    told = {}
    for term, created in terms:
        if max(term.start, created) <= UNTIL:
            outcome = settle(term, calendars, created, UNTIL)
            fired = {percent: us(at) for percent, at in outcome.fired.items()}
            told[term.rule, term.subject, us(term.start)] = (fired, us(outcome.due), outcome.provisional, outcome.state)
    return told


def differ(mine, theirs) -> bool:
    """Whether two descriptions of a clock differ by more than rounding."""
    if theirs is None or mine[0].keys() != theirs[0].keys() or mine[2:] != theirs[2:]:
        return True
    pairs = [(mine[0][percent], theirs[0][percent]) for percent in mine[0]] + [(mine[1], theirs[1])]
    return any(abs(one - other) > MILLISECOND for one, other in pairs)


@pytest.mark.parametrize("seed", [4, 2026])
def test_years_of_orders_agree_with_an_independent_computation(seed: int, folders: tuple[Path, Path, Path]):
    """Every rule's clocks start, warn, break, end and move as computed by other means; no other clock is there."""
    story = tell_story(random.Random(seed), FIRST, UNTIL)
    since = (FIRST - timedelta(days=1), CHANGED, ARRIVED)
    book = play(story, [(at, load_calendar(folder)) for at, folder in zip(since, folders, strict=True)])
    expected = foretell(story.terms, [(at, Days(folder)) for at, folder in zip(since, folders, strict=True)])
    found = describe(book)
    assert found.keys() == expected.keys()
    assert {key: (found[key], told) for key, told in expected.items() if differ(told, found[key])} == {}
    assert max(Counter((number, percent) for number, percent, _ in book.fired).values()) == 1
    check_breadth(book, expected)


def check_breadth(book: Book, expected: dict[Key, Any]) -> None:
    """The story had something to say: of each rule, of each threshold and state, of terms that moved."""
    assert {key[0] for key in expected} == set(RULES)
    fired = Counter((key[0], percent) for key, told in expected.items() for percent in told[0])
    assert {rule for rule, percent in fired if percent == 100} == set(RULES)
    assert {percent for rule, percent in fired if rule == "expiry"} == {0, 50, 80, 95, 100}
    assert min(fired["pay", percent] for percent in (50, 80, 95, 100)) > 5
    assert {told[3] for told in expected.values()} == {"running", "breached", "ended", "withdrawn"}
    assert any(clock.fixed_at for clock in book.clocks.values() if clock.rule == "pay")
    assert any(told[2] for told in expected.values())
    assert len({clock.calendar for clock in book.clocks.values() if clock.due_at is not None}) == 3


def test_the_little_calendar_is_the_known_one():
    """The table written by hand and the package agree on every day of 2026."""
    days = [date(2026, 1, 1) + timedelta(days=step) for step in range(365)]
    assert [day for day in days if works(day) != TIMING.calendar.is_working(day)] == []
    assert len(FREE) == 33
