"""The fold that settles a batch (architecture, "The way of a message", point 1)."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.effects import Effects, Held
from gateway.core.errors import Problem
from gateway.core.intake import (
    Accepted,
    Draft,
    Fold,
    Item,
    Known,
    Nonce,
    Refused,
    Spent,
    Subject,
    wanted_ids,
    wanted_subjects,
)
from gateway.core.message import Message
from gateway.core.order import Order

MESSAGE = Message(
    source="platform",
    id="m-1",
    type="guarantee.application.v1",
    subject="ORD-1",
    recipient="xmccb",
    correlation_id=None,
    digest="aa",
    body=b"{}",
    origin="GZBZJ1-SM2-WITH-SM3 ...",
    received_at=1,
    receipt_no="R1",
    receipt=b'{"receiptNo":"R1"}',
)


def pass_through(held: Held) -> Effects:
    """A plan that lets the order be."""
    return Effects(order=held.order)


def item(nonce: str = "n1", *, message: Message = MESSAGE, refusal: Problem | None = None, plan=pass_through) -> Item:
    """A message with its own nonce."""
    return Item(nonce=Nonce(serial_no="S", value=nonce), at=1, draft=Draft(message=message, refusal=refusal, plan=plan))


def fold(*items: Item, fresh: set[str] | None = None, known: dict | None = None) -> tuple[list, Fold]:
    """Fold the items; every nonce is fresh unless `fresh` says which are."""
    nonces = {i.nonce for i in items} if fresh is None else {Nonce(serial_no="S", value=value) for value in fresh}
    state = Fold(
        fresh=nonces,
        known=dict(known or {}),
        subjects={subject: Subject(position=0, order=None) for subject in wanted_subjects(items)},
    )
    return state.run(items), state


def codes(outcomes: list) -> list[str]:
    """Each outcome in a word."""
    return [
        o.problem.code if isinstance(o, Refused) else "SPENT" if isinstance(o, Spent) else "202" if o.fresh else "200"
        for o in outcomes
    ]


def test_twins_in_one_batch():
    """The same bytes twice: 202 then 200 with the same receipt, one row; other bytes: a conflict."""
    twin = replace(MESSAGE, receipt_no="R2", receipt=b"other")
    other = replace(MESSAGE, digest="bb")
    outcomes, state = fold(item("n1"), item("n2", message=twin), item("n3", message=other))
    assert codes(outcomes) == ["202", "200", "MESSAGE_ID_CONFLICT"]
    assert isinstance(outcomes[1], Accepted)
    assert outcomes[1].receipt == MESSAGE.receipt
    assert len(state.new) == 1


def test_a_replayed_nonce_comes_before_everything():
    """NONCE_REPLAYED precedes a schema error and a known id; twins of one nonce are replays of the first."""
    bad = Problem("SCHEMA_INVALID")
    outcomes, _ = fold(item("n1"), item("n1"), item("n2", refusal=bad), fresh={"n1"})
    assert codes(outcomes) == ["202", "NONCE_REPLAYED", "NONCE_REPLAYED"]


def test_the_id_comes_before_type_permission_and_schema():
    """A message whose bytes were accepted once earns its receipt again, even when it would be refused today."""
    known = {MESSAGE.key: Known(digest=MESSAGE.digest, receipt=b"old")}
    outcomes, state = fold(item(refusal=Problem("INSTITUTION_SUSPENDED")), known=known)
    assert outcomes == [Accepted(receipt=b"old", fresh=False)]
    assert not state.new


def test_a_refused_message_does_not_use_up_its_id():
    """The corrected message may keep the id of the refused one."""
    corrected = replace(MESSAGE, digest="bb")
    outcomes, _ = fold(item("n1", refusal=Problem("SCHEMA_INVALID")), item("n2", message=corrected))
    assert codes(outcomes) == ["SCHEMA_INVALID", "202"]


def test_a_conflict_of_state_leaves_no_trace():
    """A plan that refuses takes no position and writes no row."""

    def refuse(_: Held) -> Effects:
        raise Problem("STATE_CONFLICT")

    second = replace(MESSAGE, id="m-2")
    outcomes, state = fold(item("n1", plan=refuse), item("n2", message=second))
    assert codes(outcomes) == ["STATE_CONFLICT", "202"]
    assert [row.position for row in state.new] == [1]


def test_later_items_see_the_order_that_earlier_ones_left():
    """Two messages of one subject in one batch meet the transition table one after the other."""
    opened = Order(
        subject="ORD-1", platform="platform", institution="xmccb", institution_kind="bank", state="applied",
        amount_fen=1, since=1, case_no="CASE-1",
    )  # fmt: skip
    seen: list[Order | None] = []

    def begin(held: Held) -> Effects:
        order = held.order
        seen.append(order)
        return Effects(order=opened)

    outcomes, state = fold(item("n1", plan=begin), item("n2", message=replace(MESSAGE, id="m-2"), plan=begin))
    assert codes(outcomes) == ["202", "202"]
    assert seen == [None, opened]
    assert state.subjects["ORD-1"].changed


def test_other_calls_only_spend_their_nonce():
    """A call that is no message spends its nonce once; a refusal before the id spends it too."""
    call = Item(nonce=Nonce(serial_no="S", value="n1"), at=1)
    refused = Item(nonce=Nonce(serial_no="S", value="n2"), at=1, refusal=Problem("MALFORMED_REQUEST"))
    outcomes, state = fold(call, call, refused)
    assert codes(outcomes) == ["SPENT", "NONCE_REPLAYED", "MALFORMED_REQUEST"]
    assert not state.fresh


def test_what_is_filed_is_told_apart():
    """A message to the gateway is filed, any other is to be delivered."""
    filed = replace(MESSAGE, id="m-2", recipient="gateway")
    _, state = fold(item("n1"), item("n2", message=filed))
    assert [row.filed for row in state.new] == [False, True]


def test_locks_are_wanted_only_where_something_may_be_written():
    """Subjects of refused drafts are not locked, but their ids are still looked up; both lists are sorted."""
    refused = item("n1", message=replace(MESSAGE, subject="B"), refusal=Problem("TYPE_UNKNOWN"))
    drafts = [refused, item("n2", message=replace(MESSAGE, id="m-0", subject="C")), item("n3")]
    assert wanted_subjects(drafts) == ["C", "ORD-1"]
    assert wanted_ids(drafts) == [("platform", "m-0"), ("platform", "m-1")]
