"""Defects of checking: what an institution takes that it must refuse, and what it refuses that it must take.

Source: protocol sections 2, 3 and 6.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any, Final

from gateway.core.errors import Problem
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import WINDOW_S, Authorization, format_authorization, parse_authorization
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.strict_json import parse_object
from gateway.core.wire.wrong_signatures import read_signature
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.curve import N
from gateway.crypto.keys import PublicKey
from gateway.crypto.points import recover_digest
from gateway.crypto.signer import new_nonce, verify_request
from gateway.crypto.wrong_digests import right_digest
from gateway.simulator.defect_rows import PUSH, Defect, habit_defect
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.reception import Outgoing

_SIX_ATTRIBUTES: Final = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "recipient", "correlationid", "data"}
)
_SHORT: Final = 32
_SMALL: Final = 64 * 1024
_NARROW_S: Final = 60
_MOMENT_S: Final = 0.5


def verify_leniently(public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes) -> None:
    """Take a signature in any writing: raw r‖s, loose DER, Base64 in any dress; the string must be right."""
    signing = Signing(
        method=method, target=target, timestamp=authorization.timestamp, nonce=authorization.nonce, body=body
    )
    wanted = int.from_bytes(right_digest(public.point, signing.expected)) % N
    readings = read_signature(authorization.signature)
    if wanted not in {recover_digest(public.point, reading.r, reading.s) for reading in readings}:
        raise Problem("SIGNATURE_INVALID")


def verify_again_serialised(
    public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes
) -> None:
    """Verify over the JSON as a library writes it, not over the bytes."""
    written = encode_compact(json.loads(body))
    verify_request(public, authorization, method=method, target=target, body=written)


def verify_trimmed(public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes) -> None:
    """Verify over the body without the white space around it."""
    verify_request(public, authorization, method=method, target=target, body=body.strip())


def verify_as_ascii(public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes) -> None:
    """Verify over a body that was read as ASCII."""
    written = body.decode("ascii", "replace").encode()
    verify_request(public, authorization, method=method, target=target, body=written)


def verify_path_only(public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes) -> None:
    """Verify with the path without its query."""
    verify_request(public, authorization, method=method, target=target.partition("?")[0], body=body)


def verify_signature_only_there(
    public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes
) -> None:
    """Be content with a signature that can be read."""
    del public, method, target, body
    if not read_signature(authorization.signature):
        raise Problem("SIGNATURE_MALFORMED")


def read_in_order(value: str) -> Authorization:
    """Read the parameters only in the order of the documentation, without blanks."""
    authorization = parse_authorization(value)
    if format_authorization(authorization) != value:
        raise Problem("MALFORMED_REQUEST", "Authorization 格式有误。")
    return authorization


def read_short_nonce(value: str) -> Authorization:
    """Take nonces of exactly 32 characters only."""
    authorization = parse_authorization(value)
    if len(authorization.nonce) != _SHORT:
        raise Problem("MALFORMED_REQUEST", "nonce_str 应为 32 位。")
    return authorization


def parse_loosely(body: bytes) -> dict[str, Any]:
    """Read JSON as most libraries do: repeated names, NaN and a BOM pass."""
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except ValueError as error:
        raise Problem("MALFORMED_REQUEST") from error
    if not isinstance(document, dict):
        raise Problem("MALFORMED_REQUEST")
    return document


def parse_known_only(body: bytes) -> dict[str, Any]:
    """Refuse attributes that are not in the documentation."""
    document = parse_object(body)
    if set(document) - _SIX_ATTRIBUTES:
        raise Problem("MALFORMED_REQUEST", "报文含未知字段。")
    return document


def parse_basic_plane(body: bytes) -> dict[str, Any]:
    """Break at characters beyond the basic plane, as a three-byte database column does."""
    if any(ord(character) > 0xFFFF for character in body.decode()):  # noqa: PLR2004 - the last of the basic plane
        raise Problem("INTERNAL")
    return parse_object(body)


def _skip(name: str, title: str, *checks: str, modes: tuple[str, ...] = ("push", "pull")) -> Defect:
    return habit_defect(name, title, modes=modes, skips=frozenset(checks))


def _judge_origin_age(value: str) -> Authorization:
    """Hold the origin against the clock too, though only the push has an age."""
    authorization = parse_authorization(value)
    if abs(time.time() - authorization.timestamp) > WINDOW_S:
        raise Problem("TIMESTAMP_OUT_OF_WINDOW")
    return authorization


def _judge_narrowly(value: str) -> Authorization:
    """Allow a minute on either side where five are allowed."""
    authorization = parse_authorization(value)
    if authorization.sender_id == GATEWAY and abs(time.time() - authorization.timestamp) > _NARROW_S:
        raise Problem("TIMESTAMP_OUT_OF_WINDOW")
    return authorization


def _remember_refusals() -> Habits:
    """What was refused once stays refused, whatever comes later under its id."""
    refused: set[str] = set()

    def receipt(members: dict[str, Any]) -> dict[str, Any]:
        if members["status"] == "REFUSED":
            refused.add(members["id"])
        if members["id"] not in refused:
            return members
        return {"code": "INTERNAL", "message": "已拒绝", **members, "status": "REFUSED"}

    return replace(HONEST, receipt=receipt)


def _renumber(replies: list[Outgoing]) -> list[Outgoing]:
    return [_with_new_id(reply) for reply in replies]


def _act_again() -> Habits:
    """Every delivery is new business: replies under ids of their own, however often the message comes."""
    return replace(HONEST, skips=frozenset({"held"}), replies=_renumber)


def _race() -> Habits:
    """Duplicates are looked for, but the message is written down only a moment later, with no lock between."""
    return replace(HONEST, hesitation=_MOMENT_S, replies=_renumber)


def _with_new_id(reply: Outgoing) -> Outgoing:
    number = new_nonce()
    return replace(reply, id=number, body=encode_compact({**parse_object(reply.body), "id": number}))


def parse_small(body: bytes) -> dict[str, Any]:
    """Take bodies of at most 64 KiB, as a framework's default has it."""
    if len(body) > _SMALL:
        raise Problem("BODY_TOO_LARGE")
    return parse_object(body)


