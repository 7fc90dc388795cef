"""The transition table, row by row, and everything that stands in no row."""

from __future__ import annotations

import itertools
from types import MappingProxyType

import pytest

from gateway.core.order import Notice, Order, Payee
from gateway.core.order_table import CONDITIONS, STATES, TABLE, Facts, choose_row, find_rows
from gateway.core.parameters import DEFAULTS, Parameters

PRE = ["applied", "under_review", "accepted", "awaiting_fee", "fee_paid", "reserved", "opened"]
FEE_ON = ["fee_paid", "in_force", "claimed", "drawn", "lapsed", "releasing", "released"]
STRICT = Parameters(issue_from=frozenset())
RETURNING = Parameters(return_on_suspension=True)

TODAY = "2026-11-20"

UNPAID = {"N": Notice(total_fen=40, payees={"1": Payee(amount_fen=40)})}
PAID = {"N": Notice(total_fen=40, payees={"1": Payee(amount_fen=40, outcome="paid")})}
ALL_PAID = {"N": Notice(total_fen=100, payees={"1": Payee(amount_fen=100, outcome="paid")})}


def order(state, notices=None, **fields):
    base = {
        "subject": "1",
        "platform": "platform",
        "institution": "xmccb",
        "institution_kind": "bank",
        "since": 0,
        "amount_fen": 100,
        "case_no": "C",
    }
    return Order(**(base | fields), state=state, notices=MappingProxyType(notices or {}))


def go(state, event, *, parameters=DEFAULTS, notices=None, case=None, **fields):
    """The next state and flag, or the text of the condition that fails, or None where the table has no row."""
    rows = find_rows(state, event)
    after = order(state or "", notices, **fields)
    before = None if state is None else after
    chosen = choose_row(rows, Facts(before=before, after=after, parameters=parameters, today=TODAY, case=case))
    if isinstance(chosen, str):
        return chosen or None
    return chosen.to or state, after.flag or chosen.flag


# (states, event, next state; None: the same) as domain section 3 has them, where no condition is asked for.
PLAIN = [
    ([None], "guarantee.application", "applied"),
    (["applied", "under_review"], "order.status.under_review", "under_review"),
    (["applied", "under_review"], "order.status.supplement_required", "under_review"),
    ([None], "account.reservation", "reserved"),
    (["applied", "under_review"], "guarantee.supplement", "under_review"),
    (["reserved"], "account.opened.opened", "opened"),
    (["reserved", "opened"], "account.opened.refused", "rejected"),
    (["applied", "under_review"], "order.status.accepted", "accepted"),
    (["accepted"], "order.status.awaiting_fee", "awaiting_fee"),
    (["accepted", "awaiting_fee"], "order.status.fee_paid", "fee_paid"),
    (PRE, "order.status.rejected", "rejected"),
    (PRE, "guarantee.cancellation", "cancelled"),
    (["applied", "under_review", "accepted", "awaiting_fee", "fee_paid"], "guarantee.issued", "in_force"),
    (["in_force", "drawn", "claimed"], "payment.notice", "claimed"),
    (["in_force", "drawn"], "order.replaced", "lapsed"),
    (["claimed"], "order.replaced", "claimed"),
    (["in_force", "drawn"], "order.ended", "lapsed"),
    (["claimed"], "order.ended", "claimed"),
    (["in_force", "drawn"], "release.confirmation", "releasing"),
    (["releasing"], "release.completed", "released"),
    (FEE_ON, "invoice.requested", None),
    (FEE_ON, "invoice.issued", None),
    (list(STATES), "authenticity.query", None),
    (list(STATES), "authenticity.result", None),
    (list(STATES), "order.status.refunded", None),
    (list(STATES), "guarantee.query", None),
    (list(STATES), "guarantee.query_result", None),
    (list(STATES), "inspection.request", None),
    (list(STATES), "inspection.response", None),
    (["in_force", "drawn", "claimed"], "guarantee.extension_request", None),
]
ROWS = [(state, event, to or state) for states, event, to in PLAIN for state in states]


@pytest.mark.parametrize(("state", "event", "to"), ROWS)
def test_a_row_leads_where_the_domain_says(state, event, to):
    """Each state and event of the domain's table leads to its next state."""
    assert go(state, event)[0] == to


