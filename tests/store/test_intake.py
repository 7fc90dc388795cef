from __future__ import annotations

import pytest

from gateway.core.effects import Effects, Held
from gateway.core.errors import Problem
from gateway.core.intake import Accepted, Outcome, Refused, Spent
from gateway.core.order import Order
from gateway.ports import Query
from gateway.store import SqlStore, open_store
from tests.store.builders import NOW, keep_order, make_item, make_message, make_order


def verdicts(outcomes: list[Outcome]) -> list[str]:
    names = {Spent: lambda o: "spent", Refused: lambda o: o.problem.code}
    return [names.get(type(o), lambda o: "fresh" if o.fresh else "repeat")(o) for o in outcomes]


async def test_bytes_are_kept_as_they_came(store: SqlStore) -> None:
    """Body, origin, receipt and every attribute come back exactly, whatever is in them."""
    body = '{"名称":"保函","x":"\\u0000 \'\\"; --"}\r\n '.encode() + b"\xff\x00"
    made = make_message("m1", body=body, correlation_id="c1", traceparent="00-ab", subject="业务 1'\"%s :x")
    await store.accept([make_item(made)])
    view = await store.message("xmccb", "m1")
    assert view is not None
    assert view.message == made


async def test_repeats_and_conflicts_are_settled_by_id(store: SqlStore) -> None:
    """The same bytes get the first receipt again, other bytes a conflict, within a batch and later."""
    made, other = make_message("m1", receipt=b"first"), make_message("m1", body=b"{ }", receipt=b"other")
    batch = [make_item(made), make_item(make_message("m1", receipt=b"twin")), make_item(other)]
    outcomes = list(await store.accept(batch))
    assert verdicts(outcomes) == ["fresh", "repeat", "MESSAGE_ID_CONFLICT"]
    later = list(await store.accept([make_item(make_message("m1", receipt=b"late")), make_item(other)]))
    assert verdicts(later) == ["repeat", "MESSAGE_ID_CONFLICT"]
    receipts = {o.receipt for o in [*outcomes, *later] if isinstance(o, Accepted)}
    assert receipts == {b"first"}


async def test_ids_belong_to_their_senders(store: SqlStore) -> None:
    """Two senders may use one id."""
    batch = [make_item(make_message("m1")), make_item(make_message("m1", source="abcins"))]
    assert verdicts(list(await store.accept(batch))) == ["fresh", "fresh"]


async def test_nonces_are_spent_whatever_the_answer(store: SqlStore) -> None:
    """A refused request burns its nonce; a replay is told before any other verdict."""
    refused = make_item(nonce="n1", refusal=Problem("SOURCE_MISMATCH"))
    late = make_item(make_message("m1"), nonce="n2", late_refusal=Problem("SCHEMA_INVALID"))
    batch = [make_item(nonce="n0"), refused, refused, late]
    assert verdicts(list(await store.accept(batch))) == ["spent", "SOURCE_MISMATCH", "NONCE_REPLAYED", "SCHEMA_INVALID"]
    again = [make_item(nonce="n0"), make_item(make_message("m1"), nonce="n1"), late]
    assert verdicts(list(await store.accept(again))) == ["NONCE_REPLAYED"] * 3


async def test_refused_message_does_not_use_up_its_id(store: SqlStore) -> None:
    """After a refusal the corrected message is accepted under the same id."""
    assert verdicts(list(await store.accept([make_item(make_message(), late_refusal=Problem("SCHEMA_INVALID"))])))
    assert verdicts(list(await store.accept([make_item(make_message(body=b"{ }"))]))) == ["fresh"]


