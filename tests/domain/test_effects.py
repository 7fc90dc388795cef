"""What accepted messages do to their order, message by message."""

from __future__ import annotations

import json

import pytest

from gateway.core.effects import Effects
from gateway.core.money import write_words
from gateway.core.order import Order
from gateway.core.order_table import STATES
from gateway.core.parameters import Parameters
from tests.domain.flow import CATALOGUE, NOW, decide, follow, make, refusal_of

APPLY, ISSUE, NOTICE, RESULT = (
    "guarantee.application.v1",
    "guarantee.issued.v1",
    "payment.notice.v1",
    "payment.result.v1",
)
RESERVE, STORE, AMEND = ("account.reservation.v1", "deposit.stored.v1", "guarantee.amended.v1")
OPENING = {APPLY, RESERVE}
EVENTFUL = [row.type for row in CATALOGUE.types.values() if row.event]
GUARANTEE = (
    APPLY,
    "guarantee.supplement.v1",
    "order.status.v1",
    ISSUE,
    "guarantee.query.v1",
    "guarantee.query_result.v1",
    "invoice.requested.v1",
    "invoice.issued.v1",
    "authenticity.query.v1",
    "authenticity.result.v1",
    "guarantee.extension_request.v1",
    AMEND,
    NOTICE,
    "payment.payee_correction.v1",
    RESULT,
    (AMEND, "topup"),
    "inspection.request.v1",
    "inspection.response.v1",
    "release.confirmation.v1",
    "release.completed.v1",
)
CASH = (
    RESERVE,
    "account.opened.v1",
    STORE,
    NOTICE,
    "payment.notice_withdrawal.v1",
    "deposit.usage.v1",
    "deposit.statement.v1",
    ("release.confirmation.v1", "account"),
    ("release.completed.v1", "account"),
)


def total(fen, *parts):
    """Change a notice's payees to these amounts and its total to `fen`."""

    def change(data):
        data["payees"] = [
            data["payees"][0] | {"payeeId": str(index), "amount": {"currency": "CNY", "fen": part}}
            for index, part in enumerate(parts or (fen,))
        ]
        data["total"] |= {"fen": fen, "words": write_words(fen)}

    return change


def notice(number, fen, *parts):
    def change(data):
        total(fen, *parts)(data)
        data["noticeNo"] = number
        del data["guaranteeNo"]

    return make(NOTICE, change=change)


def results(number, **outcomes):
    """A result of this notice; the payee with id 0 is called p0, and so on."""

    def change(data):
        data["noticeNo"] = number
        data["results"] = [
            {
                "payeeId": name[1:],
                "result": outcome,
                "transactionNo": "T",
                "time": "2026-11-20T09:00:00Z",
                "reason": "r",
            }
            for name, outcome in outcomes.items()
        ]

    return make(RESULT, change=change)


@pytest.mark.parametrize("kind", ["bank", "insurer", "guarantor"])
def test_examples_of_one_subject_are_a_legal_sequence(kind):
    """The examples of one subject are accepted from application to release, for each kind of institution."""
    assert follow(*GUARANTEE, kind=kind).state == "released"


def test_the_examples_of_a_cash_deposit_are_a_legal_sequence():
    """From the reservation of an account to its closure."""
    assert follow(*CASH).state == "released"


def test_every_type_that_touches_an_order_stands_in_a_legal_sequence():
    """The two sequences and a cancellation name every type with an event."""
    named = {step if isinstance(step, str) else step[0] for step in (*GUARANTEE, *CASH)}
    assert named | {"guarantee.cancellation.v1"} == set(EVENTFUL)


def test_the_longer_road_through_every_status_is_legal():
    """Review, supplement, acceptance, fee, issue under the strict parameter too."""
    steps = [("order.status.v1", name) for name in ("supplement_required", "accepted", "awaiting_fee", "fee_paid")]
    strict = Parameters(issue_from=frozenset())
    assert follow(APPLY, "order.status.v1", *steps, ISSUE, parameters=strict).state == "in_force"
    assert refusal_of(follow(APPLY), make(ISSUE), parameters=strict).code == "STATE_CONFLICT"


