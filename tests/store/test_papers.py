"""Papers for the public check, on both databases: a message with its subject's order and case as they stand."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.case import Case
from gateway.core.effects import Effects, Held
from gateway.core.intake import Draft, Item, Nonce, Reach, Traces
from gateway.core.message import Message
from gateway.core.order import Order
from gateway.store import SqlStore
from tests.store.builders import NOW, make_message

ORDER = Order(
    subject="S1",
    platform="platform",
    institution="xmccb",
    institution_kind="bank",
    state="in_force",
    since=NOW,
    amount_fen=100,
    case_no="AJ-1",
    guarantee_no="BH-1",
)


def item(message: Message, *, order: Order | None = None, case: Case | None = None, number: str | None = None) -> Item:
    """A message that leaves its subject and its case as given, and is found by a guarantee's number."""

    def plan(held: Held) -> Effects:
        return Effects(order=order or held.order, case=case)

    draft = Draft(
        message=message,
        refusal=None,
        plan=plan,
        traces=Traces(guarantee_no=number),
        reach=Reach(case=case is not None, case_no=case.case_no if case else None),
    )
    return Item(nonce=Nonce(serial_no="AB" * 20, value=f"{message.source}{message.id}"), at=NOW, draft=draft)


async def test_a_paper_has_its_order_as_it_stands_now(store: SqlStore) -> None:
    """Found by sender and id, and by the number that was issued; none for what is not there."""
    issued, later = make_message("m1"), make_message("m2", type="order.status.v1", received_at=NOW + 1)
    await store.accept([item(issued, order=ORDER, number="BH-1")])
    await store.accept([item(later, order=replace(ORDER, state="drawn"))])
    paper = await store.paper("xmccb", "m1")
    assert paper is not None
    assert (paper.message, paper.order, paper.case) == (issued, replace(ORDER, state="drawn"), None)
    assert await store.issued_papers("BH-1") == [paper]
    assert await store.paper("platform", "m1") is None
    assert await store.issued_papers("m1") == []


async def test_a_paper_of_a_case_has_its_case(store: SqlStore) -> None:
    """A filed message's subject is its case number."""
    case = Case(case_no="AJ-1", standing="exempted")
    filed = make_message("m3", type="deposit.exemption.v1", subject="AJ-1", recipient="gateway")
    await store.accept([item(filed, case=case)])
    paper = await store.paper("xmccb", "m3")
    assert paper is not None
    assert (paper.order, paper.case) == (None, case)


async def test_one_number_of_two_institutions_gives_both(store: SqlStore) -> None:
    """The latest first."""
    first = make_message("m1")
    second = make_message("m1", source="picc", subject="S2", received_at=NOW + 5)
    for message, subject in ((first, "S1"), (second, "S2")):
        await store.accept([item(message, order=replace(ORDER, subject=subject), number="BH-1")])
    assert [paper.message.source for paper in await store.issued_papers("BH-1")] == ["picc", "xmccb"]