async def test_order_is_carried_from_message_to_message(store: SqlStore) -> None:
    """A plan sees the order that the message before it left, in the same batch, in the next, and after a restart."""
    seen: list[Order | None] = []

    def raise_amount(held: Held) -> Effects:
        order = held.order
        seen.append(order)
        return Effects(order=make_order(amount_fen=1 if order is None else order.amount_fen + 1))

    plans = [make_item(make_message(f"m{n}"), plan=raise_amount) for n in range(3)]
    await store.accept(plans[:2])
    await store.accept(plans[2:])
    assert seen == [None, make_order(amount_fen=1), make_order(amount_fen=2)]


async def test_refusal_by_state_leaves_the_order_alone(store: SqlStore) -> None:
    """A plan that raises changes nothing; its neighbours are settled."""

    def refuse(_: Held) -> Effects:
        raise Problem("STATE_CONFLICT")

    batch = [
        make_item(make_message("m1"), plan=lambda _: Effects(order=make_order())),
        make_item(make_message("m2"), plan=refuse),
        make_item(make_message("m3"), plan=keep_order),
    ]
    assert verdicts(list(await store.accept(batch))) == ["fresh", "STATE_CONFLICT", "fresh"]


def break_down(_: Held) -> Effects:
    raise KeyError("a fault in a plan")


@pytest.mark.parametrize(
    "bad",
    [make_item(make_message("bad", subject="S\ud800")), make_item(make_message("bad"), plan=break_down)],
    ids=["text that no database takes", "a plan that breaks"],
)
async def test_item_that_cannot_be_written_harms_no_neighbour(store: SqlStore, bad) -> None:
    """A batch that fails is run again item by item: the bad item gets INTERNAL, the others their answers."""
    batch = [make_item(make_message("m1")), bad, make_item(make_message("m2"))]
    assert verdicts(list(await store.accept(batch))) == ["fresh", "INTERNAL", "fresh"]
    assert {view.message.id for view in await store.find(Query())} == {"m1", "m2"}


async def test_internal_error_keeps_its_cause_and_burns_the_nonce(store: SqlStore) -> None:
    """The cause of an INTERNAL stands on the problem, and its nonce cannot be used again."""
    bad = make_item(make_message("bad"), nonce="n1", plan=break_down)
    (outcome,) = await store.accept([bad])
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.problem.__cause__, KeyError)
    assert verdicts(list(await store.accept([make_item(nonce="n1")]))) == ["NONCE_REPLAYED"]


async def test_nul_in_a_key_is_contained_on_postgresql(postgres_home: str) -> None:
    """U+0000 aborts a PostgreSQL statement: only its own item fails."""
    store = open_store(postgres_home)
    batch = [
        make_item(make_message("m1")),
        make_item(make_message("bad", subject="S\0")),
        make_item(make_message("m2")),
    ]
    assert verdicts(list(await store.accept(batch))) == ["fresh", "INTERNAL", "fresh"]
    await store.close()


async def test_filed_message_is_delivered_at_once(store: SqlStore) -> None:
    """A message to the gateway is filed: delivered, no receipt, nothing to publish, and it blocks nobody."""
    filed = make_message("m1", recipient="gateway")
    await store.accept([make_item(filed), make_item(make_message("m2"))])
    view = await store.message("xmccb", "m1")
    assert view is not None
    assert (view.state, view.proof, view.attempts) == ("delivered", None, [])
    assert [head.message.id for head in await store.heads(limit=9, now=NOW)] == ["m2"]


async def test_old_nonces_are_purged_in_portions(store: SqlStore) -> None:
    """Only nonces spent before the instant go, at most as many as asked, and then may be used again."""
    await store.accept([make_item(nonce=f"n{n}") for n in range(5)])
    assert await store.purge_nonces(before=NOW, limit=10) == 0
    assert await store.purge_nonces(before=NOW + 1, limit=3) == 3
    assert await store.purge_nonces(before=NOW + 1, limit=3) == 2
    assert verdicts(list(await store.accept([make_item(nonce="n0")]))) == ["spent"]


async def test_accept_of_nothing_is_nothing(store: SqlStore) -> None:
    """An empty batch has no outcomes."""
    assert list(await store.accept([])) == []
