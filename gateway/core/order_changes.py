"""What a payload changes in an order, before the transition table gives it its next state.

A payload that does not fit the order's payment notices is STATE_CONFLICT. Source: domain section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from gateway.core.errors import FieldError, Problem
from gateway.core.order import PAID, Notice, Order, Payee
from gateway.core.wire.envelope import Envelope


def prepare(order: Order, event: str | None, data: Mapping[str, Any]) -> Order:
    """The order with the payload's content taken in, still in its old state; raises STATE_CONFLICT.

    `event` is the catalogue row's, without the value that completes it.
    """
    take = _TAKERS.get(event or "")
    return take(order, data) if take else order


def open_order(envelope: Envelope, institution_kind: str, now: int) -> Order:
    """The order that an application begins; it has no state of its own until the table gives it one."""
    return Order(
        subject=envelope.subject,
        platform=envelope.source,
        institution=envelope.recipient,
        institution_kind=institution_kind,
        state="",
        since=now,
        amount_fen=0,
        case_no="",
    )


def _take_application(order: Order, data: Mapping[str, Any]) -> Order:
    return replace(order, amount_fen=data["amount"]["fen"], case_no=data["caseNo"])


def _take_guarantee(order: Order, data: Mapping[str, Any]) -> Order:
    return replace(order, amount_fen=data["amount"]["fen"], guarantee_no=data["guaranteeNo"], valid_to=data["validTo"])


def _take_notice(order: Order, data: Mapping[str, Any]) -> Order:
    number = data["noticeNo"]
    if number in order.notices:
        raise _misfit("/data/noticeNo", f"支付通知书 {number} 已在本订单中受理过，请使用新的编号。")
    payees = {payee["payeeId"]: Payee(amount_fen=payee["amount"]["fen"]) for payee in data["payees"]}
    notice = Notice(total_fen=data["total"]["fen"], payees=MappingProxyType(payees))
    return _with_notice(order, number, notice)


def _take_result(order: Order, data: Mapping[str, Any]) -> Order:
    """Add the results to their notice; a refusal leaves it open, as the pay clock runs on (domain section 5)."""
    number = data["noticeNo"]
    notice = order.notices.get(number)
    if notice is None:
        raise _misfit("/data/noticeNo", f"本订单没有编号为 {number} 的支付通知书，请核对 noticeNo。")
    if data["outcome"] == "refused":
        if not notice.open:
            raise _misfit("/data/noticeNo", f"支付通知书 {number} 已全部付清，不能再拒绝支付。")
        return order
    payees = dict(notice.payees)
    for index, entry in enumerate(data["results"]):
        payees[entry["payeeId"]] = _settle(payees.get(entry["payeeId"]), entry, f"/data/results/{index}")
    return _with_notice(order, number, replace(notice, payees=MappingProxyType(payees)))


def _settle(payee: Payee | None, entry: Mapping[str, Any], pointer: str) -> Payee:
    if payee is None:
        raise _misfit(f"{pointer}/payeeId", "支付通知书中没有这个支付对象序号，请核对 payeeId。")
    if payee.outcome == PAID and entry["result"] == "failed":
        raise _misfit(f"{pointer}/result", "该支付对象已报告付清；款项若被退回，请报 returned。")
    return replace(payee, outcome=entry["result"])


def _with_notice(order: Order, number: str, notice: Notice) -> Order:
    return replace(order, notices=MappingProxyType({**order.notices, number: notice}))


def _misfit(pointer: str, text: str) -> Problem:
    return Problem("STATE_CONFLICT", text, errors=[FieldError(pointer=pointer, rule="state", message=text)])


_TAKERS: Final[Mapping[str, Callable[[Order, Mapping[str, Any]], Order]]] = MappingProxyType(
    {
        "guarantee.application": _take_application,
        "guarantee.issued": _take_guarantee,
        "payment.notice": _take_notice,
        "payment.result": _take_result,
    }
)
