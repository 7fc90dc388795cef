"""Lets a party's deliveries go on at once after an operator's change."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, update

from gateway.core.delivery import State
from gateway.store.schema import ATTEMPTS, DELIVERIES, LIVE, OUT

_D = DELIVERIES.c
_WHOSE: Final = _D.recipient == bindparam("whose")
_DUE: Final[dict[str, Any]] = {"due_at": bindparam("now"), "published_at": None, "published_times": 0}

_FREE: Final = (
    update(DELIVERIES)
    .where(_WHOSE, LIVE, _D.state == State.HELD.value)
    .values(state=State.DELIVERING.value, claims=0, **_DUE)
)
_RECALL: Final = update(DELIVERIES).where(_WHOSE, OUT).values(published_at=None, published_times=0)

_STANDING: Final = exists().where(_D.id == ATTEMPTS.c.delivery_id, _WHOSE, LIVE, _D.stood.is_(True))
_LEAVE: Final = (
    update(ATTEMPTS)
    .where(_STANDING, ATTEMPTS.c.outcome == "started")
    .values(
        outcome="retry", code="ADAPTER_CHANGED", text="接收方改用其他接入方式，将重新投递。", ended_at=bindparam("now")
    )
)
_UNSTAND: Final = update(DELIVERIES).where(_WHOSE, LIVE, _D.stood.is_(True)).values(stood=False, **_DUE)


def resume(connection: Connection, party_id: str, *, now: int) -> None:
    """Held rows are due, and wake-ups that are out are given again."""
    connection.execute(_FREE, {"whose": party_id, "now": now})
    connection.execute(_RECALL, {"whose": party_id})


def retry_elsewhere(connection: Connection, party_id: str, *, now: int) -> None:
    """The same for a new adapter, which also takes over what stood in the mailbox."""
    connection.execute(_LEAVE, {"whose": party_id, "now": now})
    connection.execute(_UNSTAND, {"whose": party_id, "now": now})
    resume(connection, party_id, now=now)
