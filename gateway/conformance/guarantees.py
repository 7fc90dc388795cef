"""The guarantees of one run, as the gateway would tell them: each order's messages followed by the table of states.

Source: protocol section 5 (`GET /v1/guarantees/{guaranteeNo}`), domain sections 1 and 3.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from gateway.catalogue import Catalogue
from gateway.core.effects import Held, move_order
from gateway.core.errors import Problem
from gateway.core.guarantee_view import show_guarantee
from gateway.core.order import Order
from gateway.core.order_changes import open_order
from gateway.core.parameters import DEFAULTS
from gateway.core.wire.envelope import Envelope, parse_envelope

_ISSUING: Final = "guarantee.issued"


class Guarantees:
    """What the institution issued, by number: the last one issued under a number counts."""

    def __init__(self, catalogue: Catalogue, kind: str) -> None:
        self._catalogue = catalogue
        self._kind = kind
        self._orders: dict[str, Order] = {}
        self._issued: dict[str, Envelope] = {}

    def take(self, document: dict[str, Any], *, now: int) -> None:
        """Follow a message, `now` in microseconds UTC.

        One that is faulty, or does not fit its order, changes nothing: what it means for the case is the judge's.
        """
        with suppress(Problem):
            self._follow(parse_envelope(document), now)

    def _follow(self, message: Envelope, now: int) -> None:
        row = self._catalogue.row(message.type)
        if row.event is None:
            return
        self._catalogue.check(message.type, {"subject": message.subject, "data": message.data})
        before = self._orders.get(message.subject)
        blank = before or open_order(message, self._kind, now)
        held = Held(order=before)
        self._orders[message.subject] = move_order(held, blank, message.data, row, now=now, parameters=DEFAULTS)
        if row.event == _ISSUING:
            self._issued[message.data["guaranteeNo"]] = message

    def show(self, number: str) -> dict[str, Any]:
        """The body of the call; Problem NOT_FOUND for a number that was not issued here."""
        issued = self._issued.get(number)
        if issued is None:
            raise Problem("NOT_FOUND")
        return show_guarantee(number, self._orders[issued.subject], issued.data)