def test_an_application_opens_the_order_of_its_two_parties():
    """The order keeps its parties, kind, amount, case and the instant."""
    order = decide(None, make(APPLY), kind="insurer", now=NOW + 77).order
    assert (order.platform, order.institution, order.institution_kind) == ("platform", "xmccb", "insurer")
    assert (order.state, order.since, order.amount_fen, order.subject) == ("applied", NOW + 77, 100_000_000, "DD-1")


def test_an_issued_guarantee_sets_number_amount_and_end_once():
    """Issuing records the guarantee; a second issue is refused."""
    order = follow(APPLY, ISSUE)
    data = make(ISSUE).data
    assert (order.guarantee_no, order.valid_to, order.amount_fen) == (
        data["guaranteeNo"],
        data["validTo"],
        data["amount"]["fen"],
    )
    assert refusal_of(order, make(ISSUE)).code == "STATE_CONFLICT"


@pytest.mark.parametrize(
    "step",
    ["guarantee.cancellation.v1", ("order.status.v1", "rejected")],
)
def test_a_closed_order_takes_no_further_business(step):
    """After a cancellation or rejection neither issue nor invoice nor a new application passes, a query does."""
    order = follow(APPLY, step)
    for type_ in (ISSUE, "invoice.requested.v1", NOTICE, APPLY):
        assert refusal_of(order, make(type_)).code == "STATE_CONFLICT"
    assert refusal_of(order, make("authenticity.query.v1")) is None


def test_a_conflict_names_state_and_message_in_chinese():
    """The text of a conflict names the order, its state and the message."""
    problem = refusal_of(follow(APPLY, ISSUE), make("release.completed.v1"))
    for word in ("DD-1", "生效中", "in_force", "返还办结", "release.completed.v1"):
        assert word in problem.message
    assert problem.errors[0].pointer == "/subject"


@pytest.mark.parametrize(
    ("type_", "ends"),
    [
        (ISSUE, {"source": "other"}),
        ("authenticity.query.v1", {"recipient": "other"}),
        (ISSUE, {"recipient": "platform2"}),
        (APPLY, {"recipient": "other"}),
    ],
)
def test_for_anyone_else_an_order_does_not_exist(type_, ends):
    """A stranger meets the same conflict, word for word, as for an order that was never applied for."""
    stranger = make(type_, **ends)
    problem = refusal_of(follow(APPLY), stranger)
    assert problem.code == "STATE_CONFLICT"
    assert not any(state in problem.message for state in STATES.values())
    if type_ != APPLY:
        assert problem.message == refusal_of(None, stranger).message


@pytest.mark.parametrize("type_", [type_ for type_ in EVENTFUL if type_ not in OPENING])
def test_an_unknown_order_is_a_conflict(type_):
    """Every message but an application needs an order."""
    assert refusal_of(None, make(type_)).code == "STATE_CONFLICT"


@pytest.mark.parametrize("order", [None, "applied"])
def test_a_failure_notice_touches_no_order(order):
    """message.failed passes whatever the order is, and leaves it."""
    standing = follow(APPLY) if order else None
    assert decide(standing, make("message.failed.v1")) == Effects(order=standing)


def test_a_message_that_changes_nothing_returns_the_same_order():
    """A query gives back the very order, so that the store need not write it."""
    order = follow(APPLY)
    assert decide(order, make("authenticity.query.v1")).order is order


def test_since_is_the_instant_of_the_state():
    """A new state takes the instant of its message; a message within a state leaves it."""
    order = decide(None, make(APPLY), now=NOW + 1).order
    order = decide(order, make("order.status.v1"), now=NOW + 2).order
    assert order.since == NOW + 2
    assert decide(order, make("order.status.v1"), now=NOW + 3).order.since == NOW + 2


def test_results_of_one_notice_add_up():
    """Two messages each paying one payee close the notice, the first alone leaves it open."""
    order = follow(APPLY, ISSUE, notice("N1", 300, 100, 200))
    assert (order.state, order.free_fen) == ("claimed", 99_999_700)
    order = follow(results("N1", p0="paid"), order=order)
    assert (order.state, order.paid_fen) == ("claimed", 100)
    order = follow(results("N1", p0="paid", p1="paid"), order=order)
    assert (order.state, order.paid_fen, order.balance_fen) == ("drawn", 300, 99_999_700)


