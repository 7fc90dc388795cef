"""Checks of what the institution sends: the request, its signature, the message, and how it bears our answers.

Source: protocol sections 2, 3, 4 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from gateway.catalogue import Catalogue, load_catalogue
from gateway.conformance.evidence import Evidence, read_authorization, read_json
from gateway.conformance.exchanges import CALL, Exchange
from gateway.conformance.findings import Finding, Look, found, missing
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
            texts = [str(problem), *(f"{error.pointer}：{error.message}" for error in problem.errors)]
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
    return found(True, "收到", heard[0].number) if heard else missing("没有收到该报文")


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


def _find_value(evidence: Evidence, place: str) -> Any:
    name, _, pointer = place.partition("/")
    sent, heard = evidence.sent(name), evidence.heard(name)
    exchange = sent or (heard[0] if heard else None)
    return find_member(read_json(exchange.body), f"/{pointer}") if exchange else None


def look_repeated(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """Every attempt carries the same bytes, and there is more than one."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    if len(heard) == 1:
        return found(False, "只来了一次，没有重发", heard[0].number)
    same = all(item.body == heard[0].body for item in heard)
    return found(same, f"共 {len(heard)} 次，字节{'相同' if same else '不同'}", heard[-1].number)


def look_fresh(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """No attempt uses a nonce that any call before it has used."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    for item in heard:
        authorization = read_authorization(item)
        first = evidence.book.spenders[authorization.nonce] if authorization else item.number
        if first != item.number:
            return found(False, f"随机串已在第 {first} 次往来中用过", item.number)
    return found(True, "随机串未重复", heard[-1].number)


def look_waited(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """The attempt after a Retry-After came no sooner than it says; a tenth is forgiven."""
    heard = evidence.heard(step)
    pairs = [(first, second) for first, second in pairwise(heard) if _retry_after(first)]
    if not pairs:
        return missing("没有等到重发")
    first, second = pairs[0]
    waited, asked = (second.at - first.at) / 1_000_000, float(arguments.get("is", _retry_after(first)))
    return found(waited >= asked * 0.9, f"{waited:.1f} 秒后重发", second.number, f"至少 {asked:.0f} 秒")


def _retry_after(exchange: Exchange) -> int:
    return int(exchange.answer_headers.get("Retry-After", "0"))


def look_gave_up(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """A final refusal is not answered with the same bytes again and again: two attempts at most."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    return found(len(heard) <= 2, f"共发送 {len(heard)} 次", heard[-1].number)  # noqa: PLR2004 - one for luck


def look_straight(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """A redirect is not followed."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    strays = [item for item in evidence.book.exchanges if item.target.startswith("/elsewhere")]
    return found(not strays, "跟随了重定向" if strays else "没有跟随重定向", (strays or heard)[0].number)


def look_no_action(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """Nothing that the institution sent answers this message."""
    sent = evidence.sent(step)
    if sent is None:
        return missing()
    replies = evidence.replies_to(step)
    number = replies[0].number if replies else sent.number
    return found(not replies, f"收到 {len(replies)} 份答复" if replies else "没有办理", number)


def look_one_action(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """Each type of answer to this message came under one id only."""
    replies = evidence.replies_to(step)
    if not replies:
        return missing("没有收到答复")
    ids = {(read_json(item.body).get("type"), _status(item), read_json(item.body).get("id")) for item in replies}
    kinds = {entry[:2] for entry in ids}
    return found(len(ids) == len(kinds), f"答复 {len(ids)} 份", replies[-1].number, f"{len(kinds)} 份")


def _status(exchange: Exchange) -> Any:
    return find_member(read_json(exchange.body), "/data/status")


def look_after(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """The message came after that of another step."""
    heard, before = evidence.heard(step), evidence.heard(arguments["is"])
    if not heard or not before:
        return missing("没有收到该报文")
    return found(heard[0].number > before[0].number, f"第 {heard[0].number} 次往来", heard[0].number)


def look_file_put(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """The file that the message names was put before it, and is as large as the message says."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    pointer = arguments.get("at", "/data/document/digest")
    digest = find_member(read_json(heard[0].body), pointer)
    size = find_member(read_json(heard[0].body), f"{pointer.rpartition('/')[0]}/size")
    before = [item for item in evidence.book.exchanges if item.number < heard[0].number]
    puts = [item for item in before if item.about.get("file") == digest]
    if not puts:
        return found(False, f"没有上传 {digest}", heard[0].number)
    told = str(size) in {item.about.get("size") for item in puts}
    return found(told, "已先行上传" if told else f"报文称 {size} 字节，上传的不是", puts[0].number)


def look_listed_again(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """A message that stood in a faulty listing was receipted only after a sound one."""
    receipt, listings = evidence.receipt_call(step), evidence.listings(step)
    sound: Sequence[Exchange] = [item for item in listings if not item.faults]
    if not listings:
        return missing("没有拉取信箱")
    if receipt is None:
        return missing("没有回执")
    good = bool(sound) and sound[0].number < receipt.number
    return found(good, "见到有效签名的清单之后才签回执" if good else "凭无效签名的清单签了回执", receipt.number)


def look_called(evidence: Evidence, _: str, arguments: Mapping[str, Any]) -> Finding:
    """The institution called this path at all, with a signature that verified."""
    calls = [item for item in evidence.book.exchanges if item.way == CALL and item.target.startswith(arguments["is"])]
    good = [item for item in calls if item.status == 200]  # noqa: PLR2004
    if not calls:
        return missing(f"没有调用 {arguments['is']}")
    return found(bool(good), f"共 {len(calls)} 次", (good or calls)[0].number)
