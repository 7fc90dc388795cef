"""Checks of how the institution takes a message: its answer to a push, or the receipt that it posts for a pulled one.

Source: protocol sections 4 and 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from gateway.conformance.evidence import Evidence, read_authorization, read_json
from gateway.conformance.exchanges import PUSH, Exchange
from gateway.conformance.findings import Check, Finding, found, missing
from gateway.core.errors import Problem
from gateway.core.wire.authorization import check_timestamp
from gateway.core.wire.receipt import check_receipt, parse_receipt
from gateway.core.wire.response import ResponseSignature, parse_response_headers
from gateway.crypto.signer import verify_request, verify_response

SECOND: Final = 1_000_000
_ANSWER_MS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """How the institution reacted to a message: the bytes of its receipt or problem, and the exchange they came in."""

    body: bytes
    status: int | None
    exchange: Exchange
    sent: Exchange


def find_reaction(evidence: Evidence, step: str) -> Reaction | None:
    """The reaction to a step's message; None where none came."""
    sent = evidence.sent(step)
    if sent is None:
        return None
    if sent.way == PUSH:
        answered = sent.status is not None
        return Reaction(body=sent.answer_body, status=sent.status, exchange=sent, sent=sent) if answered else None
    call = evidence.receipt_call(step)
    return Reaction(body=call.body, status=None, exchange=call, sent=sent) if call else None


