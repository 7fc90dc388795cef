from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.core.delivery import Decision, Die, GiveBack, Hold, RetryAt, Stood
from gateway.ports import Alert, Claimed, MessageView, Missing, Settlement
from gateway.store import SqlStore
from tests.store.builders import NOW, SECOND, make_item, make_message, make_proof


async def accept(store: SqlStore, *messages) -> None:
    await store.accept([make_item(message) for message in messages or (make_message(),)])


async def claim(store: SqlStore, *ids: int, worker: str = "ada", now: int = NOW) -> Sequence[Claimed]:
    await store.beat(worker, now=now)
    return await store.claim(ids or [1], worker=worker, now=now)


def settled(claimed: Claimed, decision: Decision, **fields: Any) -> Settlement:
    values = {"delivery_id": claimed.delivery_id, "token": claimed.token, "worker": "ada", "at": NOW}
    return Settlement(**values | {"decision": decision} | fields)


async def look(store: SqlStore, number: int = 1) -> MessageView:
    view = await store.delivery(number)
    assert view is not None
    return view


async def test_claim_needs_a_fresh_beat(store: SqlStore) -> None:
    """A worker that never beat, or whose beat is 5 s old, claims nothing."""
    await accept(store)
    assert await store.claim([1], worker="ada", now=NOW) == []
    await store.beat("ada", now=NOW)
    assert await store.claim([1], worker="ada", now=NOW + 5 * SECOND) == []
    assert [each.attempt for each in await store.claim([1], worker="ada", now=NOW + 5 * SECOND - 1)] == [1]


@pytest.mark.parametrize(("ahead", "claimed"), [(0, 1), (5 * SECOND, 1), (5 * SECOND + 1, 0)])
async def test_claim_takes_what_a_clock_a_little_ahead_found_due(store: SqlStore, ahead: int, claimed: int) -> None:
    """From a host up to 5 s ahead a wake-up is not spent; one from farther ahead lets the row be woken again."""
    await accept(store, make_message("m1"))
    await store.mark({1: 0}, now=NOW)
    assert len(await claim(store, 1, now=NOW - ahead)) == claimed
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW)] == [1] * (1 - claimed)


async def test_claim_leaves_out_what_may_not_be_tried(store: SqlStore) -> None:
    """Rows that wait, are claimed, not due, ended or unknown are left out silently."""
    await accept(store, make_message("m1"), make_message("m2"), make_message("m3", subject="S2"))
    assert [each.delivery_id for each in await claim(store, 1, 2, 3, 99)] == [1, 3]
    assert await claim(store, 1, 2, 3, worker="bob") == []
    await store.prove(make_proof(1))
    assert [each.delivery_id for each in await claim(store, 1, 2, 3, worker="bob")] == [2]


@pytest.mark.parametrize(
    ("decision", "state", "outcome", "next_at"),
    [
        (RetryAt(due_at=NOW + 15 * SECOND), "delivering", ["retry"], NOW + 15 * SECOND),
        (Hold(), "held", ["held"], None),
        (Die(), "failed", ["retry"], None),
        (Stood(), "delivering", ["started"], None),
        (GiveBack(), "accepted", [], NOW),
    ],
)
async def test_decisions(
    store: SqlStore, decision: Decision, state: str, outcome: list[str], next_at: int | None
) -> None:
    """Each decision moves the row and closes the attempt in its way."""
    await accept(store)
    (claimed,) = await claim(store)
    assert await store.settle([settled(claimed, decision, http_status=503, code="UNAVAILABLE", text="busy")]) == [True]
    view = await look(store)
    assert (view.state, [each.outcome for each in view.attempts], view.next_attempt_at) == (state, outcome, next_at)
    closed = [each for each in view.attempts if each.outcome != "started"]
    assert all((each.http_status, each.code, each.message) == (503, "UNAVAILABLE", "busy") for each in closed)


async def test_settlement_counts_once(store: SqlStore) -> None:
    """A second settlement of one claim is void, in one call and later."""
    await accept(store)
    (claimed,) = await claim(store)
    twice = [settled(claimed, Hold()), settled(claimed, Die())]
    assert await store.settle(twice) == [True, False]
    assert await store.settle([settled(claimed, Die())]) == [False]
    assert (await look(store)).state == "held"


async def test_void_settlement_writes_nothing(store: SqlStore) -> None:
    """Messages and alerts of a settlement that does not count are not written."""
    await accept(store)
    (claimed,) = await claim(store)
    notice = make_message("f1", source="gateway", recipient="xmccb")
    alert = Alert(code="DEAD_LETTER", about="1", text="...")
    late = settled(claimed, Die(), token=claimed.token + 1, messages=[notice], alerts=[alert])
    assert await store.settle([late]) == [False]
    assert await store.message("gateway", "f1") is None
    assert await store.alerts() == []


