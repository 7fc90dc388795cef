"""What messages do to legal clocks: the table of clocks, played."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gateway.core.calendar import SHANGHAI
from gateway.core.effects import Held, apply
from gateway.core.legal_clock import ClockState, LegalClock
from gateway.core.sla import ClockLedger
from tests.domain.flow import AREAS, CATALOGUE, NOW, TIMING, make

SECOND = 1_000_000
DAY = 86_400 * SECOND


class Play:
    """An order, its case and their clocks, a message at a time."""

    def __init__(self, *, kind="bank", delivered=True, areas=AREAS):
        self.kind, self.delivered, self.areas = kind, delivered, areas
        self.orders, self.case, self.now = {}, None, NOW
        self.ledger = ClockLedger()

    def take(self, type_, variant=None, *, subject="DD-1", change=None, **ends):
        envelope = make(type_, variant, kind=self.kind, subject=subject, change=change, **ends)
        held = Held(order=self.orders.get(envelope.subject), case=self.case, others=self.orders)
        role = envelope.source if envelope.source in {"platform", "gateway"} else "institution"
        effects = apply(
            held,
            envelope,
            row=CATALOGUE.row(envelope.type),
            source_role=role,
            institution_kind=self.kind,
            now=self.now,
            areas=self.areas,
            timing=replace(TIMING, delivered=self.delivered),
        )
        self.case = effects.case or self.case
        self.orders |= {order.subject: order for order in (effects.order, *effects.others.values()) if order}
        self.ledger.add(effects.clocks)
        return envelope

    def clocks(self, rule):
        return [clock for clock in self.ledger.started if clock.rule == rule]

    def clock(self, rule) -> LegalClock:
        (found,) = self.clocks(rule)
        return found


def local(instant):
    return datetime.fromtimestamp(instant / SECOND, UTC).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def test_issue_runs_from_delivery_to_the_issued_guarantee():
    """Ten working days to the last one's midnight; the issued guarantee ends it."""
    play = Play()
    play.take("guarantee.application.v1")
    clock = play.clock("issue")
    assert (clock.state, local(clock.due_at), clock.provisional) == (ClockState.RUNNING, "2026-12-05 00:00", False)
    assert clock.basis.startswith("服务承诺书")
    play.now += DAY
    play.take("guarantee.issued.v1")
    assert (play.clock("issue").state, play.clock("issue").ended_at) == (ClockState.ENDED, NOW + DAY)
    assert play.clock("issue").next_at is None
