"""A year through the real store and sweep, on the fake clock, on both databases: as computed without the product.

The same stories as on the pure core (tests/domain/test_clock_year.py), fewer of them: messages are accepted, receipts
written, thresholds swept at their instants, two known days change and the next year's arrive.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.catalogue import load_calendar, load_catalogue
from gateway.core.calendar import Calendar
from gateway.core.case_changes import touches_case
from gateway.core.effects import Effects, Held, Timing, apply, find_parameters
from gateway.core.happening import Happening
from gateway.core.intake import Accepted, Item, Reach
from gateway.core.legal_clock import LegalClock
from gateway.core.sla import BeginClocks, ClockChange, find_changes
from gateway.core.wire.envelope import parse_envelope
from gateway.flow.clocks import ClockKeeper
from gateway.ports import ClockQuery, Query
from gateway.store import SqlStore
from tests.domain.test_clock_year import (
    ARRIVED,
    CHANGED,
    FIRST,
    UNTIL,
    Key,
    describe_clock,
    differ,
    foretell,
    write_folders,
)
from tests.domain.year.chapters import tell_story
from tests.domain.year.story import Step, us
from tests.domain.year.terms import THRESHOLDS, Days
from tests.harness.fake_clock import FakeClock
from tests.store.builders import make_item, make_message, make_proof
from tests.store.test_clocks import AREAS, keep

CATALOGUE = load_catalogue()
SHARE = 0.15
FAR = us(UNTIL)


@dataclass
class Run:
    """One gateway's store and timers, driven from instant to instant."""

    store: SqlStore
    clock: FakeClock
    calendar: Calendar
    keeper: ClockKeeper

    async def reach(self, at: int) -> None:
        """Sweep at each instant at which something is due, then stand at `at`."""
        while due := await self.store.due_clocks(now=at, limit=1):
            self.clock.set(max(self.clock.now(), due[0].clock.next_at or 0))
            await self.keeper.sweep()
        self.clock.set(at)

    async def adopt(self, calendar: Calendar) -> None:
        """A restart with other data."""
        self.calendar, self.keeper = calendar, keep(self.store, self.clock, calendar)
        await self.keeper.adopt()
        while await self.keeper.reckon():
            continue

    async def take(self, step: Step) -> None:
        """Whatever happens."""
        if step.receipt_of is not None:
            await self._receive(*step.receipt_of)
        elif step.name:
            await self._accept(self._write_event(step))
        else:
            await self._accept(self._write_message(step))

    async def _receive(self, source: str, number: str) -> None:
        now = self.clock.now()
        [view] = [each for each in await self.store.find(Query(source=source, limit=None)) if each.message.id == number]
        begins = BeginClocks(source=source, message_id=number, at=now, served=False, calendar=self.calendar)
        await self.store.prove(make_proof(view.delivery_id, begins=begins, at=now))

    async def _accept(self, item: Item) -> None:
        [outcome] = await self.store.accept([item])
        assert isinstance(outcome, Accepted), outcome

    def _write_event(self, step: Step) -> Item:
        """What an event of the gateway's own does to clocks, with a message that carries it."""
        now = self.clock.now()
        told = {"type": step.name, "id": f"{step.name}-{now}", "source": "gateway", "subject": step.subject}
        area = find_parameters(AREAS, None, now)
        happening = Happening(**told, platform="platform", now=now, area=area, region=None, data=step.data)
        changes: Sequence[ClockChange] = find_changes(happening, self.calendar)
        message = make_message(f"e{now}", subject=f"E-{now}", received_at=now)
        return replace(make_item(message, plan=lambda _: Effects(order=None, clocks=tuple(changes))), at=now)

    def _write_message(self, step: Step) -> Item:
        envelope, now = parse_envelope(dict(step.event)), self.clock.now()
        row = CATALOGUE.row(envelope.type)

        def judge(held: Held) -> Effects:
            return apply(
                held,
                envelope,
                row=row,
                source_role="platform" if envelope.source == "platform" else "institution",
                institution_kind="bank",
                now=now,
                areas=AREAS,
                timing=Timing(calendar=self.calendar, delivered=not step.waits),
            )

        named = {name: getattr(envelope, name) for name in ("source", "type", "subject", "recipient")}
        item = make_item(make_message(envelope.id, **named, received_at=now), plan=judge)
        assert item.draft is not None
        reach = Reach(case=touches_case(row), case_no=envelope.data.get("caseNo"))
        return replace(item, at=now, draft=replace(item.draft, reach=reach))


async def play(store: SqlStore, steps: Sequence[Step], calendars: Sequence[tuple[datetime, Calendar]]) -> None:
    """The story through the store; each calendar from its instant on."""
    run = Run(store, clock := FakeClock(us(FIRST)), calendars[0][1], keep(store, clock, calendars[0][1]))
    await run.keeper.adopt()
    moments: list[tuple[datetime, Any]] = [(step.at, step) for step in steps] + list(calendars[1:])
    for at, what in sorted(moments, key=lambda moment: moment[0]):
        if at > UNTIL:
            break
        await run.reach(us(at))
        await (run.take(what) if isinstance(what, Step) else run.adopt(what))
    await run.reach(FAR)


async def test_a_year_through_the_store_agrees_with_an_independent_computation(store: SqlStore, tmp_path: Path) -> None:
    """Starts, ends, last days, every threshold at its instant and told once to each side."""
    story = tell_story(random.Random(11), FIRST, UNTIL, share=SHARE)
    folders, since = write_folders(tmp_path), (FIRST, CHANGED, ARRIVED)
    await play(store, story.steps, [(at, load_calendar(path)) for at, path in zip(since, folders, strict=True)])
    expected = foretell(story.terms, [(at, Days(path)) for at, path in zip(since, folders, strict=True)])
    clocks = [clock for clock in await store.find_clocks(ClockQuery(limit=10_000)) if (clock.start_at or FAR) < FAR]
    found = {
        (clock.rule, clock.subject, clock.start_at): describe_clock(clock, dict(await store.fired(clock.number)))
        for clock in clocks
    }
    assert found.keys() == expected.keys()
    assert {key: (found[key], told) for key, told in expected.items() if differ(told, found[key])} == {}
    assert len({clock.rule for clock in clocks}) > 12
    assert await list_told(store) == {told for clock in clocks for told in list_letters(clock, found)}


async def list_told(store: SqlStore) -> set[str]:
    """The messages of thresholds that the store holds; an id is held once."""
    views = await store.find(Query(source="gateway", limit=None))
    return {view.message.id for view in views if not view.message.id.startswith("sla-due-")}


def list_letters(clock: LegalClock, found: Mapping[Key, Any]) -> Iterator[str]:
    """What must be told of a clock: each threshold to each side, but for ends that bring something else about."""
    sides = "pi" if clock.institution else "p"
    for percent in found[clock.rule, clock.subject, clock.start_at or 0][0]:
        if percent < 100 or clock.rule not in THRESHOLDS:
            yield from (f"sla-{percent}-{clock.number}-{side}" for side in sides)
        elif clock.rule == "lapse-notice":
            yield from (f"lapsed-{clock.number}-{side}" for side in sides)
