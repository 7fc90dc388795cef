"""How an institution's right to do business changes, and which of its orders go back to the platform then.

Source: domain sections 3 and 6; service commitment (XM), point 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.core.area import Area
from gateway.core.calendar import Calendar
from gateway.core.effects import find_parameters, raise_event
from gateway.core.happening import Happening
from gateway.core.order import Order
from gateway.core.party import GATEWAY, PLATFORM, Standing
from gateway.core.sla import ClockChange, find_changes

SUSPENDED: Final = "institution.suspended"
LEFT: Final = "institution.left"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """An order that goes back to the platform, and what that does to clocks."""

    order: Order
    changes: tuple[ClockChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a decision goes by: parameters, the calendar, and the legal instant (microseconds UTC)."""

    areas: Mapping[str, Area]
    calendar: Calendar
    now: int


def return_order(order: Order, means: Means) -> GivenBack | None:
    """The order given back because its institution takes no new business; None where it stays.

    An area's parameter decides (orders.return_on_suspension), and only what the institution has not accepted yet goes.
    """
    area = find_parameters(means.areas, order.region, means.now)
    after = raise_event(order, SUSPENDED, now=means.now, parameters=area.orders)
    if isinstance(after, str):
        return None
    happening = Happening(
        type=SUSPENDED,
        id=order.subject,
        source=GATEWAY,
        subject=order.subject,
        platform=order.platform,
        now=means.now,
        area=area,
        region=order.region,
        before=order,
        after=after,
    )
    return GivenBack(order=after, changes=find_changes(happening, means.calendar))


def leave(party_id: str, means: Means) -> tuple[ClockChange, ...]:
    """What it does to clocks that an institution has left: its duty of confidence runs on (XM)."""
    happening = Happening(
        type=LEFT,
        id=f"{party_id}-{means.now}",
        source=GATEWAY,
        subject=party_id,
        platform=PLATFORM,
        now=means.now,
        area=find_parameters(means.areas, None, means.now),
        region=None,
    )
    return find_changes(happening, means.calendar)
