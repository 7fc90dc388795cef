"""The guarantees of one run, as the gateway would tell them.

Source: protocol section 5 (`GET /v1/guarantees/{guaranteeNo}`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from gateway.catalogue import Catalogue
from gateway.conformance.orders import Orders
from gateway.core.errors import Problem
from gateway.core.guarantee_view import show_guarantee
from gateway.core.wire.envelope import Envelope

_ISSUED: Final = "guarantee.issued.v1"


class Guarantees:
    """What the institution issued, by number: the last one issued under a number counts."""

    def __init__(self, catalogue: Catalogue, kind: str) -> None:
        self._orders = Orders(catalogue, kind)
        self._issued: dict[str, Envelope] = {}

    def take(self, document: Mapping[str, Any], *, now: int) -> None:
        """Follow a message, `now` in microseconds UTC.

        One that the gateway would refuse changes nothing: what it means for the case is the judge's.
        """
        with suppress(Problem):
            message = self._orders.take(document, now=now)
            if message.type == _ISSUED:
                self._issued[message.data["guaranteeNo"]] = message

    def show(self, number: str) -> dict[str, Any]:
        """The body of the call; Problem NOT_FOUND for a number that was not issued here."""
        issued = self._issued.get(number)
        order = self._orders.find(issued.subject) if issued else None
        if issued is None or order is None:
            raise Problem("NOT_FOUND")
        return show_guarantee(number, order, issued.data)
