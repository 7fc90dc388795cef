"""A year of orders on the pure core, checked against dates that are computed without it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from gateway.catalogue import example
from gateway.core.effects import Held, apply
from gateway.core.firing import Means, decide_firing
from gateway.core.legal_clock import LegalClock
from gateway.core.sla import BeginClocks, EndClocks
from gateway.core.wire.envelope import parse_envelope
from tests.domain.flow import AREAS, CATALOGUE, TIMING
from tests.harness.little_calendar import BEIJING, FREE, share_over, works

SECOND = 1_000_000
ORDERS = 120
FIRST, LAST = datetime(2026, 1, 1, tzinfo=BEIJING), datetime(2027, 1, 1, tzinfo=BEIJING)
LENGTHS = {"issue": 10, "pay": 5, "topup": 10}
PERCENTS = (50, 80, 95, 100)


def us(instant: datetime) -> int:
    return round(instant.timestamp() * SECOND)


@dataclass
class Book:
    """Orders, cases and clocks as a store would keep them, in memory."""

    orders: dict = field(default_factory=dict)
    cases: dict = field(default_factory=dict)
    clocks: dict[str, LegalClock] = field(default_factory=dict)
    fired: list = field(default_factory=list)

    def write(self, changes):
        for change in changes:
            match change:
                case LegalClock():
                    self.clocks.setdefault(change.number, change)
                case EndClocks():
                    self.clocks |= {n: change.end(clock) for n, clock in self.clocks.items() if change.ends(clock)}
                case BeginClocks():
                    self.clocks |= {n: change.begin(clock) for n, clock in self.clocks.items() if change.begins(clock)}

    def sweep(self, until):
        means = Means(calendar=TIMING.calendar, areas=AREAS)
        while due := [clock for clock in self.clocks.values() if clock.next_at is not None and clock.next_at <= until]:
            clock = min(due, key=lambda each: each.next_at)
            fired = decide_firing(clock, self.orders.get(clock.subject), means)
            self.fired.append((clock.rule, clock.subject, clock.next_percent, clock.next_at))
            self.clocks[clock.number] = fired.clock
            if fired.order is not None:
                self.orders[fired.order.subject] = fired.order
            self.write(fired.changes)

    def take(self, at, envelope):
        self.sweep(at)
        order = self.orders.get(envelope.subject)
        number = envelope.data.get("caseNo") or order.case_no
        effects = apply(
            Held(order=order, case=self.cases.get(number)),
            envelope,
            row=CATALOGUE.row(envelope.type),
            source_role=envelope.source if envelope.source == "platform" else "institution",
            institution_kind="bank",
            now=at,
            areas=AREAS,
            timing=TIMING,
        )
        self.orders[envelope.subject] = effects.order
        if effects.case is not None:
            self.cases[number] = effects.case
        self.write(effects.clocks)


def play_year(rng):
    """Messages of the year with their instants, and the terms that they start and end: rule, subject, from, to, due."""
    messages, terms = [], []
    for number in range(ORDERS):
        subject = f"DD-{number}"
        applied = FIRST + timedelta(seconds=rng.uniform(0, 350 * 86_400))
        issued, noticed = applied + timedelta(days=rng.uniform(0.5, 25)), None
        messages.append(write(applied, "guarantee.application.v1", subject))
        messages.append(write(issued, "guarantee.issued.v1", subject))
        terms.append(("issue", subject, applied, issued, None))
        noticed = issued + timedelta(days=rng.uniform(1, 60))
        special = noticed + timedelta(days=rng.uniform(1, 4)) if number % 4 == 0 else None
        paid = noticed + timedelta(days=rng.uniform(0.5, 15))
        messages.append(write(noticed, "payment.notice.v1", subject, special))
        messages.append(write(paid, "payment.result.v1", subject))
        terms += [("pay", subject, noticed, paid, special), ("topup", subject, paid, LAST, None)]
    return sorted(((at, envelope) for at, envelope in messages if at < LAST), key=lambda each: each[0]), terms


def write(at, type_, subject, special=None):
    """A message of this instant; `special` is the date that a payment notice sets."""
    event = example(type_, kind="bank", subject=subject, now_us=us(at))
    event["data"].pop("specialPayment", None)
    if special is not None:
        due = special.isoformat(timespec="microseconds")
        event["data"]["specialPayment"] = {"ground": "festival", "due": due}
    return at, parse_envelope(event)


def expect(terms):
    """What must fire in the year, and when, by the little calendar."""
    for rule, subject, start, end, special in terms:
        for percent in PERCENTS:
            at = (
                share_over(start, LENGTHS[rule], percent)
                if special is None
                else start + (special - start) * percent / 100
            )
            if start < LAST and at <= min(end, LAST):
                yield rule, subject, percent, at


@pytest.mark.parametrize("seed", [7])
def test_a_year_of_orders_agrees_with_an_independent_computation(seed):
    """Every warning and breach of issuing, paying and topping up comes once, at the instant computed by hand."""
    book, (messages, terms) = Book(), play_year(random.Random(seed))
    for at, envelope in messages:
        book.take(us(at), envelope)
    book.sweep(us(LAST))
    fired = {(rule, subject, percent): at for rule, subject, percent, at in book.fired if rule in LENGTHS}
    expected = {(rule, subject, percent): us(at) for rule, subject, percent, at in expect(terms)}
    assert fired.keys() == expected.keys()
    assert all(abs(fired[key] - expected[key]) <= SECOND for key in fired)
    assert max(Counter(each[:3] for each in book.fired).values()) == 1
    assert Counter(percent for _, _, percent in expected)[100] > ORDERS // 4


def test_the_little_calendar_is_the_known_one():
    """The table written by hand and the package agree on every day of 2026."""
    days = [date(2026, 1, 1) + timedelta(days=step) for step in range(365)]
    assert [day for day in days if works(day) != TIMING.calendar.is_working(day)] == []
    assert len(FREE) == 33
