"""Checks of what the institution sends: the request, its signature, the message.

Source: protocol sections 2 and 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.catalogue import Catalogue, load_catalogue
from gateway.conformance.evidence import Evidence, read_json
from gateway.conformance.exchanges import CALL, Exchange
from gateway.conformance.findings import Finding, Look, found, missing
from gateway.conformance.orders import Orders
from gateway.conformance.stage import find_member
from gateway.core.errors import Problem
from gateway.core.wire.authorization import check_timestamp, parse_authorization
from gateway.core.wire.envelope import Envelope, parse_envelope
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.signer import verify_request

_MEDIA: Final = frozenset({"application/cloudevents+json", "application/json"})
_CATALOGUE: list[Catalogue] = []


def _catalogue() -> Catalogue:
    """Loaded once, when the first message is judged."""
    if not _CATALOGUE:
        _CATALOGUE.append(load_catalogue())
    return _CATALOGUE[0]


def on_first(look: Callable[[Evidence, Exchange, Mapping[str, Any]], Finding]) -> Look:
    """A look at the first attempt of the awaited message."""

    def outer(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
        heard = evidence.heard(step)
        return look(evidence, heard[0], arguments) if heard else missing("没有收到该报文")

    return outer


def judging(judge: Callable[[Evidence, Exchange], str]) -> Look:
    """A look that holds unless `judge` raises a Problem; what it returns is told."""

    def look(evidence: Evidence, exchange: Exchange, _: Mapping[str, Any]) -> Finding:
        try:
            got = judge(evidence, exchange)
        except Problem as problem:
            texts = [
                evidence.book.diagnoser.explain(problem, exchange),
                *(f"{error.pointer}：{error.message}" for error in problem.errors),
            ]
            return found(False, "；".join(texts), exchange.number)
        return found(True, got, exchange.number)

    return on_first(look)


def judge_header(_: Evidence, exchange: Exchange) -> str:
    """The Authorization is whole and well-formed."""
    value = exchange.headers.get("authorization")
    if value is None:
        raise Problem("AUTH_MISSING")
    parse_authorization(value)
    return "五个参数齐备"


def judge_signature(evidence: Evidence, exchange: Exchange) -> str:
    """The signature verifies with a key of the institution."""
    authorization = parse_authorization(exchange.headers.get("authorization", ""))
    public = evidence.publics.get(authorization.serial_no)
    if public is None:
        raise Problem("KEY_UNKNOWN", f"公钥序列号 {authorization.serial_no} 不是本次测试所给的公钥。")
    verify_request(public, authorization, method=exchange.method, target=exchange.target, body=exchange.body)
    return "验签通过"


def judge_sender(evidence: Evidence, exchange: Exchange) -> str:
    """sender_id and source are the institution's id."""
    authorization = parse_authorization(exchange.headers.get("authorization", ""))
    source = read_json(exchange.body).get("source")
    if not authorization.sender_id == source == evidence.run.institution:
        raise Problem("SOURCE_MISMATCH", f"sender_id 为 {authorization.sender_id}，source 为 {source}。")
    return evidence.run.institution


def judge_time(_: Evidence, exchange: Exchange) -> str:
    """The timestamp is within the window."""
    authorization = parse_authorization(exchange.headers.get("authorization", ""))
    check_timestamp(authorization.timestamp, exchange.at)
    return f"时间戳 {authorization.timestamp}"


def judge_request(_: Evidence, exchange: Exchange) -> str:
    """POST to the exact target, JSON, not compressed."""
    media = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    if exchange.target != "/v1/messages":
        raise Problem("NOT_FOUND", f"请求目标为 {exchange.target}，应恰为 /v1/messages。")
    if media not in _MEDIA or "content-encoding" in exchange.headers:
        raise Problem("UNSUPPORTED_MEDIA_TYPE")
    return media


def judge_json(_: Evidence, exchange: Exchange) -> str:
    """Strict JSON."""
    parse_object(exchange.body)
    return f"{len(exchange.body)} 字节"


