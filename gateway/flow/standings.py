"""Suspending, restoring, stopping an institution and letting it go: told to both sides with the authority's decision.

Source: domain sections 3 and 6; service commitment (XM), point 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from gateway.core.area import Area
from gateway.core.legal_time import LegalTime
from gateway.core.order import Order
from gateway.core.party import PLATFORM, Directory, Party, Standing
from gateway.core.standing import MOVES, Decision, Means, Move, leave, return_order
from gateway.core.wire.instants import format_beijing
from gateway.crypto.digest import sm3_hex
from gateway.flow.own_messages import Letter, Scribe
from gateway.ports import Audit, Clock, OrderPlan, Parties, Returned, StandingChange, Standings

_STANDING: Final = "institution.standing.v1"
_STATUS: Final = "order.status.v1"
_RETURNED: Final = "机构已暂停或停止承接新业务，本订单尚未受理，退回平台另选机构；依据见“机构业务状态告知”。"
_TIMERS: Final = "timers"
_DIGEST_DIGITS: Final = 40


class Registry(Parties, Standings, Protocol):
    """What the desk needs of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingDesk:
    """Where standings change. `delivery_kept` is how long (us) a message to a leaving institution is waited for."""

    registry: Registry
    scribe: Scribe
    areas: Mapping[str, Area]
    clock: Clock
    legal_time: LegalTime
    delivery_kept: int
    log: Callable[..., None]

    async def move(self, party_id: str, name: str, decision: Decision, audit: Audit) -> Party | None:
        """Make the move of this name (MOVES); None where the institution does not stand where it begins.

        The change, the messages to both sides, the orders that go back and the audit row are one transaction. Raises
        Missing.
        """
        move, now = MOVES[name], self.clock.now()
        directory = await self.registry.directory()
        change = StandingChange(
            party_id=party_id,
            standing=move.to,
            only_from=move.only_from,
            messages=await self._announce(party_id, move, decision, directory, now=now),
            returned=await self._find_returned(party_id, now=now) if move.to is not Standing.LIVE else (),
        )
        return await self.registry.change_standing(change, self._plan(now), now=now, audit=audit)

    async def sweep(self) -> bool:
        """Give back what was accepted while a move was made, and let go who has nothing left to do."""
        now, directory = self.clock.now(), await self.registry.directory()
        for party in directory.parties.values():
            if party.standing in (Standing.SUSPENDED, Standing.LEAVING):
                await self._return_late(party.id, now=now)
            if party.standing is Standing.LEAVING:
                await self._let_go(party.id, now=now)
        return False

    def _means(self, now: int) -> Means:
        return Means(areas=self.areas, calendar=self.legal_time.calendar, now=self.legal_time.at(now))

    def _plan(self, now: int) -> OrderPlan:
        return partial(return_order, means=self._means(now))

    async def _announce(
        self, party_id: str, move: Move, decision: Decision, directory: Directory, *, now: int
    ) -> Sequence[Any]:
        """`institution.standing` to the platform and to the institution; the directory's revision makes its id new."""
        letters = [
            Letter(
                type=_STANDING,
                id=f"standing-{party_id}-{move.told}-{directory.revision}-{side}",
                subject=party_id,
                recipient=recipient,
                data=_describe(party_id, move, decision, now),
            )
            for side, recipient in (("p", PLATFORM), ("i", party_id))
            if directory.find_party(recipient) is not None
        ]
        return [await self.scribe.write(letter, now=now) for letter in letters]

    async def _find_returned(self, party_id: str, *, now: int) -> Sequence[Returned]:
        plan = self._plan(now)
        orders = [order for order in await self.registry.held_orders(party_id) if plan(order) is not None]
        return [await self._return(order, now=now) for order in orders]

    async def _return(self, order: Order, *, now: int) -> Returned:
        """`order.status` rejected to both sides of an order; its ids derive from the order, which goes back once."""
        number = sm3_hex(order.subject.encode())[:_DIGEST_DIGITS]
        data = {
            "orderNo": order.subject,
            "status": "rejected",
            "statusTime": format_beijing(now),
            "reason": _RETURNED,
        }
        letters = [
            Letter(type=_STATUS, id=f"returned-{number}-{side}", subject=order.subject, recipient=recipient, data=data)
            for side, recipient in (("p", order.platform), ("i", order.institution))
        ]
        messages = [await self.scribe.write(letter, now=now) for letter in letters]
        return Returned(order_no=order.subject, messages=messages)

    async def _return_late(self, party_id: str, *, now: int) -> None:
        late = await self._find_returned(party_id, now=now)
        if late:
            numbers = await self.registry.return_orders(late, self._plan(now), now=now)
            self.log("institution.orders_returned", party=party_id, orders=numbers)

    async def _let_go(self, party_id: str, *, now: int) -> None:
        audit = Audit(actor=_TIMERS, action="party.terminated", about=party_id, reason="最后一笔订单已办结")
        changes, since = leave(party_id, self._means(now)), now - self.delivery_kept
        if await self.registry.let_go(party_id, changes, delivering_since=since, now=now, audit=audit):
            self.log("institution.terminated", party=party_id)


def _describe(party_id: str, move: Move, decision: Decision, now: int) -> dict[str, Any]:
    authority = {"name": decision.authority} | ({"region": decision.region} if decision.region else {})
    data = {
        "institutionId": party_id,
        "standing": move.told,
        "decisionNo": decision.number,
        "authority": authority,
        "effectiveTime": format_beijing(now),
    }
    return data | ({"reason": decision.reason} if decision.reason else {})
