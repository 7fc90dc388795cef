"""What an institution sends because of a message, as a table: type → replies, fitted to the message they answer.

The bodies are the catalogue's examples; what must correspond (numbers, amounts, payees, dates) comes from the message
answered or from the guarantee that the institution issued. Source: domain sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gateway.core.party import PLATFORM
from gateway.core.wire.instants import format_beijing

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a reply is fitted to: the data answered, the guarantees issued so far by number, the instant (µs UTC)."""

    asked: Data
    guarantees: Mapping[str, Data]
    now_us: int


Fit = Callable[[Context], Data]
"""The members of the reply's data that replace the example's; a member that is None is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRow:
    """One reply. `variant` names the example to start from; None takes the one for the institution's kind.

    `when` asks the data answered whether there is a reply; `recipient` None is whom it answers.
    """

    type: str
    variant: str | None = None
    fit: Fit = lambda _: {}
    when: Callable[[Data], bool] = lambda _: True
    recipient: str | None = None


def _issue(context: Context) -> Data:
    asked = context.asked
    fitted = {
        "amount": asked["amount"],
        "contractor": {name: asked["contractor"][name] for name in ("name", "uscc")},
        "beneficiary": asked["beneficiary"],
        "projectName": asked["project"]["name"][:200],
    }
    return fitted | ({"validTo": asked["requiredValidTo"]} if "requiredValidTo" in asked else {})


def _invoice(context: Context) -> Data:
    return {"requestNo": context.asked["requestNo"], "amount": context.asked["amount"], "tax": None}


def _check(context: Context) -> Data:
    asked = context.asked
    issued = context.guarantees.get(asked["guaranteeNo"])
    named = {"guaranteeNo": asked["guaranteeNo"], "queryNo": asked["queryNo"]}
    blank = {"digest": None, "amount": None, "validFrom": None, "validTo": None}
    if issued is None:
        return {**named, **blank, "result": "not_found", "reason": "本机构没有开立过该编号的保函（保单）。"}
    kept = {
        "digest": issued["document"]["digest"],
        "amount": {"currency": "CNY", "fen": issued["amount"]["fen"]},
        "validFrom": issued["validFrom"],
        "validTo": issued["validTo"],
    }
    if _differs(asked, kept):
        return {**named, **blank, "result": "mismatch", "reason": "所询内容与留存的保函（保单）不一致。"}
    return {**named, **kept, "result": "genuine", "reason": None}


def _differs(asked: Data, kept: Data) -> bool:
    amount: Data = asked.get("amount", kept["amount"])
    texts = any(asked.get(name, kept[name]) != kept[name] for name in ("digest", "validTo"))
    return texts or bool(amount["fen"] != kept["amount"]["fen"])


def _pay(context: Context) -> Data:
    number = context.asked["noticeNo"]
    paid_at = format_beijing(context.now_us)
    return {
        "noticeNo": number,
        "results": [
            {
                "payeeId": payee["payeeId"],
                "result": "paid",
                "transactionNo": f"ZZ{number[-40:]}-{place}",
                "time": paid_at,
            }
            for place, payee in enumerate(context.asked["payees"], start=1)
        ],
    }


def _claims_cash(asked: Data) -> bool:
    """A notice names the guarantee that it claims; one that names none claims the cash of an account."""
    return "guaranteeNo" not in asked


def _report_usage(context: Context) -> Data:
    return {"noticeNo": context.asked["noticeNo"], "used": {"currency": "CNY", "fen": context.asked["total"]["fen"]}}


def _asks_statement(asked: Data) -> bool:
    return bool(asked["rule"] == "statement")


def _release(context: Context) -> Data:
    asked = context.asked
    return {name: asked[name] for name in ("confirmationNo", "releaseKind", "guaranteeNo", "account") if name in asked}


def _look_up(context: Context) -> Data:
    asked = context.asked
    issued = context.guarantees.get(asked.get("guaranteeNo", ""))
    named = {name: asked[name] for name in ("queryNo", "guaranteeNo") if name in asked}
    if issued is None:
        nothing = dict.fromkeys(("amount", "balance", "validTo", "status", "document"))
        return {**named, **nothing, "found": False}
    amount = {"currency": "CNY", "fen": issued["amount"]["fen"]}
    return {
        **named,
        "amount": amount,
        "balance": amount,
        "validTo": issued["validTo"],
        "document": issued["document"],
    }


def _inspect(context: Context) -> Data:
    return {"inspectionNo": context.asked["inspectionNo"]}


def _open(context: Context) -> Data:
    return {"account": _ACCOUNT | {"holder": context.asked["contractor"]["name"]}}


def _store(context: Context) -> Data:
    return {**_open(context), "amount": context.asked["amount"]}


def _extend(context: Context) -> Data:
    asked = context.asked
    issued = context.guarantees.get(asked["guaranteeNo"], {})
    kept = {"amount": issued["amount"]} if issued else {}
    return {"guaranteeNo": asked["guaranteeNo"], "validTo": asked["validTo"], **kept}


def _reconcile(context: Context) -> Data:
    return {"reconciliationNo": context.asked["reconciliationNo"]}


_ACCOUNT: Final = {"number": "35020000000000000009", "bank": "示例银行厦门分行"}
_STATUSES: Final = tuple(
    ReplyRow(type="order.status.v1", variant=status) for status in ("accepted", "awaiting_fee", "fee_paid")
)

PLAN: Final[Mapping[str, tuple[ReplyRow, ...]]] = MappingProxyType(
    {
        "guarantee.application.v1": (*_STATUSES, ReplyRow(type="guarantee.issued.v1", fit=_issue)),
        "invoice.requested.v1": (ReplyRow(type="invoice.issued.v1", variant="default", fit=_invoice),),
        "authenticity.query.v1": (ReplyRow(type="authenticity.result.v1", variant="default", fit=_check),),
        "payment.notice.v1": (
            ReplyRow(type="payment.result.v1", variant="default", fit=_pay),
            ReplyRow(type="deposit.usage.v1", variant="default", fit=_report_usage, when=_claims_cash),
        ),
        "sla.warning.v1": (ReplyRow(type="deposit.statement.v1", when=_asks_statement, recipient=PLATFORM),),
        "release.confirmation.v1": (ReplyRow(type="release.completed.v1", fit=_release),),
        "guarantee.cancellation.v1": (),
        "guarantee.query.v1": (ReplyRow(type="guarantee.query_result.v1", variant="default", fit=_look_up),),
        "guarantee.extension_request.v1": (ReplyRow(type="guarantee.amended.v1", variant="default", fit=_extend),),
        "inspection.request.v1": (ReplyRow(type="inspection.response.v1", variant="default", fit=_inspect),),
        "account.reservation.v1": (
            ReplyRow(type="account.opened.v1", variant="default", fit=_open),
            ReplyRow(type="deposit.stored.v1", variant="default", fit=_store),
        ),
        "reconciliation.daily.v1": (ReplyRow(type="reconciliation.answer.v1", variant="default", fit=_reconcile),),
    }
)