def test_a_failed_transfer_and_a_refusal_leave_the_claim_open():
    """A failure leaves its payee unpaid, a refusal the whole notice; both can be paid later."""
    order = follow(APPLY, ISSUE, NOTICE, (RESULT, "partial"), (RESULT, "refused"))
    assert (order.state, order.paid_fen) == ("claimed", 1_850_000)
    assert follow(RESULT, order=order).state == "drawn"


def test_several_notices_share_the_balance():
    """A second notice may claim what the first leaves free, and no fen more."""
    order = follow(APPLY, ISSUE, notice("N1", 99_999_999))
    assert refusal_of(order, notice("N2", 2)).code == "STATE_CONFLICT"
    order = follow(notice("N2", 1), order=order)
    order = follow(results("N1", p0="paid"), order=order)
    assert order.state == "claimed"
    order = follow(results("N2", p0="paid"), order=order)
    assert (order.state, order.lapse_ground) == ("lapsed", "performed")


def test_a_transfer_that_came_back_reopens_the_claim():
    """From drawn and from lapsed a returned transfer leads back to claimed, and its payment to the end again."""
    order = follow(APPLY, ISSUE, NOTICE, RESULT)
    order = follow((RESULT, "returned"), order=order)
    assert (order.state, order.paid_fen) == ("claimed", 1_850_000)
    assert follow(RESULT, order=order).state == "drawn"
    spent = follow(APPLY, ISSUE, notice("N1", 100_000_000), results("N1", p0="paid"))
    assert spent.state == "lapsed"
    back = follow(results("N1", p0="returned"), order=spent)
    assert (back.state, back.lapse_ground) == ("claimed", None)


@pytest.mark.parametrize(
    ("envelope", "pointer"),
    [
        (notice("N1", 1), "/data/noticeNo"),
        (results("N9", p0="paid"), "/data/noticeNo"),
        (results("N1", p7="paid"), "/data/results/0/payeeId"),
        (results("N1", p1="paid", p0="failed"), "/data/results/1/result"),
    ],
)
def test_a_payload_that_does_not_fit_the_notices_is_a_conflict(envelope, pointer):
    """A number used twice, an unknown notice or payee, and a failure after payment are refused where they stand."""
    order = follow(APPLY, ISSUE, notice("N1", 300, 100, 200), results("N1", p0="paid"))
    problem = refusal_of(order, envelope)
    assert (problem.code, problem.errors[0].pointer) == ("STATE_CONFLICT", pointer)


def test_a_settled_notice_cannot_be_refused():
    """A refusal of a notice that is paid is a conflict while another one is open."""
    order = follow(APPLY, ISSUE, notice("N1", 100), notice("N2", 100), results("N1", p0="paid"))

    def refuse(data):
        data["noticeNo"] = "N1"

    assert refusal_of(order, make(RESULT, "refused", change=refuse)).code == "STATE_CONFLICT"


def test_a_released_order_cannot_be_claimed():
    """Once release is confirmed no notice passes."""
    order = follow(APPLY, ISSUE, "release.confirmation.v1")
    assert refusal_of(order, make(NOTICE)).code == "STATE_CONFLICT"


def test_an_order_survives_the_store():
    """An order with open, paid, failed and returned payees reads back equal from JSON text."""
    for steps in (
        (APPLY,),
        (APPLY, ISSUE, NOTICE, (RESULT, "partial")),
        (APPLY, ISSUE, NOTICE, RESULT, (RESULT, "returned")),
    ):
        order = follow(*steps)
        assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order


def test_an_order_is_not_changed_by_a_refusal_or_a_later_message():
    """Orders are values: what a later message makes leaves the earlier one as it was."""
    order = follow(APPLY, ISSUE, NOTICE)
    before = json.dumps(order.to_json())
    decide(order, make(RESULT))
    refusal_of(order, make(NOTICE))
    assert json.dumps(order.to_json()) == before
    assert order.since == NOW