def _on_reaction(look: Callable[[Evidence, Reaction, Mapping[str, Any]], Finding]) -> Any:
    """A look at the reaction; where none came there is nothing to look at."""

    def outer(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
        reaction = find_reaction(evidence, step)
        if reaction is None:
            sent = evidence.sent(step)
            return missing(f"没有应答：{sent.error}" if sent and sent.error else "没有应答")
        return look(evidence, reaction, arguments)

    return outer


def _outcome(reaction: Reaction) -> str:
    """ACCEPTED or REFUSED of a receipt that names this message, or the code of a problem, or nothing."""
    try:
        receipt = parse_receipt(reaction.body)
        check_receipt(receipt, id=reaction.sent.about["message"], digest=reaction.sent.about["digest"])
    except Problem:
        return str(read_json(reaction.body).get("code", ""))
    return receipt.status


def _code(reaction: Reaction) -> str:
    return str(read_json(reaction.body).get("code", ""))


def verify_reaction(evidence: Evidence, reaction: Reaction) -> None:
    """Raise the Problem of what is wrong with the signature of a reaction."""
    exchange = reaction.exchange
    if exchange.way == PUSH:
        signature = parse_response_headers(exchange.answer_headers)
        _verify_answer(evidence, exchange, signature)
        return
    authorization = read_authorization(exchange)
    public = evidence.publics.get(authorization.serial_no) if authorization else None
    if authorization is None or public is None:
        raise Problem("KEY_UNKNOWN")
    verify_request(public, authorization, method=exchange.method, target=exchange.target, body=exchange.body)


def _verify_answer(evidence: Evidence, exchange: Exchange, signature: ResponseSignature) -> None:
    public = evidence.publics.get(signature.serial_no)
    if public is None:
        raise Problem("KEY_UNKNOWN", f"应答所用公钥序列号 {signature.serial_no} 不是本次测试所给的公钥。")
    verify_response(public, signature, body=exchange.answer_body)


def _look_signed(evidence: Evidence, reaction: Reaction, _: Mapping[str, Any]) -> Finding:
    try:
        verify_reaction(evidence, reaction)
    except Problem as problem:
        return found(False, str(problem), reaction.exchange.number)
    return found(True, "验签通过", reaction.exchange.number)


def _look_nonce(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    exchange = reaction.exchange
    if exchange.way != PUSH:
        return found(True, "拉取方式以请求签名，无须回送", exchange.number)
    got = exchange.answer_headers.get("gzbzj-nonce", "（没有 Gzbzj-Nonce）")
    wanted = exchange.about["nonce"]
    return found(got == wanted, got, exchange.number, wanted)


def _look_time(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    exchange = reaction.exchange
    try:
        if exchange.way == PUSH:
            timestamp = parse_response_headers(exchange.answer_headers).timestamp
        else:
            authorization = read_authorization(exchange)
            timestamp = authorization.timestamp if authorization else 0
        check_timestamp(timestamp, exchange.at + exchange.took_ms * 1000)
    except Problem as problem:
        return found(False, problem.message, exchange.number)
    return found(True, f"时间戳 {timestamp}", exchange.number)


def _look_accepted(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    outcome = _outcome(reaction)
    got = f"{outcome or '没有回执'}（HTTP {reaction.status}）" if reaction.status else outcome or "没有回执"
    return found(outcome == "ACCEPTED", got, reaction.exchange.number)


def _look_receipt(name: str) -> Callable[[Evidence, Reaction, Mapping[str, Any]], Finding]:
    keys = {"id": "message", "digest": "digest"}

    def look(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
        wanted = reaction.sent.about[keys[name]]
        got = read_json(reaction.body).get(name)
        return found(got == wanted, str(got), reaction.exchange.number, wanted)

    return look


def _look_success(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    status = reaction.status or HTTPStatus.OK
    return found(HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES, f"HTTP {status}", reaction.exchange.number)


def _look_refused(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """A refused message: no good ACCEPTED receipt, whatever else; but the institution must have reacted."""
    reaction, sent = find_reaction(evidence, step), evidence.sent(step)
    if sent is None:
        return missing()
    if reaction is None:
        return missing(f"没有应答：{sent.error}") if sent.way == PUSH else missing("既没有回执，也没有拒收")
    outcome = _outcome(reaction)
    status = reaction.status or 0
    bad = outcome == "ACCEPTED" or (HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and outcome != "REFUSED")
    return found(not bad, f"{outcome or '没有回执'}（HTTP {status or '-'}）", reaction.exchange.number)


def _look_not_accepted(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """As refused, but no answer will do too: what may end the connection at once."""
    reaction, sent = find_reaction(evidence, step), evidence.sent(step)
    if sent is None:
        return missing()
    if reaction is None:
        return found(True, "没有受理", sent.number)
    return found(_outcome(reaction) != "ACCEPTED", _outcome(reaction) or "没有回执", reaction.exchange.number)


def _look_code(_: Evidence, reaction: Reaction, arguments: Mapping[str, Any]) -> Finding:
    wanted = arguments["is"] if isinstance(arguments["is"], list) else [arguments["is"]]
    code = _code(reaction)
    return found(code in wanted, code or "没有错误码", reaction.exchange.number, "、".join(wanted))


def _look_status(_: Evidence, reaction: Reaction, arguments: Mapping[str, Any]) -> Finding:
    wanted = arguments["is"] if isinstance(arguments["is"], list) else [arguments["is"]]
    if reaction.status is None:
        return found(True, "拉取方式没有应答状态", reaction.exchange.number)
    texts = "、".join(map(str, wanted))
    return found(reaction.status in wanted, f"HTTP {reaction.status}", reaction.exchange.number, texts)


def _look_reason(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    document = read_json(reaction.body)
    given = [name for name in ("code", "message") if str(document.get(name) or "").strip()]
    return found(len(given) == 2, f"写了 {'、'.join(given) or '空'}", reaction.exchange.number)  # noqa: PLR2004


def _look_quick(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    exchange = reaction.exchange
    return found(exchange.took_ms <= _ANSWER_MS, f"{exchange.took_ms} 毫秒", exchange.number)


def _look_same(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    first, again = find_reaction(evidence, arguments["is"]), find_reaction(evidence, step)
    if first is None or again is None:
        return missing()
    pairs = [{name: read_json(item.body).get(name) for name in ("id", "digest", "status")} for item in (first, again)]
    return found(pairs[0] == pairs[1], str(pairs[1]), again.exchange.number, str(pairs[0]))


RECEIPT_CHECKS: Final[Mapping[str, Check]] = {
    "accepted": Check(
        title="回以受理回执",
        clause="",
        expected='{"id","digest","status":"ACCEPTED"}，指明本报文',
        advice="收妥并落库后回以 ACCEPTED 回执；合法的报文不得拒收。",
        look=_on_reaction(_look_accepted),
    ),
    "receipt-signed": Check(
        title="回执的签名有效",
        clause="协议 4、6",
        expected="以登记的密钥签名，四个 Gzbzj- 头（推送）或 Authorization（拉取）齐备",
        advice="待签名串为 时间戳\\n请求的随机串\\n应答体\\n，末行也有换行；签名为 ASN.1 DER 再做标准 Base64。",
        look=_on_reaction(_look_signed),
    ),
    "receipt-nonce": Check(
        title="应答回送请求的随机串",
        clause="协议 4",
        expected="Gzbzj-Nonce 与请求的 nonce_str 相同",
        advice="应答签名用请求 Authorization 中的 nonce_str，不要自造。",
        look=_on_reaction(_look_nonce),
    ),
    "receipt-time": Check(
        title="回执的时间戳在窗口内",
        clause="协议 3、4",
        expected="与接收方时钟相差不超过 300 秒",
        advice="校准服务器时钟（NTP），时间戳取签名时的 Unix 秒。",
        look=_on_reaction(_look_time),
    ),
    "receipt-id": Check(
        title="回执写明本报文的 id",
        clause="协议 6",
        expected="报文的 id",
        advice="回执的 id 逐字照抄报文的 id。",
        look=_on_reaction(_look_receipt("id")),
    ),
    "receipt-digest": Check(
        title="回执写明原始字节的 SM3",
        clause="协议 6",
        expected="报文原始字节的 SM3，64 位小写十六进制",
        advice="对收到的原始字节取 SM3，不要先解析再序列化。",
        look=_on_reaction(_look_receipt("digest")),
    ),
    "receipt-success": Check(
        title="受理时应答 2xx",
        clause="协议 6",
        expected="HTTP 2xx",
        advice="受理以 200 应答。",
        look=_on_reaction(_look_success),
    ),
    "answered-quickly": Check(
        title="在时限内应答",
        clause="协议 6",
        expected="10 秒以内",
        advice="先落库、签回执，业务放到后台办理。",
        look=_on_reaction(_look_quick),
    ),
    "refused": Check(
        title="拒收",
        clause="协议 6",
        expected="REFUSED 回执或不含回执的错误应答",
        advice="验签、核对 recipient 与原始签名之后才受理；任何一项不符都不得回 ACCEPTED。",
        look=_look_refused,
    ),
    "not-accepted": Check(
        title="不予受理",
        clause="协议 6",
        expected="没有 ACCEPTED 回执",
        advice="无法核验的请求不得回 ACCEPTED。",
        look=_look_not_accepted,
    ),
    "refusal-code": Check(
        title="错误码说明原因",
        clause="协议 7",
        expected="与原因相符的错误码",
        advice="使用协议第 7 节的错误码，便于对方定位。",
        look=_on_reaction(_look_code),
        needs=("is",),
    ),
    "refusal-status": Check(
        title="HTTP 状态与原因相符",
        clause="协议 7",
        expected="协议第 7 节的 HTTP 状态",
        advice="使用协议第 7 节的 HTTP 状态。",
        look=_on_reaction(_look_status),
        needs=("is",),
    ),
    "refusal-reason": Check(
        title="拒收写明 code 与 message",
        clause="协议 6",
        expected="code 与 message 都有内容",
        advice="REFUSED 回执写明错误码与中文原因。",
        look=_on_reaction(_look_reason),
    ),
    "same-receipt": Check(
        title="重复报文得到相同的回执",
        clause="协议 6",
        expected="与首次相同的 id、digest、status",
        advice="以 source + id 查重，字节相同则回以当初的回执。",
        look=_look_same,
        needs=("is",),
    ),
}