async def test_dead_letter_tells_its_sender_and_frees_its_subject(store: SqlStore) -> None:
    """The message of a settlement stands at the tail of its subject, the next row is due, the alert is raised."""
    await accept(store, make_message("m1"), make_message("m2"))
    (claimed,) = await claim(store)
    notice = make_message("f1", source="gateway", recipient="xmccb")
    alert = Alert(code="DEAD_LETTER", about="1", text="...")
    assert await store.settle([settled(claimed, Die(), messages=[notice, notice], alerts=[alert])]) == [True]
    assert [head.message.id for head in await store.heads(limit=9, now=NOW)] == ["m2", "f1"]
    assert [each[0] for each in await store.alerts()] == [alert]


async def test_held_row_blocks_its_subject(store: SqlStore) -> None:
    """Nothing behind a held row is due."""
    await accept(store, make_message("m1"), make_message("m2"))
    (claimed,) = await claim(store)
    await store.settle([settled(claimed, Hold())])
    assert await store.heads(limit=9, now=NOW) == []
    assert (await store.sweep(now=NOW)).unblocked == []


async def test_stood_row_waits_for_its_receipt_alone(store: SqlStore) -> None:
    """It is never due again, not even after sweeps; its receipt closes the attempt that was left open."""
    await accept(store, make_message("m1"), make_message("m2"))
    (claimed,) = await claim(store)
    await store.settle([settled(claimed, Stood())])
    swept = await store.sweep(now=NOW + 3600 * SECOND)
    assert (swept.lost, swept.parked, swept.unblocked) == ([], [], [])
    assert await store.prove(make_proof(1, method="POST", path="/v1/mailbox/1/receipt")) == "recorded"
    assert [each.outcome for each in (await look(store)).attempts] == ["delivered"]
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW)] == [2]


async def test_rows_of_dead_workers_are_taken_back(store: SqlStore) -> None:
    """After 5 s without a beat the attempt is closed as lost and the row is due; a living worker keeps its rows."""
    await accept(store, make_message("m1"), make_message("m2", subject="S2"))
    await claim(store, 1, worker="ada")
    await claim(store, 2, worker="bob", now=NOW + SECOND)
    assert (await store.sweep(now=NOW + 5 * SECOND)).lost == [1]
    assert [(each.outcome, each.code) for each in (await look(store)).attempts] == [("retry", "WORKER_LOST")]
    assert [each.attempt for each in await claim(store, 1, 2, worker="eve", now=NOW + 5 * SECOND)] == [2]


async def test_five_claims_without_an_outcome_park_the_row(store: SqlStore) -> None:
    """The row is held with an alert, and its subject waits."""
    await accept(store)
    swept = None
    for round_ in range(5):
        await claim(store, now=NOW + round_ * 6 * SECOND)
        swept = await store.sweep(now=NOW + round_ * 6 * SECOND + 5 * SECOND)
    assert swept is not None
    assert swept.parked == [1]
    assert (await look(store)).state == "held"
    assert [alert.code for alert, _, _ in await store.alerts()] == ["DELIVERY_PARKED"]


async def test_release_costs_no_attempt(store: SqlStore) -> None:
    """What a leaving worker holds is due again under the same attempt number, and the worker may claim no more."""
    await accept(store, make_message("m1"), make_message("m2", subject="S2"))
    await claim(store, 1, 2)
    assert await store.release("ada", now=NOW) == 2
    assert (await look(store)).attempts == []
    assert await store.claim([1], worker="ada", now=NOW) == []
    assert [each.attempt for each in await claim(store, 1, worker="bob")] == [1]


async def test_release_keeps_what_is_in_hand(store: SqlStore) -> None:
    """A worker gives back claims that it never learned of, keeps those it knows, and goes on working."""
    await accept(store, make_message("m1"), make_message("m2", subject="S2"))
    known, _ = await claim(store, 1, 2)
    assert await store.release("ada", now=NOW, keep=[1]) == 1
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW)] == [2]
    assert await store.settle([settled(known, Hold())]) == [True]
    assert [each.attempt for each in await store.claim([2], worker="ada", now=NOW)] == [1]


async def test_void_leases_takes_everything_back_at_once(store: SqlStore) -> None:
    """At the start of a home's one process no earlier claim stands, however fresh its beat."""
    await accept(store)
    await claim(store)
    assert (await store.void_leases(NOW)).lost == [1]
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW)] == [1]


