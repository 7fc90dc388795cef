"""`GET /v1/guarantees/{guaranteeNo}`: a guarantee's standing, to its parties only (protocol section 5)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from gateway.core.errors import Problem
from gateway.core.wire.instants import format_beijing
from gateway.http.exchange import Call, Reply, reply_json
from gateway.ports import Guarantees, IssuedGuarantee


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
                return reply_json(show_guarantee(number, found))
        raise Problem("NOT_FOUND")


def show_guarantee(number: str, found: IssuedGuarantee) -> dict[str, Any]:
    """The answer's body: amounts and the end as they stand now, the rest as it was issued.

    What was issued is null once its bytes were purged (`bodyPurged`): docs/protocol-notes.md.
    """
    order, purged = found.order, not found.body
    issued = {} if purged else json.loads(found.body)["data"]
    return {
        "guaranteeNo": number,
        "orderNo": order.subject,
        "caseNo": order.case_no,
        "platform": order.platform,
        "institution": order.institution,
        "guaranteeKind": issued.get("guaranteeKind"),
        "state": order.state,
        "stateSince": format_beijing(order.since),
        "lapseGround": order.lapse_ground,
        "flag": order.flag,
        "amount": _show_money(order.cover_fen),
        "balance": _show_money(order.balance_fen),
        "claimOpen": order.claim_open,
        "validFrom": issued.get("validFrom"),
        "validTo": order.valid_to,
        "document": issued.get("document"),
        "paymentVoucher": issued.get("paymentVoucher"),
        "replaces": issued.get("replaces"),
        "bodyPurged": purged,
    }


def _show_money(fen: int) -> dict[str, Any]:
    return {"currency": "CNY", "fen": fen}
