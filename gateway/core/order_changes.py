"""What a payload changes in an order, before the transition table gives it its next state.

A payload that does not fit the order's payment notices is STATE_CONFLICT. Source: domain section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from gateway.core.errors import FieldError, Problem
from gateway.core.order import PAID, WITHDRAWN, Notice, Order, Payee
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
    """The application and the deposit notice that it carries; also the reservation of an account."""
    notice = data["notice"]
    return replace(
        order,
        amount_fen=data["amount"]["fen"],
        case_no=data["caseNo"],
        region=data["beneficiary"].get("region"),
        beneficiary=data["beneficiary"]["name"],
        contract_end=data["project"]["plannedEnd"],
        required_fen=notice["requiredAmount"]["fen"],
        cash_min_fen=notice.get("cashMinimum", {}).get("fen", 0),
        replaces=data.get("replaces", {}).get("orderNo"),
    )


def _take_reservation(order: Order, data: Mapping[str, Any]) -> Order:
    return replace(_take_application(order, data), cash=True)


def _take_deposit(order: Order, data: Mapping[str, Any]) -> Order:
    return replace(order, stored_fen=order.stored_fen + data["amount"]["fen"])


def _take_amendment(order: Order, data: Mapping[str, Any]) -> Order:
    if data["guaranteeNo"] != order.guarantee_no:
        raise _misfit("/data/guaranteeNo", "保函（保单）编号与本订单已开立的不一致，请核对 guaranteeNo。")
    return replace(order, topped_fen=data["amount"]["fen"] - order.amount_fen, valid_to=data["validTo"])


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
    number, notice = _find_notice(order, data)
    if data["outcome"] == "refused":
        if not notice.open:
            raise _misfit("/data/noticeNo", f"支付通知书 {number} 已全部办结，不能再拒绝支付。")
        return order
    payees = dict(notice.payees)
    for index, entry in enumerate(data["results"]):
        payees[entry["payeeId"]] = _settle(payees.get(entry["payeeId"]), entry, f"/data/results/{index}")
    return _with_notice(order, number, replace(notice, payees=MappingProxyType(payees)))


def _take_correction(order: Order, data: Mapping[str, Any]) -> Order:
    """A corrected payee is to be paid anew; one that is paid or withdrawn cannot be corrected."""
    number, notice = _find_notice(order, data)
    payees = dict(notice.payees)
    for index, entry in enumerate(data["payees"]):
        payee = payees.get(entry["payeeId"])
        if payee is None or payee.outcome in {PAID, WITHDRAWN}:
            raise _misfit(f"/data/payees/{index}/payeeId", "该支付对象不在通知书中，或已付清、已撤回，不能更正。")
        payees[entry["payeeId"]] = replace(payee, outcome="open")
    return _with_notice(order, number, replace(notice, payees=MappingProxyType(payees)))


def _take_withdrawal(order: Order, data: Mapping[str, Any]) -> Order:
    """What is not paid yet need not be paid any more."""
    number, notice = _find_notice(order, data)
    if not notice.open:
        raise _misfit("/data/noticeNo", f"支付通知书 {number} 已全部办结，不能再撤回。")
    payees = {
        key: payee if payee.outcome == PAID else replace(payee, outcome=WITHDRAWN)
        for key, payee in notice.payees.items()
    }
    return _with_notice(order, number, replace(notice, payees=MappingProxyType(payees)))


def _find_notice(order: Order, data: Mapping[str, Any]) -> tuple[str, Notice]:
    number = data["noticeNo"]
    if number not in order.notices:
        raise _misfit("/data/noticeNo", f"本订单没有编号为 {number} 的支付通知书，请核对 noticeNo。")
    return number, order.notices[number]


def _settle(payee: Payee | None, entry: Mapping[str, Any], pointer: str) -> Payee:
    if payee is None:
        raise _misfit(f"{pointer}/payeeId", "支付通知书中没有这个支付对象序号，请核对 payeeId。")
    if payee.outcome == WITHDRAWN:
        raise _misfit(f"{pointer}/payeeId", "该支付对象的款项已被撤回，先受理者为准，请与人社部门核对。")
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
        "account.reservation": _take_reservation,
        "guarantee.issued": _take_guarantee,
        "guarantee.amended": _take_amendment,
        "deposit.stored": _take_deposit,
        "payment.notice": _take_notice,
        "payment.result": _take_result,
        "payment.payee_correction": _take_correction,
        "payment.notice_withdrawal": _take_withdrawal,
    }
)