def judge_envelope(_: Evidence, exchange: Exchange) -> str:
    """The CloudEvents attributes."""
    return _read(exchange).id


def judge_schema(_: Evidence, exchange: Exchange) -> str:
    """The payload against its type's schema, and the subject."""
    message = _read(exchange)
    _catalogue().check(message.type, {"subject": message.subject, "data": message.data})
    return message.type


def _read(exchange: Exchange) -> Envelope:
    return parse_envelope(parse_object(exchange.body))


def look_arrived(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """The message came at all."""
    heard = evidence.heard(step)
    if heard:
        return found(True, "收到", heard[0].number)
    refused = Counter(item.about["refused"] for item in evidence.book.exchanges if "refused" in item.about)
    codes = "、".join(f"{code} {count} 次" for code, count in refused.items())
    return missing(f"没有收到该报文；机构的调用另有被拒绝的：{codes}" if codes else "没有收到该报文")


def look_recipient(_: Evidence, exchange: Exchange, arguments: Mapping[str, Any]) -> Finding:
    """The recipient is the one it should be, the platform where none is named."""
    wanted = arguments.get("is", "platform")
    got = read_json(exchange.body).get("recipient")
    return found(got == wanted, str(got), exchange.number, str(wanted))


def look_correlates(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """The correlationid names the message that is answered."""
    heard = evidence.heard(step)
    asked = next((item for item in evidence.case.steps if item.name == step), None)
    sent = evidence.sent(asked.arguments["answers"]) if asked and "answers" in asked.arguments else None
    if not heard or sent is None:
        return missing("没有收到该报文")
    got, wanted = read_json(heard[0].body).get("correlationid"), sent.about["message"]
    return found(got == wanted, str(got), heard[0].number, wanted)


def look_subject(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """The subject is that of the message which is answered."""
    heard = evidence.heard(step)
    asked = next((item for item in evidence.exchanges if item.way != CALL), None)
    if not heard or asked is None:
        return missing("没有收到该报文")
    got, wanted = read_json(heard[0].body).get("subject"), read_json(asked.body).get("subject")
    return found(got == wanted, str(got), heard[0].number, str(wanted))


def look_member(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """A member of the message has the value that the case names, or the one of another step's message."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    got = find_member(read_json(heard[0].body), arguments["at"])
    wanted = arguments["is"] if "is" in arguments else _find_value(evidence, arguments["same_as"])
    holds = got in wanted if isinstance(wanted, list) else got == wanted
    return found(holds, f"{arguments['at']} 为 {got}", heard[0].number, f"{arguments['at']} 为 {wanted}")


def look_lawful(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """The gateway would take the message by its order's state and the rules, after all that passed before it."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    orders, seen = Orders(_catalogue(), evidence.run.kind), set[object]()
    for item in evidence.exchanges:
        document = read_json(item.body)
        if (item.faults and item.way != CALL) or document.get("id") in seen or "type" not in document:
            continue
        seen.add(document.get("id"))
        problem = _find_problem(orders, item)
        if item.number == heard[0].number:
            return _tell_problem(problem, item)
    return missing("没有收到该报文")


def _find_problem(orders: Orders, exchange: Exchange) -> Problem | None:
    try:
        orders.take(parse_object(exchange.body), now=exchange.at)
    except Problem as problem:
        return problem
    return None


def _tell_problem(problem: Problem | None, exchange: Exchange) -> Finding:
    if problem is None:
        return found(True, "符合", exchange.number)
    texts = [f"{problem.code}：{problem.message}", *(f"{error.pointer}：{error.message}" for error in problem.errors)]
    return found(False, "；".join(texts), exchange.number)


def _find_value(evidence: Evidence, place: str) -> Any:
    name, _, pointer = place.partition("/")
    sent, heard = evidence.sent(name), evidence.heard(name)
    exchange = sent or (heard[0] if heard else None)
    return find_member(read_json(exchange.body), f"/{pointer}") if exchange else None
