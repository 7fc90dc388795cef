"""Defects of receipts and of the answers that carry them (protocol section 6)."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from functools import partial
from typing import Any, Final

from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.net.messages import RawResponse
from gateway.simulator.defect_rows import PUSH, Defect, habit_defect
from gateway.simulator.habits import HONEST, Habits

_Members = dict[str, Any]
_LATE: Final = 30.0


def _put(members: _Members, **changes: Any) -> _Members:
    return {**members, **changes}


def _drop(members: _Members, name: str) -> _Members:
    return {key: value for key, value in members.items() if key != name}


def _rename(members: _Members, name: str, other: str) -> _Members:
    return {other if key == name else key: value for key, value in members.items()}


def _answer(answer: RawResponse, **changes: Any) -> RawResponse:
    return replace(answer, **changes)


def _redirect(answer: RawResponse) -> RawResponse:
    return RawResponse(status=302, headers={**answer.headers, "Location": "/elsewhere"})


def _compress(answer: RawResponse) -> RawResponse:
    return replace(answer, body=gzip.compress(answer.body), headers={**answer.headers, "Content-Encoding": "gzip"})


def _pretty(answer: RawResponse) -> RawResponse:
    """What a framework's filter does to a body after it was signed."""
    return replace(answer, body=answer.body.replace(b'","', b'", "'))


def _digest_again(body: bytes) -> str:
    return sm3_hex(encode_compact(dict(sorted(parse_object(body).items()))))


def _digest_data(body: bytes) -> str:
    return sm3_hex(encode_compact(parse_object(body)["data"]))


def _refuse_duplicates() -> Habits:
    """The second delivery of a message earns a refusal as a duplicate."""
    return replace(HONEST, skips=frozenset({"held"}), receipt=partial(_first_only, seen=set()))


def _first_only(members: _Members, seen: set[str]) -> _Members:
    if members["id"] not in seen:
        seen.add(members["id"])
        return members
    return {**members, "status": "REFUSED", "code": "MESSAGE_ID_CONFLICT", "message": "重复的报文"}


_MEMBERS: Final = (
    ("receipt-other-id", "回执的 id 是自己的流水号", lambda members: _put(members, id=f"R{members['id']}"[:64])),
    ("receipt-no-id", "回执没有 id", partial(_drop, name="id")),
    ("receipt-no-digest", "回执没有 digest", partial(_drop, name="digest")),
    ("receipt-other-digest", "回执的 digest 是固定值", partial(_put, digest="0" * 64)),
    (
        "receipt-digest-upper-case",
        "回执的 digest 是大写",
        lambda members: _put(members, digest=members["digest"].upper()),
    ),
    (
        "receipt-digest-prefixed",
        "回执的 digest 带算法前缀",
        lambda members: _put(members, digest=f"sm3:{members['digest']}"),
    ),
    ("receipt-status-success", "回执的 status 写成 SUCCESS", partial(_put, status="SUCCESS")),
    (
        "receipt-status-lower-case",
        "回执的 status 写成小写",
        lambda members: _put(members, status=members["status"].lower()),
    ),
    ("receipt-wrapped", "回执包在 data 里", lambda members: {"code": 0, "message": "成功", "data": members}),
    ("receipt-renamed", "回执的 digest 写成 hash", partial(_rename, name="digest", other="hash")),
    ("refusal-without-code", "拒绝的回执没有 code", partial(_drop, name="code")),
    ("refusal-without-message", "拒绝的回执没有 message", partial(_drop, name="message")),
    ("accepts-in-words", "凡拒绝也回 ACCEPTED", partial(_put, status="ACCEPTED")),
    ("refuses-everything", "拒绝一切报文", partial(_put, status="REFUSED", code="INTERNAL", message="系统维护")),
)
_DIGESTS: Final = (
    ("digest-of-sorted-json", "digest 是重新序列化之后的摘要", _digest_again),
    ("digest-of-data", "digest 只算了 data", _digest_data),
    ("digest-sha256", "digest 用了 SHA-256", lambda body: hashlib.sha256(body).hexdigest()),
    ("digest-of-trimmed-body", "digest 算的是去掉首尾空白的报文体", lambda body: sm3_hex(body.strip())),
)
_ANSWERS: Final = (
    ("answer-empty", "应答没有回执", partial(_answer, body=b"")),
    ("answer-text", "应答是 SUCCESS 文本", partial(_answer, body=b"SUCCESS")),
    ("answer-changed-after-signing", "应答体在签名之后被改动", _pretty),
    ("answer-redirect", "应答是重定向", _redirect),
    ("answer-compressed", "应答体被压缩", _compress),
    ("answer-server-error", "应答总是 500，没有回执", partial(_answer, status=500, body=b"")),
    ("answer-accepted-later", "应答 202，回执以后再说", partial(_answer, status=202, body=b"")),
    ("answer-gone", "应答 410", partial(_answer, status=410, body=b"")),
)

RECEIPTS: Final[tuple[Defect, ...]] = (
    *(habit_defect(name, title, receipt=change) for name, title, change in _MEMBERS),
    *(habit_defect(name, title, digest=digest) for name, title, digest in _DIGESTS),
    *(habit_defect(name, title, modes=(PUSH,), answer=change) for name, title, change in _ANSWERS),
    Defect(name="duplicates-refused", title="重复的报文回以拒绝", make_habits=_refuse_duplicates),
    habit_defect("answer-late", "半分钟后才应答", modes=(PUSH,), delay=_LATE),
)
