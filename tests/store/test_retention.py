"""Purging on both databases: what hangs together, what is emptied, and what stays to verify."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine, insert, select, text

from gateway.core.case import Case
from gateway.core.effects import Effects, Held
from gateway.core.evidence.leaves import MESSAGE
from gateway.core.retention import CASE, OTHER, Dossier
from gateway.ports import Alert
from gateway.store import SqlStore
from gateway.store.evidence_tables import CASE_ORDERS, LEAVES
from gateway.store.schema import DELIVERIES, SUBJECTS
from tests.store.builders import AUDIT, NOW, make_item, make_message, make_order


def holding(subject: str, state: str, **fields):
    """A plan that leaves the order in a state."""

    def plan(_: Held) -> Effects:
        return Effects(order=make_order(subject, state=state, **fields))

    return plan


@pytest.fixture
def seal(engine: Engine):
    """Puts every delivery into the chain, as the sealing sweep would."""

    def put() -> None:
        with engine.begin() as connection:
            rows = connection.execute(select(DELIVERIES.c.id, DELIVERIES.c.subject)).all()
            leaves = [
                {"kind": MESSAGE, "number": row.id, "height": 1, "place": row.id, "hash": "00", "subject": row.subject}
                for row in rows
            ]
            connection.execute(insert(LEAVES), leaves)

    return put


async def looked(store: SqlStore) -> dict[str, Dossier]:
    return {dossier.subject: dossier for dossier in await store.dossiers(after="", limit=99)}


async def test_a_case_hangs_together(store: SqlStore, engine: Engine, seal) -> None:
    """Two orders of one case and what is filed of it make one dossier: the open one keeps the other."""
    messages = [
        make_item(make_message("m1", subject="DD-1", recipient="gateway"), plan=holding("DD-1", "released")),
        make_item(make_message("m2", subject="DD-2", recipient="gateway"), plan=holding("DD-2", "in_force")),
        make_item(make_message("m3", subject="C1", recipient="gateway")),
        make_item(make_message("m4", subject="ZZ-9", recipient="gateway", received_at=NOW + 5)),
    ]
    await store.accept(messages)
    seal()
    with engine.begin() as connection:
        connection.execute(
            insert(CASE_ORDERS), [{"case_no": "C1", "subject": "DD-1"}, {"case_no": "C1", "subject": "DD-2"}]
        )
    found = await looked(store)
    assert {number: (each.kind, each.case_no, each.order_open, each.bodies) for number, each in found.items()} == {
        "C1": (CASE, "C1", True, 1),
        "DD-1": (CASE, "C1", True, 1),
        "DD-2": (CASE, "C1", True, 1),
        "ZZ-9": (OTHER, None, False, 1),
    }
    assert (found["ZZ-9"].last_service, found["ZZ-9"].live) == (NOW + 5, 0)
    pages = [(await store.dossiers(after=after, limit=1))[0].subject for after in ("", "C1", "DD-1", "DD-2")]
    assert pages == ["C1", "DD-1", "DD-2", "ZZ-9"]


async def test_what_is_under_way_counts_as_live(store: SqlStore, seal) -> None:
    """A message that was not delivered, or stands in a mailbox, keeps its dossier."""
    await store.accept([make_item(make_message("m1", subject="DD-1"), plan=holding("DD-1", "released"))])
    seal()
    assert (await looked(store))["DD-1"].live == 1


async def test_a_case_with_money_behind_it_is_open(store: SqlStore, engine: Engine, seal) -> None:
    """Shares of the case, and an open claim among them, keep its orders although these are final."""
    await store.accept(
        [make_item(make_message("m1", subject="DD-1", recipient="gateway"), plan=holding("DD-1", "lapsed"))]
    )
    seal()
    case = Case(case_no="C1").with_order(make_order("DD-8", state="in_force"))
    with engine.begin() as connection:
        row = {"subject": "case\x1fC1", "position": 0, "order_json": json.dumps(case.to_json())}
        connection.execute(insert(SUBJECTS), [row])
    dossier = (await looked(store))["DD-1"]
    assert (dossier.order_open, dossier.claim_open) == (True, False)


async def test_bodies_go_in_slices_and_digests_stay(store: SqlStore, engine: Engine, seal) -> None:
    """At most `limit` a transaction, only what is in the chain; digest, authorization and receipt are as before."""
    items = [make_item(make_message(f"m{n}", subject="DD-1", recipient="gateway")) for n in range(5)]
    await store.accept(items)
    seal()
    await store.accept([make_item(make_message("late", subject="DD-1", recipient="gateway"))])
    before = await store.message("xmccb", "m0")
    assert [await store.purge_bodies(["DD-1"], limit=3) for _ in range(3)] == [3, 2, 0]
    after = await store.message("xmccb", "m0")
    assert before is not None
    assert after is not None
    assert after.message.body == b""
    kept = ("digest", "origin", "receipt", "receipt_no", "received_at")
    assert [getattr(after.message, name) for name in kept] == [getattr(before.message, name) for name in kept]
    with engine.begin() as connection:
        left = connection.execute(text("SELECT id FROM messages WHERE length(body) > 0")).scalars().all()
    assert left == ["late"]
    assert (await looked(store))["DD-1"].bodies == 0


async def test_closed_alerts_go_open_ones_stay(store: SqlStore) -> None:
    """An alert is purged by when it was closed."""
    for about in ("a", "b"):
        await store.raise_alert(Alert(code="X", about=about, text="t"), now=NOW)
    await store.close_alert("X", "a", now=NOW + 1, audit=AUDIT)
    assert await store.purge_alerts(before=NOW + 1, limit=9) == 0
    assert await store.purge_alerts(before=NOW + 2, limit=9) == 1
    assert [alert.about for alert, _, _ in await store.alerts()] == ["b"]