def test_everything_else_stands_in_no_row():
    """Every pair of state and event outside the domain's table is refused."""
    allowed = {(state, event) for state, event, _ in ROWS}
    allowed |= {(state, "payment.result") for state in ("claimed", "drawn", "lapsed")}
    allowed |= {("claimed", "payment.notice_withdrawal"), ("claimed", "payment.payee_correction")}
    allowed |= {(state, "guarantee.amended.extension") for state in ("in_force", "claimed", "drawn")}
    allowed |= {(state, "guarantee.amended.topup") for state in ("claimed", "drawn")}
    allowed |= {(state, "deposit.stored") for state in ("opened", "claimed", "drawn")}
    allowed |= {(state, event) for state in STATES for event in ("deposit.usage", "deposit.statement")}
    allowed |= {(state, "institution.suspended") for state in ("applied", "under_review", "reserved")}
    events = {row.event for row in TABLE}
    for state, event in itertools.product([None, *STATES], events):
        assert bool(find_rows(state, event)) is ((state, event) in allowed), (state, event)


@pytest.mark.parametrize(
    ("state", "settings", "outcome"),
    [
        ("claimed", {"notices": UNPAID}, ("claimed", None)),
        ("claimed", {"notices": UNPAID, "flag": "expired"}, ("claimed", "expired")),
        ("claimed", {"notices": PAID, "flag": "expired"}, ("lapsed", "expired")),
        ("claimed", {"notices": PAID, "flag": "replaced"}, ("lapsed", "replaced")),
        ("claimed", {"notices": {}}, ("in_force", None)),
        ("claimed", {"notices": PAID}, ("drawn", None)),
        ("claimed", {"notices": ALL_PAID}, ("lapsed", None)),
        ("claimed", {"notices": ALL_PAID, "cash": True}, ("drawn", None)),
        ("claimed", {"notices": ALL_PAID, "flag": "expired"}, ("lapsed", "expired")),
        ("drawn", {"notices": UNPAID}, ("claimed", None)),
        ("lapsed", {"notices": UNPAID}, ("claimed", None)),
        ("lapsed", {"notices": UNPAID, "flag": "expired"}, ("claimed", "expired")),
        ("drawn", {"notices": PAID}, CONDITIONS["claim_open"].text),
        ("lapsed", {"notices": PAID}, CONDITIONS["claim_open"].text),
    ],
)
def test_a_result_closes_or_reopens_a_claim(state, settings, outcome):
    """A payment result keeps, closes or reopens the claim by what is unpaid, flagged and left."""
    assert go(state, "payment.result", **settings) == outcome


@pytest.mark.parametrize(
    ("state", "event", "settings", "outcome"),
    [
        ("accepted", "guarantee.issued", {"parameters": STRICT}, CONDITIONS["early_issue"].text),
        ("fee_paid", "guarantee.issued", {"parameters": STRICT}, ("in_force", None)),
        ("applied", "institution.suspended", {}, CONDITIONS["return_on_suspension"].text),
        ("applied", "institution.suspended", {"parameters": RETURNING}, ("rejected", None)),
        ("reserved", "institution.suspended", {"parameters": RETURNING}, ("rejected", None)),
        ("claimed", "payment.notice", {"flag": "expired"}, CONDITIONS["no_flag"].text),
        ("drawn", "payment.notice", {"notices": UNPAID, "amount_fen": 39}, CONDITIONS["within_balance"].text),
        ("drawn", "payment.notice", {"notices": UNPAID, "amount_fen": 40}, ("claimed", None)),
        ("in_force", "order.replaced", {}, ("lapsed", "replaced")),
        ("claimed", "order.replaced", {"notices": UNPAID}, ("claimed", "replaced")),
        ("drawn", "order.ended", {"notices": PAID}, ("lapsed", "expired")),
        ("claimed", "order.ended", {"notices": UNPAID}, ("claimed", "expired")),
        ("in_force", "order.ended", {"cash": True}, CONDITIONS["guarantee"].text),
    ],
)
def test_conditions_and_flags(state, event, settings, outcome):
    """A condition that fails is named by its text; replacing and the end date leave their flag."""
    assert go(state, event, **settings) == outcome


def test_every_state_and_condition_of_the_table_is_known():
    """Rows name only states that have a Chinese name and conditions that exist, and use all conditions."""
    for row in TABLE:
        assert (row.states or set()) <= STATES.keys()
        assert row.to is None or row.to in STATES
    assert {name for row in TABLE for name in row.conditions} == CONDITIONS.keys()
