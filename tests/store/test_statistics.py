"""The slices that statistics read, on both databases, and what they add up to."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Engine, insert

from gateway.catalogue import load_calendar
from gateway.core.effects import Effects, Held
from gateway.core.intake import Item
from gateway.flow.statistics import gather_statistics
from gateway.store import SqlStore
from gateway.store.clock_tables import CLOCKS
from tests.store.builders import NOW, SECOND, make_item, make_message, make_order

CALENDAR = load_calendar()
DAY = 86_400 * SECOND
WEEK = (NOW - DAY, NOW + 7 * DAY)


def item(number: str, type_: str, *, at: int = NOW, subject: str = "S1", region: str = "350203", **data: Any) -> Item:
    """A message on an order of this area."""
    body = json.dumps({"data": data}).encode()
    message = make_message(number, type=type_, subject=subject, body=body, received_at=at)

    def plan(_: Held) -> Effects:
        return Effects(order=make_order(subject, region=region))

    return make_item(message, plan=plan)


def clock_row(number: str, **fields: Any) -> dict[str, Any]:
    """A clock of the issue rule that ended in time."""
    row = {
        "number": number, "rule": "issue", "subject": "S1", "scope": "S1", "key": "", "platform": "platform",
        "institution": "xmccb", "region": "350203", "basis": "XM 2", "unverified": False, "term": 10,
        "unit": "working_days", "close": 1440, "source": "platform", "message_id": number, "created_at": NOW,
        "state": "ended", "start_at": NOW, "due_at": NOW + 14 * DAY, "provisional": False, "calendar": "2026-x",
        "ended_at": NOW + 2 * DAY, "ended_by": "guarantee.issued.v1",
    }  # fmt: skip
    return row | fields


MESSAGES = [
    item("m1", "guarantee.application.v1"),
    item("m2", "guarantee.application.v1", subject="S2", region="350400"),
    item("m3", "order.status.v1", status="rejected", subject="S2", region="350400"),
    item("m4", "order.status.v1", status="accepted"),
    item("m5", "guarantee.issued.v1", at=NOW + DAY),
    item("m6", "payment.result.v1", outcome="refused", at=NOW + DAY),
    item("m7", "deposit.reminder.v1"),
    item("m8", "guarantee.application.v1", at=NOW + 8 * DAY),
    item("m9", "guarantee.application.v1", at=NOW - DAY - 1),
]
ROWS = [
    clock_row("c1"),
    clock_row("c2", ended_at=NOW + 6 * DAY, due_at=NOW + 5 * DAY, breached_at=NOW + 5 * DAY),
    clock_row("c3", state="running", ended_at=None, ended_by=None, breached_at=NOW + DAY, rule="pay"),
    clock_row("c4", ended_at=NOW + 9 * DAY),
    clock_row("c5", state="withdrawn"),
    clock_row("c6", rule="topup", institution=None),
]


async def test_slices_add_up_however_small(store: SqlStore, engine: Engine) -> None:
    """One row at a time or all at once: each message and clock of the period counts once, others never."""
    for message in MESSAGES:
        await store.accept([message])
    with engine.begin() as connection:
        for row in ROWS:
            connection.execute(insert(CLOCKS), row)
    found = [
        await gather_statistics(store, CALENDAR, since=WEEK[0], until=WEEK[1], slice_size=size) for size in (1, 2, 100)
    ]
    assert found[0].cells == found[1].cells == found[2].cells
    cells = found[0].cells
    here, there = cells[("2026-11", "350203", "xmccb")], cells[("2026-11", "350400", "xmccb")]
    assert dict(here.events) == {"applied": 1, "issued": 1, "payRefused": 1}
    assert dict(there.events) == {"applied": 1, "rejected": 1}
    assert (here.terms["issue"].on_time, here.terms["issue"].late) == (1, 1)
    assert dict(here.breaches) == {"issue": 1, "pay": 1}
    assert here.open.total() == here.open["pay"] == 1


async def test_an_empty_home_has_no_cells(store: SqlStore) -> None:
    """Nothing stored, nothing counted."""
    assert (await gather_statistics(store, CALENDAR, since=0, until=NOW)).cells == {}
