"""Defects of business: replies that are missing, out of order, or say something wrong (domain sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.strict_json import parse_object
from gateway.simulator.defect_rows import Defect, habit_defect
from gateway.simulator.reception import Outgoing

Data = dict[str, Any]
Change = Callable[[Data], Data]


def edit_replies(type_: str, change: Change) -> Callable[[list[Outgoing]], list[Outgoing]]:
    """Change the data of the replies of one type."""

    def edit(replies: list[Outgoing]) -> list[Outgoing]:
        return [_change(reply, change) if reply.type == type_ else reply for reply in replies]

    return edit


def _change(reply: Outgoing, change: Change) -> Outgoing:
    event = parse_object(reply.body)
    return replace(reply, body=encode_compact({**event, "data": change(event["data"])}))


def leave_out(type_: str) -> Callable[[list[Outgoing]], list[Outgoing]]:
    """Send no replies of one type."""
    return lambda replies: [reply for reply in replies if reply.type != type_]


def _issue_first(replies: list[Outgoing]) -> list[Outgoing]:
    return sorted(replies, key=lambda reply: reply.type != "guarantee.issued.v1")


def _twice(replies: list[Outgoing]) -> list[Outgoing]:
    """Every reply a second time under an id of its own."""
    return replies + [replace(reply, id=f"{reply.id[:60]}-2", body=_with_id(reply)) for reply in replies]


def _with_id(reply: Outgoing) -> bytes:
    return encode_compact({**parse_object(reply.body), "id": f"{reply.id[:60]}-2"})


def _in_yuan(data: Data) -> Data:
    return {**data, "amount": {**data["amount"], "fen": data["amount"]["fen"] // 100}}


def _as_decimal(data: Data) -> Data:
    return {**data, "amount": {**data["amount"], "fen": data["amount"]["fen"] / 1}}


def _as_text(data: Data) -> Data:
    return {**data, "amount": {**data["amount"], "fen": str(data["amount"]["fen"])}}


def _other_words(data: Data) -> Data:
    return {**data, "amount": {**data["amount"], "words": "人民币壹元整"}}


def _first_payee(data: Data) -> Data:
    return {**data, "results": data["results"][:1]}


def _other_payee(data: Data) -> Data:
    return {**data, "results": [{**result, "payeeId": f"X{result['payeeId']}"} for result in data["results"]]}


def _without(name: str) -> Change:
    return lambda data: {key: value for key, value in data.items() if key != name}


def _with(**members: Any) -> Change:
    return lambda data: {**data, **members}


def _other(name: str) -> Change:
    return lambda data: {**data, name: f"{data[name]}9"}


def _inside(name: str, member: str, change: Callable[[Any], Any]) -> Change:
    """Change a member of a member."""
    return lambda data: {**data, name: {**data[name], member: change(data[name][member])}}


def _more(number: int) -> int:
    return number + 1


def _ending_early(data: Data) -> Data:
    return {**data, "validTo": f"{data['validFrom'][:4]}-12-31"}


_ISSUED: Final = "guarantee.issued.v1"
_EDITS: Final = (
    ("amount-in-yuan", "保函金额以元为单位", _ISSUED, _in_yuan),
    ("amount-as-text", "金额写成字符串", _ISSUED, _as_text),
    ("amount-as-decimal", "金额写成小数", _ISSUED, _as_decimal),
    ("amount-words-wrong", "大写金额与数字不符", _ISSUED, _other_words),
    ("guarantee-unknown-field", "保函开立多了未定义的字段", _ISSUED, _with(remark2="备注")),
    ("guarantee-no-missing", "保函开立没有保函编号", _ISSUED, _without("guaranteeNo")),
    ("guarantee-other-order", "保函开立写错订单编号", _ISSUED, _other("orderNo")),
    ("guarantee-date-format", "日期写成 20270101", _ISSUED, _with(validTo="20270101")),
    ("guarantee-amount-less", "保函金额比申请少一分", _ISSUED, _inside("amount", "fen", lambda fen: fen - 1)),
    ("guarantee-ends-early", "保函提前到期", _ISSUED, _ending_early),
    ("guarantee-other-contractor", "保函上的施工单位名称不符", _ISSUED, _inside("contractor", "name", "{}甲".format)),
    ("guarantee-other-project", "保函上的工程名称不符", _ISSUED, _with(projectName="另一个工程")),
    ("guarantee-other-document", "保函正本的摘要不符", _ISSUED, _inside("document", "digest", lambda _: "0" * 64)),
    ("guarantee-document-size", "保函正本的大小不符", _ISSUED, _inside("document", "size", _more)),
    ("guarantee-number-fixed", "各份保函用同一个编号", _ISSUED, _with(guaranteeNo="BH2026000001")),
    ("invoice-other-amount", "发票金额与申请不符", "invoice.issued.v1", _inside("amount", "fen", _more)),
    ("payment-payee-missing", "支付结果漏了收款人", "payment.result.v1", _first_payee),
    ("payment-payee-unknown", "支付结果的收款人编号不符", "payment.result.v1", _other_payee),
    ("payment-notice-unknown", "支付结果的通知编号不符", "payment.result.v1", _other("noticeNo")),
    ("authenticity-always-genuine", "真伪核验一律答真", "authenticity.result.v1", _with(result="genuine", reason="")),
    ("authenticity-query-unknown", "真伪核验结果的查询编号不符", "authenticity.result.v1", _other("queryNo")),
    ("invoice-request-unknown", "发票的申请编号不符", "invoice.issued.v1", _other("requestNo")),
    ("release-confirmation-unknown", "返还办结的确认编号不符", "release.completed.v1", _other("confirmationNo")),
    ("status-unknown", "订单状态用了自己的代码", "order.status.v1", _with(status="01")),
)
_MISSING: Final = (
    ("status-missing", "不报订单状态", "order.status.v1"),
    ("guarantee-missing", "受理之后不开立保函", _ISSUED),
    ("invoice-missing", "不开发票", "invoice.issued.v1"),
    ("authenticity-missing", "不答真伪核验", "authenticity.result.v1"),
    ("payment-missing", "支付之后不报结果", "payment.result.v1"),
    ("release-missing", "返还之后不报办结", "release.completed.v1"),
)

BUSINESS: Final[tuple[Defect, ...]] = (
    *(habit_defect(name, title, replies=edit_replies(type_, change)) for name, title, type_, change in _EDITS),
    *(habit_defect(name, title, replies=leave_out(type_)) for name, title, type_ in _MISSING),
    habit_defect("issued-before-accepted", "没有受理就开立保函", replies=_issue_first),
    habit_defect("replies-twice", "每条答复以不同 id 发两次", replies=_twice),
)