@pytest.mark.parametrize(("status", "state", "outcome"), [
    ("ACCEPTED", "delivered", "delivered"),
    ("REFUSED", "failed", "refused"),
])  # fmt: skip
async def test_receipt_closes_the_open_attempt(store: SqlStore, status: str, state: str, outcome: str) -> None:
    """A good receipt decides, and its holder's later decision is void."""
    await accept(store)
    (claimed,) = await claim(store)
    proof = make_proof(1, status, attempt=1, http_status=200, code="X1", text="why")
    assert await store.prove(proof) == "recorded"
    assert await store.settle([settled(claimed, RetryAt(due_at=NOW))]) == [False]
    view = await look(store)
    assert (view.state, view.proof) == (state, proof)
    assert [(each.number, each.outcome, each.http_status) for each in view.attempts] == [(1, outcome, 200)]
    assert await store.waiting("platform", limit=9, after=None) == []


async def test_first_receipt_stands(store: SqlStore) -> None:
    """The same again is SAME, whatever its signature; another verdict or text is a CONFLICT and changes nothing."""
    await accept(store)
    first = make_proof(1, "REFUSED", code="R1", text="no")
    assert await store.prove(first) == "recorded"
    assert await store.prove(make_proof(1, "REFUSED", code="R1", text="no", nonce="other", at=NOW + 1)) == "same"
    for other in (make_proof(1), make_proof(1, "REFUSED", code="R2", text="no")):
        assert await store.prove(other) == "conflict"
    assert (await look(store)).proof == first
    assert len((await look(store)).attempts) == 1


async def test_refusal_writes_its_message_once(store: SqlStore) -> None:
    """message.failed goes with the first receipt alone."""
    await accept(store)
    notices = [make_message(f"f{n}", source="gateway", recipient="xmccb") for n in (1, 2)]
    for notice in notices:
        await store.prove(make_proof(1, "REFUSED", messages=[notice]))
    assert await store.message("gateway", "f1") is not None
    assert await store.message("gateway", "f2") is None


@pytest.mark.parametrize("decision", [Hold(), Die(), RetryAt(due_at=NOW + SECOND), GiveBack()])
async def test_late_receipt_closes_any_row(store: SqlStore, decision: Decision) -> None:
    """Also one that was held, had died or waits: an attempt of its own is added where none is open."""
    await accept(store, make_message("m1"), make_message("m2"))
    (claimed,) = await claim(store)
    await store.settle([settled(claimed, decision)])
    assert await store.prove(make_proof(1, at=NOW + 9)) == "recorded"
    view = await look(store)
    assert (view.state, view.attempts[-1].outcome) == ("delivered", "delivered")
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW + 9)] == [2]


async def test_receipt_for_no_delivery_is_missing(store: SqlStore) -> None:
    """A number that names nothing is told apart."""
    with pytest.raises(Missing):
        await store.prove(make_proof(7))


async def test_receipts_that_come_together_are_judged_in_their_order(store: SqlStore) -> None:
    """In one transaction each gets the answer that it would have got alone, a bad number too."""
    await accept(store, *(make_message(f"m{n}", subject=f"S{n}") for n in range(3)), make_message("m3", subject="S0"))
    notice = make_message("f1", source="gateway", recipient="xmccb")
    asked = [
        make_proof(1),
        make_proof(2, "REFUSED", code="R1", messages=[notice]),
        make_proof(99),
        make_proof(1),
        make_proof(2),
        make_proof(3, at=NOW + 1),
    ]
    results = await asyncio.gather(*(store.prove(proof) for proof in asked), return_exceptions=True)
    assert [str(result) for result in results] == [
        "recorded",
        "recorded",
        "delivery 99",
        "same",
        "conflict",
        "recorded",
    ]
    assert isinstance(results[2], Missing)
    assert [(await look(store, n)).state for n in (1, 2, 3, 4)] == ["delivered", "failed", "delivered", "accepted"]
    assert sorted(head.message.id for head in await store.heads(limit=9, now=NOW + 1)) == ["f1", "m3"]


async def test_receipt_that_cannot_be_written_harms_no_neighbour(store: SqlStore) -> None:
    """The others of its batch are recorded."""
    await accept(store, *(make_message(f"m{n}", subject=f"S{n}") for n in range(3)))
    asked = [make_proof(1), make_proof(2, text="\ud800"), make_proof(3)]
    results = await asyncio.gather(*(store.prove(proof) for proof in asked), return_exceptions=True)
    assert [results[0], results[2]] == ["recorded", "recorded"]
    assert isinstance(results[1], Exception)
    assert (await look(store, 2)).state == "accepted"
