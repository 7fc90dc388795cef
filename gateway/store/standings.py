"""Changes of an institution's standing, with what follows from them, each in one transaction (domain section 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, bindparam, exists, select, update

from gateway.core.order import Order
from gateway.core.party import KeyStatus, Party, Standing
from gateway.core.sla import ClockChange, ClockLedger
from gateway.ports import Audit, OrderPlan, PartyChange, Returned, StandingChange
from gateway.store.clocks import write_clocks
from gateway.store.intake import write_orders
from gateway.store.parties import change as change_party
from gateway.store.parties import find_locked
from gateway.store.posting import post
from gateway.store.runners import Runner
from gateway.store.schema import DELIVERIES, KEYS, LIVE, SUBJECTS
from gateway.store.subjects import lock_subjects

_D = DELIVERIES.c

_HELD: Final = (
    select(SUBJECTS.c.order_json).where(SUBJECTS.c.held_by == bindparam("whose")).order_by(SUBJECTS.c.subject)
)
_HOLDS: Final = select(exists().where(SUBJECTS.c.held_by == bindparam("whose")))
_AWAITS: Final = select(
    exists().where(_D.recipient == bindparam("whose"), LIVE, _D.accepted_at >= bindparam("since", type_=BigInteger()))
)
_RETIRE: Final = (
    update(KEYS)
    .where(KEYS.c.owner_id == bindparam("whose"), KEYS.c.ended_at.is_(None))
    .values(status=KeyStatus.RETIRED.value, ended_at=bindparam("at", type_=BigInteger()))
)


class StandingTables:
    """The part of the store that changes standings."""

    _runner: Runner

    async def held_orders(self, party_id: str) -> Sequence[Order]:
        """The institution's orders that are not over."""
        return await self._runner.read(partial(held_orders, party_id=party_id))

    async def change_standing(self, change: StandingChange, plan: OrderPlan, *, now: int, audit: Audit) -> Party | None:
        """The standing, its messages and the orders given back, together."""
        return await self._runner.write(partial(change_standing, change=change, plan=plan, now=now, audit=audit))

    async def return_orders(self, returned: Sequence[Returned], plan: OrderPlan, *, now: int) -> Sequence[str]:
        """Orders given back later."""
        return await self._runner.write(partial(return_orders, returned=returned, plan=plan, now=now))

    async def let_go(
        self, party_id: str, changes: Sequence[ClockChange], *, delivering_since: int, now: int, audit: Audit
    ) -> bool:
        """The end of an institution that leaves."""
        leaving = partial(let_go, party_id=party_id, changes=changes, delivering_since=delivering_since)
        return await self._runner.write(partial(leaving, now=now, audit=audit))


def held_orders(connection: Connection, *, party_id: str) -> list[Order]:
    """The institution's orders that are not over, by number."""
    rows = connection.execute(_HELD, {"whose": party_id}).scalars()
    return [Order.from_json(json.loads(row)) for row in rows]


def change_standing(
    connection: Connection, *, change: StandingChange, plan: OrderPlan, now: int, audit: Audit
) -> Party | None:
    """Change the standing, post its messages, give orders back; None where the party does not stand where it must."""
    told = {message.subject for message in change.messages}
    locked = lock_subjects(connection, told | {each.order_no for each in change.returned})
    if find_locked(connection, change.party_id).standing not in change.only_from:
        return None
    wanted = PartyChange(standing=change.standing)
    party = change_party(connection, party_id=change.party_id, change=wanted, now=now, audit=audit)
    positions = {subject: position for subject, (position, _) in locked.items()}
    post(connection, change.messages, positions, now=now)
    _give_back(connection, change.returned, plan, locked, positions, now=now)
    return party


def return_orders(connection: Connection, *, returned: Sequence[Returned], plan: OrderPlan, now: int) -> list[str]:
    """Give back those of the orders that still may go; their numbers."""
    locked = lock_subjects(connection, {each.order_no for each in returned})
    positions = {subject: position for subject, (position, _) in locked.items()}
    return _give_back(connection, returned, plan, locked, positions, now=now)


def _give_back(
    connection: Connection,
    returned: Sequence[Returned],
    plan: OrderPlan,
    locked: Mapping[str, tuple[int, str | None]],
    positions: dict[str, int],
    *,
    now: int,
) -> list[str]:
    """What the institution accepted meanwhile stays with it, and its messages are not sent."""
    planned = {each.order_no: plan(_order(locked[each.order_no][1])) for each in returned}
    going = {number: back for number, back in planned.items() if back is not None}
    post(connection, [m for each in returned if each.order_no in going for m in each.messages], positions, now=now)
    write_orders(connection, {number: (positions[number], back.order) for number, back in going.items()})
    _write_clocks(connection, [change for back in going.values() for change in back.changes], now=now)
    return sorted(going)


def _write_clocks(connection: Connection, changes: Sequence[ClockChange], *, now: int) -> None:
    ledger = ClockLedger()
    ledger.add(changes)
    write_clocks(connection, ledger, now=now)


def _order(text: str | None) -> Order:
    assert text is not None, "an order that was read is not deleted"
    return Order.from_json(json.loads(text))


def let_go(
    connection: Connection,
    *,
    party_id: str,
    changes: Sequence[ClockChange],
    delivering_since: int,
    now: int,
    audit: Audit,
) -> bool:
    """Terminate a leaving institution that holds no order and awaits no delivery; its keys are retired with it."""
    whose: dict[str, Any] = {"whose": party_id}
    if find_locked(connection, party_id).standing is not Standing.LEAVING:
        return False
    awaits = connection.execute(_AWAITS, whose | {"since": delivering_since}).scalar_one()
    if awaits or connection.execute(_HOLDS, whose).scalar_one():
        return False
    change_party(connection, party_id=party_id, change=PartyChange(standing=Standing.TERMINATED), now=now, audit=audit)
    connection.execute(_RETIRE, whose | {"at": now})
    _write_clocks(connection, changes, now=now)
    return True
