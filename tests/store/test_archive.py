from __future__ import annotations

import pytest

from gateway.core.delivery import Die, Hold, State, Stood
from gateway.ports import Query, Settlement
from gateway.store import SqlStore
from tests.store.builders import AUDIT, NOW, SECOND, make_item, make_message, make_proof


async def accept(store: SqlStore, *messages) -> None:
    await store.accept([make_item(message) for message in messages])


async def end(store: SqlStore, *ids: int, decision=None, code: str | None = "TIMEOUT") -> None:
    await store.beat("ada", now=NOW)
    for claimed in await store.claim(ids, worker="ada", now=NOW):
        number, token = claimed.delivery_id, claimed.token
        done = Settlement(delivery_id=number, token=token, worker="ada", decision=decision or Die(), at=NOW, code=code)
        assert await store.settle([done]) == [True]


async def listed(store: SqlStore, **arguments) -> list[int]:
    found = await store.waiting("platform", **{"limit": 100, "after": None} | arguments)
    return [each.delivery_id for each in found]


async def test_mailbox_lists_all_that_is_unreceipted(store: SqlStore) -> None:
    """In order, several of one subject, held and dead ones too, paged by delivery id; receipts take them away."""
    await accept(store, *(make_message(f"m{n}", subject=f"S{n // 2}") for n in range(6)))
    await accept(store, make_message("other", recipient="abcins"))
    await end(store, 1)
    await end(store, 3, decision=Hold())
    await end(store, 5, decision=Stood())
    assert await listed(store) == [1, 2, 3, 4, 5, 6]
    assert await listed(store, limit=2, after=2) == [3, 4]
    await store.prove(make_proof(4))
    await store.prove(make_proof(1, "REFUSED"))
    assert await listed(store) == [2, 3, 5, 6]


async def test_mailbox_listing_is_cut_by_bytes_never_below_one(store: SqlStore) -> None:
    """Four MiB are the most, but a bigger one comes alone."""
    sizes = [2**20] * 6
    await accept(store, *(make_message(f"m{n}", body=b"x" * size) for n, size in enumerate(sizes)))
    assert await listed(store) == [1, 2, 3, 4]
    await accept(store, make_message("big", body=b"x" * 5 * 2**20))
    assert await listed(store, after=6) == [7]


async def test_replay_is_a_new_linked_row_at_the_tail(store: SqlStore) -> None:
    """History stays; the message is listed once; a row is replayed once."""
    await accept(store, make_message("m1"), make_message("m2"))
    await end(store, 1)
    assert list(await store.replay([1, 1], now=NOW, audit=AUDIT)) == [3]
    assert list(await store.replay([1, 2, 9], now=NOW, audit=AUDIT)) == []
    view = await store.message("xmccb", "m1")
    assert view is not None
    assert (view.delivery_id, view.replay_of, view.state) == (3, 1, "accepted")
    assert [each.outcome for each in view.attempts] == ["retry"]
    assert await listed(store) == [2, 3]
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW)] == [2]
    assert [audit for _, audit in await store.audits(limit=9)] == [AUDIT]


async def test_attempts_of_a_replay_are_numbered_through(store: SqlStore) -> None:
    """The attempts of all deliveries of a message are one list."""
    await accept(store, make_message("m1"))
    await end(store, 1)
    await store.replay([1], now=NOW, audit=AUDIT)
    await end(store, 2)
    view = await store.message("xmccb", "m1")
    assert view is not None
    assert [(each.number, each.outcome) for each in view.attempts] == [(1, "retry"), (2, "retry")]


async def test_receipted_letter_is_not_replayed(store: SqlStore) -> None:
    """What the recipient refused stays refused."""
    await accept(store, make_message("m1"))
    await store.prove(make_proof(1, "REFUSED", code="R1"))
    assert list(await store.replay([1], now=NOW, audit=AUDIT)) == []


async def test_late_receipt_of_the_first_row_closes_its_replay(store: SqlStore) -> None:
    """The receipt names the message: whichever row it came for, the message is delivered and nothing more is due."""
    await accept(store, make_message("m1"), make_message("m2"))
    await end(store, 1)
    await store.replay([1], now=NOW, audit=AUDIT)
    assert await store.prove(make_proof(1, at=NOW + SECOND)) == "recorded"
    view = await store.message("xmccb", "m1")
    assert view is not None
    assert (view.delivery_id, view.state) == (3, "delivered")
    assert await store.prove(make_proof(3)) == "same"
    assert await listed(store) == [2]


async def test_discard_cancels_and_frees_the_subject(store: SqlStore) -> None:
    """Failed and held rows are cancelled and leave the mailbox; what they blocked is due; others are left alone."""
    await accept(store, make_message("m1"), make_message("m2"))
    await end(store, 1, decision=Hold())
    assert await store.discard([1, 2], now=NOW + 5, audit=AUDIT) == 1
    assert await listed(store) == [2]
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW + 5)] == [2]
    await end(store, 2)
    view = await store.message("xmccb", "m1")
    assert view is not None
    assert view.state == "cancelled"


async def test_receipt_of_a_cancelled_message_is_kept(store: SqlStore) -> None:
    """It stays cancelled, with the receipt on file."""
    await accept(store, make_message("m1"))
    await end(store, 1)
    await store.discard([1], now=NOW, audit=AUDIT)
    assert await store.prove(make_proof(1)) == "recorded"
    view = await store.message("xmccb", "m1")
    assert view is not None
    assert (view.state, view.proof) == ("cancelled", make_proof(1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), ["m4", "m3", "m2", "m1"]),
        (Query(limit=2), ["m4", "m3"]),
        (Query(state=State.FAILED), ["m4", "m2"]),
        (Query(state=State.ACCEPTED), ["m3"]),
        (Query(source="abcins"), ["m3"]),
        (Query(recipient="xmccb"), ["m4"]),
        (Query(type="payment.notice.v1"), ["m2"]),
        (Query(subject="S2"), ["m2"]),
        (Query(code="TIMEOUT"), ["m2"]),
        (Query(code="R1"), ["m4"]),
        (Query(state=State.FAILED, recipient="abcins"), []),
    ],
)
async def test_find(store: SqlStore, query: Query, expected: list[str]) -> None:
    """Every field filters, all together, newest first."""
    await accept(
        store,
        make_message("m1"),
        make_message("m2", subject="S2", type="payment.notice.v1"),
        make_message("m3", subject="S3", source="abcins"),
        make_message("m4", subject="S4", recipient="xmccb"),
    )
    await end(store, 2)
    await end(store, 1, decision=Hold(), code="GONE")
    await store.prove(make_proof(4, "REFUSED", code="R1"))
    assert [view.message.id for view in await store.find(query)] == expected


async def test_what_is_not_there_is_none(store: SqlStore) -> None:
    """Unknown messages and deliveries give None."""
    assert await store.message("xmccb", "nothing") is None
    assert await store.delivery(1) is None
