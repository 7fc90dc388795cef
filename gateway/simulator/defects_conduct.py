"""Defects of conduct: whom an institution trusts, in what order it works, what of a message it looks at.

Source: protocol sections 3 to 6, domain sections 2 to 4. They came of asking what a bank may do wrongly that none of
the other tables holds.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from gateway.core.wire.authorization import Authorization
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.strict_json import parse_object
from gateway.net.messages import RawResponse
from gateway.simulator.defect_rows import PULL, PUSH, Defect, habit_defect
from gateway.simulator.defects_business import edit_replies, leave_out
from gateway.simulator.reception import Outgoing

Data = dict[str, Any]
_QUERY: Final = "authenticity.query.v1"
_APPLICATION: Final = "guarantee.application.v1"
_ISSUED: Final = "guarantee.issued.v1"


def _skip(name: str, title: str, check: str, *modes: str) -> Defect:
    return habit_defect(name, title, modes=modes or (PUSH, PULL), skips=frozenset({check}))


def _reading(type_: str, change: Callable[[Data], Data]) -> Callable[[bytes], Data]:
    """Parse a body and see the data of this type otherwise than it was sent."""

    def parse(body: bytes) -> Data:
        event = parse_object(body)
        return {**event, "data": change(event["data"])} if event.get("type") == type_ else event

    return parse


def _without(names: Iterable[str]) -> Callable[[Data], Data]:
    return lambda data: {name: value for name, value in data.items() if name not in names}


def _until_december(data: Data) -> Data:
    """The guarantee is to end with the year of the notice, whatever the contract says."""
    return {**data, "requiredValidTo": f"{data['notice']['issueDate'][:4]}-12-31"}


def _rename_contractor(change: Callable[[str], str]) -> Callable[[Data], Data]:
    return lambda data: {**data, "contractor": {**data["contractor"], "name": change(data["contractor"]["name"])}}


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _write_gb2312(text: str) -> str:
    """What a column of an old code page keeps of a text."""
    return text.encode("gb2312", "replace").decode("gb2312")


def _agree(data: Data) -> Data:
    return {name: "agreed" if name == "result" else value for name, value in data.items() if name != "differences"}


def _name_whole(authorization: Authorization) -> str:
    """A used push is known again by its signature only, not by its nonce."""
    return authorization.signature


def _leave_voucher(files: dict[str, bytes]) -> dict[str, bytes]:
    """Of all files the guarantee's original alone, the longest."""
    longest = max(files.values(), key=len, default=b"")
    return {digest: data for digest, data in files.items() if data == longest}


def _put(**members: Any) -> Callable[[Data], Data]:
    return lambda data: {**data, **members}


def _other_authority(data: Data) -> Data:
    return {**data, "beneficiary": {**data["beneficiary"], "name": "另一个人社局"}}


def _store_amount(change: Callable[[int], int]) -> Callable[[Data], Data]:
    """The amount as some column keeps it; where there is none nothing changes."""

    def edit(data: Data) -> Data:
        amount = data.get("amount")
        return {**data, "amount": {**amount, "fen": change(amount["fen"])}} if amount else data

    return edit


def _round_single(fen: int) -> int:
    return int(struct.unpack("<f", struct.pack("<f", fen))[0])


def _end_otherwise(data: Data) -> Data:
    return {**data, "validTo": "2099-12-31"} if "validTo" in data else data


def _other_account(member: str) -> Callable[[Data], Data]:
    return lambda data: {**data, "account": {**data["account"], member: f"{data['account'][member]}9"}}


def _cut_ids(members: Data) -> Data:
    return {**members, "id": members["id"][:36]}


def _lower_ids(members: Data) -> Data:
    return {**members, "id": members["id"].lower()}


def _cut_subject(event: Data) -> Data:
    return {**event, "subject": event["subject"][:64]}


def _send_old_format_too(replies: list[Outgoing]) -> list[Outgoing]:
    """Each reply once more as an earlier interface had it, without the version in its type."""
    return [each for reply in replies for each in (reply, _write_old(reply))]


def _write_old(reply: Outgoing) -> Outgoing:
    event = parse_object(reply.body)
    old = {**event, "id": f"old-{event['id']}"[:64], "type": event["type"].rpartition(".")[0]}
    return replace(reply, id=old["id"], type=old["type"], body=encode_compact(old))


def _sign_successes_only(answer: RawResponse) -> RawResponse:
    if answer.status < HTTPStatus.BAD_REQUEST:
        return answer
    headers = {name: value for name, value in answer.headers.items() if not name.startswith("Gzbzj-")}
    return replace(answer, headers=headers)


