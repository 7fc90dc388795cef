"""The chapter of cash deposits: what the bank stores, pays out, reports and accounts for quarter by quarter."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from gateway.catalogue import example
from tests.domain.year.claims import HOUR, claim, release
from tests.domain.year.story import Story, case_of, us, write
from tests.domain.year.terms import DAY, midnight, quarter_end


def cash(story: Story, number: int) -> None:
    """A cash deposit: opened, stored, claimed, made good, its statements quarter by quarter, paid back."""
    order = f"XJ-{number}"
    case = case_of(order)
    draft = example("account.reservation.v1", subject=order, now_us=us(story.now))["data"]["notice"]
    signed = story.now - DAY * story.rng.uniform(0, 2)
    story.send(
        "account.reservation.v1", order, notice=draft | {"signatory": draft["signatory"] | {"time": write(signed)}}
    )
    owed = story.expect("deposit", case, signed)
    story.wait(0.2, 6)
    story.send("account.opened.v1", order)
    story.wait(0.2, 12)
    story.send("deposit.stored.v1", order)
    story.end(owed)
    statements = Statements(story, order)
    statements.begin()
    used = list[int]()
    topup = claim(story, order, used)
    if topup is not None:
        report_use(story, order, topup, used)
    statements.tell(quarters=story.rng.choice((1, 2, 3)))
    release(story, order, case, variant="account")
    if topup is not None:
        story.end(topup, withdrawn=True)
    story.now += HOUR
    story.send("release.completed.v1", order, variant="account")
    statements.close()


def report_use(story: Story, order: str, topup: int, used: list[int]) -> None:
    """The bank tells what became of the cash, and the contractor stores it again, or either is left undone."""
    story.wait(0.2, 7)
    if story.likely(0.8):
        story.send("deposit.usage.v1", order)
        for place in used:
            story.end(place)
    story.wait(0.2, 14)
    if story.likely(0.6):
        story.send("deposit.stored.v1", order, variant="topup")
        story.end(topup)


@dataclass
class Statements:
    """The statements of one cash deposit: a term a quarter, whether it is told in time, late, or never."""

    story: Story
    order: str
    quarter: date = date.min
    places: list[int] = field(default_factory=list)

    def begin(self) -> None:
        """The first one is that of the quarter in which the deposit is stored."""
        self.quarter = quarter_end(self.story.now.date())
        self._expect()

    def _expect(self) -> None:
        self.places.append(self.story.expect("statement", self.order, midnight(self.quarter)))

    def tell(self, quarters: int) -> None:
        """What was due meanwhile was not told; so many more are told, each after its quarter's end."""
        story = self.story
        while midnight(quarter_end(self.quarter + DAY)) < story.now:
            self._follow()
        for _ in range(quarters):
            story.now = max(story.now, midnight(self.quarter + DAY))
            story.wait(0.5, 25)
            first = (self.quarter.replace(day=1) - DAY * 61).replace(day=1)
            story.send(
                "deposit.statement.v1", self.order, periodFrom=first.isoformat(), periodTo=self.quarter.isoformat()
            )
            story.end(self.places[-1])
            self._follow()

    def _follow(self) -> None:
        self.quarter = quarter_end(self.quarter + DAY)
        self._expect()

    def close(self) -> None:
        """The deposit is paid back: no statement is owed any more; those whose time came were missed first."""
        while midnight(self.quarter) < self.story.now:
            self._follow()
        for place in self.places:
            self.story.end(place, withdrawn=True)
