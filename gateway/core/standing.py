"""How an institution's right to do business changes, and which of its orders go back to the platform then.

Source: domain sections 3 and 6; service commitment (XM), point 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.core.area import Area
from gateway.core.effects import find_parameters, raise_event
from gateway.core.order import Order
from gateway.core.party import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of standing: from where to where, and what `institution.standing` tells (its `standing` member)."""

    to: Standing
    only_from: frozenset[Standing]
    told: str


_IN_BUSINESS: Final = frozenset({Standing.LIVE, Standing.SUSPENDED})

MOVES: Final[Mapping[str, Move]] = MappingProxyType(
    {
        "suspend": Move(to=Standing.SUSPENDED, only_from=frozenset({Standing.LIVE}), told="suspended"),
        "restore": Move(to=Standing.LIVE, only_from=frozenset({Standing.SUSPENDED}), told="restored"),
        "stop": Move(to=Standing.LEAVING, only_from=_IN_BUSINESS, told="stopped"),
        "exit": Move(to=Standing.LEAVING, only_from=_IN_BUSINESS, told="stopped"),
    }
)
"""An institution that is stopped and one that leaves go the same way: no new order, every duty of the old ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The authority's decision behind a move: its document number, who made it, why."""

    number: str
    authority: str
    region: str | None = None
    reason: str | None = None


def return_order(order: Order, areas: Mapping[str, Area], now: int) -> Order | None:
    """The order given back to the platform because its institution takes no new business; None where it stays.

    An area's parameter decides (orders.return_on_suspension), and only what the institution has not accepted yet goes.
    """
    parameters = find_parameters(areas, order.region, now).orders
    after = raise_event(order, "institution.suspended", now=now, parameters=parameters)
    return None if isinstance(after, str) else after