_EDITS: Final = (
    ("guarantee-revocable", "保函可以撤销", _ISSUED, _put(irrevocable=False)),
    ("guarantee-conditional", "保函不是见索即付", _ISSUED, _put(onDemand=False)),
    ("guarantee-other-beneficiary", "保函的受益人不是申请所列的部门", _ISSUED, _other_authority),
    ("names-narrowed", "名称里的全角字符被转成半角", _ISSUED, _rename_contractor(_narrow)),
    ("names-in-gb2312", "名称里的罕用字变成问号", _ISSUED, _rename_contractor(_write_gb2312)),
    ("reconciliation-always-agreed", "日对账一律答相符", "reconciliation.answer.v1", _agree),
)
_AMOUNTS: Final = (
    ("amount-in-32-bits", "金额按 32 位整数存放，大额溢出", _ISSUED, _store_amount(lambda fen: fen % 2**32)),
    ("amount-in-float", "金额按单精度浮点数存放，大额走样", _ISSUED, _store_amount(_round_single)),
    ("query-other-amount", "查询结果的金额与保函不符", "guarantee.query_result.v1", _store_amount(lambda fen: fen - 1)),
    ("genuine-other-end", "真伪核验结果的有效期与保函不符", "authenticity.result.v1", _end_otherwise),
    ("account-other-holder", "专户的户名不是存储企业", "account.opened.v1", _other_account("holder")),
    ("stored-other-account", "现金存入了别的账户", "deposit.stored.v1", _other_account("number")),
    ("usage-other-balance", "使用情况的余额不符", "deposit.usage.v1", _put(balance={"currency": "CNY", "fen": 1})),
)
_MISSING: Final = (
    ("usage-missing", "现金支付之后不报使用情况", "deposit.usage.v1"),
    ("statement-missing", "不出季度对账单", "deposit.statement.v1"),
)
_READINGS: Final = (
    ("authenticity-digest-unread", "真伪核验不比对文件摘要", _reading(_QUERY, _without({"digest"}))),
    ("authenticity-end-unread", "真伪核验不比对有效期", _reading(_QUERY, _without({"validTo"}))),
    ("guarantee-term-short", "保函一律年底到期", _reading(_APPLICATION, _until_december)),
)

CONDUCT: Final[tuple[Defect, ...]] = (
    _skip("answer-owner-unchecked", "应答由平台的密钥签名也相信", "answer-owner"),
    _skip("keys-answer-unverified", "公钥清单的应答不验签", "keys-answer"),
    _skip("gateway-origin-unchecked", "网关自己的报文不看 Gzbzj-Origin", "gateway-origin"),
    _skip("first-of-repeated-headers", "重复的请求头只取第一个", "one-header", PUSH),
    _skip("nonce-spent-unverified", "验签之前就登记随机串，别人可使真的推送被拒", "nonce-after-signature", PUSH),
    habit_defect("replay-by-signature", "只认签名值是否重复，不认随机串", modes=(PUSH,), spent=_name_whole),
    _skip("sends-out-of-turn", "前一份还没有得到 202 就发下一份", "in-turn"),
    _skip("sends-again-though-accepted", "得到受理之后又发一次", "settle"),
    _skip("repeat-answer-unknown", "只认 202，重发得到 200 时没完没了地再发", "repeat-answer"),
    habit_defect("tries-once-more", "只重发一次", tries=2),
    habit_defect("listing-backwards", "从信箱清单的末尾办起", modes=(PULL,), listed=lambda messages: messages[::-1]),
    habit_defect("voucher-not-uploaded", "缴费凭证没有上传", files=_leave_voucher),
    habit_defect("refusals-unsigned", "拒收的应答没有签名", modes=(PUSH,), answer=_sign_successes_only),
    habit_defect("ids-cut", "报文 id 只存前 36 个字符", receipt=_cut_ids),
    habit_defect("ids-lower-cased", "报文 id 存成小写", receipt=_lower_ids),
    habit_defect("subject-cut", "业务编号只存前 64 个字符", event=_cut_subject),
    habit_defect("old-format-beside", "答复之外，又按旧接口发一份", replies=_send_old_format_too),
    *(habit_defect(name, title, replies=edit_replies(type_, change)) for name, title, type_, change in _EDITS),
    *(habit_defect(name, title, replies=edit_replies(type_, change)) for name, title, type_, change in _AMOUNTS),
    *(habit_defect(name, title, replies=leave_out(type_)) for name, title, type_ in _MISSING),
    *(habit_defect(name, title, parse=parse) for name, title, parse in _READINGS),
)
