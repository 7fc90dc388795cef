"""Checks of how the institution bears what comes back, and of what it does because of what it was sent.

Source: protocol sections 4 to 7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import Any, Final

from gateway.conformance.evidence import Evidence, read_json
from gateway.conformance.exchanges import CALL, Exchange, read_authorization
from gateway.conformance.findings import Finding, found, missing
from gateway.conformance.receipt_checks import is_accepted
from gateway.conformance.stage import find_member
from gateway.core.errors import Problem

_TAKEN: Final = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED})
_SLOW: Final = frozenset({"reply/held"})


def is_honest(exchange: Exchange) -> bool:
    """Whether the kit's answer was good, if late."""
    return set(exchange.faults) <= _SLOW


def look_repeated(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """Every attempt carries the same bytes, and they do not end before one was honestly answered."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    if len(heard) == 1 or all(item.faults for item in heard):
        return found(False, f"只来了 {len(heard)} 次，没有再发", heard[-1].number)
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


def look_settled(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """What was honestly accepted, the first time or as a repetition, is not sent again."""
    heard = evidence.heard(step)
    taken = [place for place, item in enumerate(heard) if is_honest(item) and item.status in _TAKEN]
    if not taken:
        return missing("没有得到受理的应答")
    more = len(heard) - taken[0] - 1
    return found(not more, f"受理之后又发了 {more} 次" if more else "没有再发", heard[-1].number)


def look_no_strays(evidence: Evidence, step: str, _: Mapping[str, Any]) -> Finding:
    """In the whole run nothing that the institution sent, and no signature of its calls, had to be refused."""
    heard = evidence.heard(step)
    if not heard:
        return missing("没有收到该报文")
    refused = [item for item in evidence.book.exchanges if "refused" in item.about and _is_stray(item)]
    codes = Counter(item.about["refused"] for item in refused)
    told = "、".join(f"{code} {count} 次" for code, count in codes.items())
    return found(not refused, f"被拒绝的调用：{told}" if refused else "没有被拒绝的", (refused or heard)[0].number)


def _is_stray(exchange: Exchange) -> bool:
    """Asking for what is not there is no fault; a message that goes astray is one."""
    is_message = exchange.method == "POST" and exchange.target.startswith("/v1/messages")
    return is_message or exchange.about["refused"] != "NOT_FOUND"


def look_in_time(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """The answer came within so many seconds of the message that it answers."""
    heard, asked = evidence.heard(step), next(item for item in evidence.case.steps if item.name == step)
    sent = evidence.sent(asked.arguments.get("answers", ""))
    if not heard or sent is None:
        return missing("没有收到该报文")
    waited = (heard[0].at - sent.at) / 1_000_000
    return found(waited <= arguments["is"], f"{waited:.1f} 秒", heard[0].number, f"{arguments['is']} 秒以内")


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
    """The message came after that of another step had its honest answer: order means the order of the 202s."""
    heard, before = evidence.heard(step), evidence.heard(arguments["is"])
    if not heard or not before:
        return missing("没有收到该报文")
    answered = next((item for item in before if is_honest(item)), None)
    if answered is None:
        return found(False, "前一份报文还没有得到受理", heard[0].number)
    early = heard[0].number < answered.number or heard[0].at < answered.at + answered.took_ms * 1000
    where = f"第 {heard[0].number} 次往来，前一份在第 {answered.number} 次得到应答"
    return found(not early, where, heard[0].number)


def look_receipted_after(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """The receipt was posted after that of another step, as the two were listed."""
    receipt, before = evidence.receipt_call(step), evidence.receipt_call(arguments["is"])
    if receipt is None or before is None:
        return missing("没有回执")
    return found(receipt.number > before.number, f"第 {receipt.number} 次往来", receipt.number)


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


def look_called(evidence: Evidence, step: str, arguments: Mapping[str, Any]) -> Finding:
    """The institution called this path with a signature that verified, or knows from before what it would have got."""
    calls = [item for item in evidence.book.exchanges if item.way == CALL and item.target.startswith(arguments["is"])]
    good = [item for item in calls if item.status == HTTPStatus.OK]
    sent = evidence.sent(step)
    if not calls and sent is not None and is_accepted(evidence, step):
        return found(True, "此前已经取得，本次没有再调用", sent.number)
    if not calls:
        return missing(f"没有调用 {arguments['is']}")
    if good:
        return found(True, f"共 {len(calls)} 次", good[0].number)
    code = calls[0].about.get("refused", "INTERNAL")
    told = evidence.book.diagnoser.explain(Problem(code), calls[0])
    return found(False, f"调用 {len(calls)} 次都被拒绝：{told}", calls[0].number)
