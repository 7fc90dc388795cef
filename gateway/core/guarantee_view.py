"""A guarantee as its parties are shown it (protocol section 5, `GET /v1/guarantees/{guaranteeNo}`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.order import Order
from gateway.core.wire.instants import format_beijing


def show_guarantee(number: str, order: Order, issued: Mapping[str, Any] | None) -> dict[str, Any]:
    """A JSON object: amounts and the end as the order stands now, the rest as `issued`, the payload that issued it.

    What was issued is null once its bytes were purged (`issued` None, `bodyPurged`): docs/protocol-notes.md.
    """
    then = issued or {}
    return {
        "guaranteeNo": number,
        "orderNo": order.subject,
        "caseNo": order.case_no,
        "platform": order.platform,
        "institution": order.institution,
        "guaranteeKind": then.get("guaranteeKind"),
        "state": order.state,
        "stateSince": format_beijing(order.since),
        "lapseGround": order.lapse_ground,
        "flag": order.flag,
        "amount": _show_money(order.cover_fen),
        "balance": _show_money(order.balance_fen),
        "claimOpen": order.claim_open,
        "validFrom": then.get("validFrom"),
        "validTo": order.valid_to,
        "document": then.get("document"),
        "paymentVoucher": then.get("paymentVoucher"),
        "replaces": then.get("replaces"),
        "bodyPurged": issued is None,
    }


def _show_money(fen: int) -> dict[str, Any]:
    return {"currency": "CNY", "fen": fen}
