"""The port of institutions' standings: a change, its messages and the orders that go back are one transaction.

Every call may raise `StoreUnavailable`: then nothing is known to have happened, and whoever asked may ask again.
Source: domain section 6; service commitment (XM), point 7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.core.order import Order
from gateway.core.party import Party
from gateway.core.sla import ClockChange
from gateway.core.standing import GivenBack
from gateway.ports.records import Audit, Returned, StandingChange

OrderPlan = Callable[[Order], GivenBack | None]
"""Judged under the order's lock: the order that goes back to the platform, None where it stays."""


class Standings(Protocol):
    """Who may take new orders, and what becomes of the old ones."""

    async def held_orders(self, party_id: str) -> Sequence[Order]:
        """The institution's orders that are not over, by number."""
        ...

    async def change_standing(self, change: StandingChange, plan: OrderPlan, *, now: int, audit: Audit) -> Party | None:
        """Write the standing with its audit row, post its messages, give back what `plan` lets go.

        The party afterwards, or None, with nothing written, where it does not stand in `only_from`. Raises Missing.
        """
        ...

    async def return_orders(self, returned: Sequence[Returned], plan: OrderPlan, *, now: int) -> Sequence[str]:
        """Give back those that `plan` still lets go, each with its messages; their numbers."""
        ...

    async def let_go(
        self, party_id: str, changes: Sequence[ClockChange], *, delivering_since: int, now: int, audit: Audit
    ) -> bool:
        """Terminate an institution that leaves, retire its keys and write what that does to clocks; False, with
        nothing written, while it holds an order, or while a message to it accepted since `delivering_since` is on its
        way.
        """
        ...