def _refuse_seen_origins() -> Habits:
    """Takes an origin's nonce for one that may be used once: a second delivery is refused."""
    seen: set[str] = set()

    def read(value: str) -> Authorization:
        authorization = parse_authorization(value)
        if authorization.sender_id == GATEWAY:
            return authorization
        if authorization.nonce in seen:
            raise Problem("NONCE_REPLAYED")
        seen.add(authorization.nonce)
        return authorization

    return replace(HONEST, read_authorization=read)


_PARSING: Final = (
    ("unknown-attribute-refused", "信封有未见过的字段就拒绝", parse_known_only),
    ("large-bodies-refused", "超过 64 KiB 的报文就拒绝", parse_small),
    ("characters-beyond-plane-break", "遇到基本多文种平面之外的汉字就出错", parse_basic_plane),
)
_VERIFYING: Final = (
    ("signature-forms-lenient", "裸 r‖s、宽松 DER、各种 Base64 都接受", verify_leniently),
    ("verifies-serialised-again", "验签用的是重新序列化的 JSON", verify_again_serialised),
    ("verifies-trimmed-body", "验签前去掉报文体首尾空白", verify_trimmed),
    ("verifies-ascii-body", "验签前把报文体按 ASCII 读取", verify_as_ascii),
    ("verifies-anything-readable", "签名只要读得出就算通过", verify_signature_only_there),
)

CHECKING: Final[tuple[Defect, ...]] = (
    _skip("push-unsigned-accepted", "没有 Authorization 的推送也接受", "push-authorization", modes=(PUSH,)),
    _skip("push-sender-unchecked", "推送不核对签名方是网关", "push-sender", modes=(PUSH,)),
    _skip("push-key-status-unchecked", "网关密钥已吊销也接受", "push-key-status", modes=(PUSH,)),
    _skip("push-timestamp-unchecked", "推送的时间戳不核对", "push-timestamp", modes=(PUSH,)),
    _skip("push-signature-unchecked", "推送的网关签名不核验", "push-signature", modes=(PUSH,)),
    _skip("push-nonce-unchecked", "推送的随机串可以重放", "push-nonce", modes=(PUSH,)),
    _skip("recipient-unchecked", "不是发给自己的报文也接受", "recipient"),
    _skip("origin-unchecked", "Gzbzj-Origin 完全不看", "origin"),
    _skip("origin-signature-unchecked", "发送方的签名不核验", "origin-signature"),
    _skip("origin-sender-unchecked", "不核对 Gzbzj-Origin 的签名方就是 source", "origin-sender"),
    _skip("origin-key-validity-unchecked", "发送方密钥当时已失效也接受", "origin-key-validity"),
    _skip(
        "nothing-checked",
        "什么都不核验，一律接受",
        "push-signature",
        "push-timestamp",
        "push-nonce",
        "origin",
        "recipient",
    ),
    _skip("duplicates-by-id-only", "查重只看 id，不看 source", "held-source"),
    _skip("answer-nonce-unchecked", "网关应答的随机串不核对", "answer-nonce"),
    _skip("answer-timestamp-unchecked", "网关应答的时间戳不核对", "answer-timestamp"),
    _skip("answer-key-status-unchecked", "网关应答用已吊销的密钥也相信", "answer-key-status"),
    _skip("answer-receipt-unread", "网关的受理回执不核对 id 与 digest", "receipt-content"),
    _skip("retired-keys-refused", "平台密钥停用后，其有效期内的签名也不认", "retired-keys"),
    Defect(name="duplicates-acted-on", title="重复的报文办理两次", make_habits=_act_again),
    Defect(name="duplicates-race", title="同时到达的重复报文各办理一次", modes=(PUSH,), make_habits=_race),
    Defect(name="refusals-remembered", title="拒绝过的 id 永远拒绝", make_habits=_remember_refusals),
    habit_defect("origin-age-checked", "把 Gzbzj-Origin 也按 300 秒核对", read_authorization=_judge_origin_age),
    habit_defect("push-window-narrow", "推送的时间窗口只有一分钟", modes=(PUSH,), read_authorization=_judge_narrowly),
    _skip("duplicates-with-other-bytes", "同 id 不同字节的报文当作重复接受", "held-digest"),
    _skip("keys-never-fetched-again", "公钥清单只取一次，后来的密钥不认识", "fresh-keys", modes=(PUSH,)),
    habit_defect("json-loose", "JSON 解析不严格：重名、NaN、BOM 都放过", modes=(PUSH,), parse=parse_loosely),
    *(habit_defect(name, title, parse=parse) for name, title, parse in _PARSING),
    *(habit_defect(name, title, verify=verify) for name, title, verify in _VERIFYING),
    habit_defect("push-query-ignored", "验签时去掉了推送地址的查询串", modes=(PUSH,), verify=verify_path_only),
    habit_defect("header-order-fixed", "Authorization 的参数换个次序就不认", read_authorization=read_in_order),
    habit_defect("nonce-length-fixed", "随机串不是 32 位就拒绝", read_authorization=read_short_nonce),
    Defect(
        name="origin-nonce-once",
        title="把 Gzbzj-Origin 的随机串当作一次性，重复投递就拒绝",
        make_habits=_refuse_seen_origins,
    ),
)
