"""Checks of how the institution takes a message: its answer to a push, or the receipt that it posts for a pulled one.

Source: protocol sections 4 and 6.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from gateway.conformance.evidence import Evidence, read_json
from gateway.conformance.exchanges import PUSH, Exchange, read_authorization
from gateway.conformance.findings import Finding, found, missing
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


def on_reaction(look: Callable[[Evidence, Reaction, Mapping[str, Any]], Finding]) -> Any:
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


def is_accepted(evidence: Evidence, step: str) -> bool:
    """Whether the institution gave a receipt ACCEPTED for a step's message."""
    reaction = find_reaction(evidence, step)
    return reaction is not None and _outcome(reaction) == "ACCEPTED"


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


def look_signed(evidence: Evidence, reaction: Reaction, _: Mapping[str, Any]) -> Finding:
    """The signature of the reaction verifies."""
    try:
        verify_reaction(evidence, reaction)
    except Problem as problem:
        return found(False, evidence.book.diagnoser.explain(problem, reaction.exchange), reaction.exchange.number)
    return found(True, "验签通过", reaction.exchange.number)


def look_nonce(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    """The answer's nonce is the request's."""
    exchange = reaction.exchange
    if exchange.way != PUSH:
        return found(True, "拉取方式以请求签名，无须回送", exchange.number)
    got = exchange.answer_headers.get("gzbzj-nonce", "（没有 Gzbzj-Nonce）")
    wanted = exchange.about["nonce"]
    return found(got == wanted, got, exchange.number, wanted)


def look_time(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    """The reaction's timestamp is within the window."""
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


def look_accepted(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    """The reaction is a receipt ACCEPTED of this message."""
    outcome = _outcome(reaction)
    got = f"{outcome or '没有回执'}（HTTP {reaction.status}）" if reaction.status else outcome or "没有回执"
    return found(outcome == "ACCEPTED", got, reaction.exchange.number)


def look_receipt(name: str) -> Callable[[Evidence, Reaction, Mapping[str, Any]], Finding]:
    """A look at one member of the receipt, which must name this message."""
    keys = {"id": "message", "digest": "digest"}

    def look(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
        wanted = reaction.sent.about[keys[name]]
        got = read_json(reaction.body).get(name)
        return found(got == wanted, str(got), reaction.exchange.number, wanted)

    return look


def look_success(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    """An accepting answer has a status of success."""
    status = reaction.status or HTTPStatus.OK
    return found(HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES, f"HTTP {status}", reaction.exchange.number)


def look_refused(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """A message refused in good order: a REFUSED receipt or a 4xx, never ACCEPTED, nor a fault of the server's."""
    reaction, sent = find_reaction(evidence, step), evidence.sent(step)
    if sent is None:
        return missing()
    if reaction is None:
        return missing(f"没有应答：{sent.error}") if sent.way == PUSH else missing("既没有回执，也没有拒收")
    outcome = _outcome(reaction)
    status = reaction.status or 0
    refused = outcome == "REFUSED" or HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return found(
        refused and outcome != "ACCEPTED", f"{outcome or '没有回执'}（HTTP {status or '-'}）", reaction.exchange.number
    )


def look_not_accepted(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """As refused, but no answer will do too: what may end the connection at once."""
    reaction, sent = find_reaction(evidence, step), evidence.sent(step)
    if sent is None:
        return missing()
    if reaction is None:
        return found(True, "没有受理", sent.number)
    return found(_outcome(reaction) != "ACCEPTED", _outcome(reaction) or "没有回执", reaction.exchange.number)


def look_code(_: Evidence, reaction: Reaction, arguments: Mapping[str, Any]) -> Finding:
    """The code of a refusal is one that the case names."""
    wanted = arguments["is"] if isinstance(arguments["is"], list) else [arguments["is"]]
    code = _code(reaction)
    return found(code in wanted, code or "没有错误码", reaction.exchange.number, "、".join(wanted))


def look_status(_: Evidence, reaction: Reaction, arguments: Mapping[str, Any]) -> Finding:
    """The status of a refusal is one that the case names."""
    wanted = arguments["is"] if isinstance(arguments["is"], list) else [arguments["is"]]
    if reaction.status is None:
        return found(True, "拉取方式没有应答状态", reaction.exchange.number)
    texts = "、".join(map(str, wanted))
    return found(reaction.status in wanted, f"HTTP {reaction.status}", reaction.exchange.number, texts)


def look_reason(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    """A refusal has a code and a text."""
    document = read_json(reaction.body)
    given = [name for name in ("code", "message") if str(document.get(name) or "").strip()]
    return found(len(given) == 2, f"写了 {'、'.join(given) or '空'}", reaction.exchange.number)  # noqa: PLR2004


def look_quick(_: Evidence, reaction: Reaction, __: Mapping[str, Any]) -> Finding:
    """The answer came within ten seconds."""
    exchange = reaction.exchange
    return found(exchange.took_ms <= _ANSWER_MS, f"{exchange.took_ms} 毫秒", exchange.number)


def look_same(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """The receipt says the same as that of another step."""
    first, again = find_reaction(evidence, arguments["is"]), find_reaction(evidence, step)
    if first is None or again is None:
        return missing()
    pairs = [{name: read_json(item.body).get(name) for name in ("id", "digest", "status")} for item in (first, again)]
    return found(pairs[0] == pairs[1], str(pairs[1]), again.exchange.number, str(pairs[0]))


def look_again(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """A pulled message's receipt whose answer proved nothing is posted again, the same."""
    calls = [item for item in evidence.exchanges if item.step == step and item.target.endswith("/receipt")]
    if not calls:
        return missing("没有回执")
    same = len({json.dumps(dict(read_json(item.body)), sort_keys=True) for item in calls}) == 1
    return found(len(calls) > 1 and same, f"交了 {len(calls)} 次，{'相同' if same else '不同'}", calls[-1].number)
