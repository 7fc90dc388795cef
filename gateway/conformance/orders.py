"""The orders of one run, followed as the gateway follows them: by the table of states and the rules at the border.

Source: domain sections 3 and 4. Pure but for the area and calendar files, which are read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from gateway.catalogue import Catalogue, load_areas, load_calendar
from gateway.core.area import Area
from gateway.core.calendar import Calendar
from gateway.core.effects import Held, Timing, apply
from gateway.core.order import Order
from gateway.core.party import GATEWAY
from gateway.core.wire.envelope import Envelope, parse_envelope

_INSTITUTION: Final = "institution"


@cache
def _areas() -> Mapping[str, Area]:
    return load_areas()


@cache
def _calendar() -> Calendar:
    return load_calendar()


class Orders:
    """Orders by number, between the platform that the kit plays and one institution of this kind."""

    def __init__(self, catalogue: Catalogue, kind: str) -> None:
        self._catalogue = catalogue
        self._kind = kind
        self._areas = _areas()
        self._timing = Timing(calendar=_calendar(), delivered=True)
        self._orders: dict[str, Order] = {}

    def find(self, number: str) -> Order | None:
        """The order as it stands."""
        return self._orders.get(number)

    def take(self, document: Mapping[str, Any], *, now: int) -> Envelope:
        """Follow a message, `now` in microseconds UTC; the Problem with which the gateway would refuse it."""
        message = parse_envelope(dict(document))
        row = self._catalogue.row(message.type)
        self._catalogue.check(message.type, {"subject": message.subject, "data": message.data})
        effects = apply(
            Held(order=self._orders.get(message.subject)),
            message,
            row=row,
            source_role=GATEWAY if message.source == GATEWAY else _INSTITUTION,
            institution_kind=self._kind,
            now=now,
            areas=self._areas,
            timing=self._timing,
        )
        if effects.order is not None:
            self._orders[message.subject] = effects.order
        return message
