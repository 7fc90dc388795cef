"""`GET /v1/guarantees/{guaranteeNo}`: a guarantee's standing, to its parties only (protocol section 5)."""

from __future__ import annotations

import json
from urllib.parse import unquote

from gateway.core.errors import Problem
from gateway.core.guarantee_view import show_guarantee
from gateway.http.exchange import Call, Reply, reply_json
from gateway.ports import Guarantees


class GuaranteeCalls:
    """Guarantees by number."""

    def __init__(self, guarantees: Guarantees) -> None:
        self._guarantees = guarantees

    async def show(self, call: Call) -> Reply:
        """The standing; NOT_FOUND to all but the platform and the institution of its order.

        The number stands in the path as UTF-8, percent-encoded where it must be.
        """
        number = unquote(call.names["guaranteeNo"])
        if "\0" in number:
            raise Problem("NOT_FOUND")
        caller = call.known.party.id
        for found in await self._guarantees.guarantees(number):
            if caller in (found.order.platform, found.order.institution):
                issued = json.loads(found.body)["data"] if found.body else None
                return reply_json(show_guarantee(number, found.order, issued))
        raise Problem("NOT_FOUND")
