"""Defects of sending, of trying again and of the mailbox (protocol sections 2, 3 and 5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.strict_json import parse_object
from gateway.simulator.defect_rows import PULL, Defect, habit_defect

Event = dict[str, Any]


def _put(event: Event, **changes: Any) -> Event:
    return {**event, **changes}


def _drop(event: Event, name: str) -> Event:
    return {key: value for key, value in event.items() if key != name}


def _number_again(body: bytes) -> bytes:
    event = parse_object(body)
    return encode_compact({**event, "id": f"{event['id'][:60]}-2"})


def _stamp_again(body: bytes) -> bytes:
    event = parse_object(body)
    return encode_compact({**event, "time": event["time"].replace("+08:00", ".001+08:00")})


def _space_out(body: bytes) -> bytes:
    """Put blanks into a body after it was signed, as an HTTP library does that serialises again."""
    return body.replace(b'","', b'", "')


def _set_header(name: str, value: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {key: value if key == name else old for key, old in headers.items()}


_EVENTS: Final[tuple[tuple[str, str, Callable[[Event], Event]], ...]] = (
    ("message-id-reused", "各条报文用同一个 id", partial(_put, id="20261122000001")),
    ("message-id-invalid", "报文 id 含不允许的字符", lambda event: _put(event, id=f"报文/{event['id']}"[:64])),
    ("message-source-wrong", "报文 source 不是本机构标识", partial(_put, source="platform")),
    ("message-recipient-missing", "报文没有 recipient", partial(_drop, name="recipient")),
    ("message-recipient-gateway", "业务报文的 recipient 写成 gateway", partial(_put, recipient="gateway")),
    ("message-correlation-missing", "答复没有 correlationid", partial(_drop, name="correlationid")),
    (
        "message-correlation-wrong",
        "答复的 correlationid 是自己的编号",
        lambda event: _put(event, correlationid=event["id"]),
    ),
    ("message-time-without-offset", "报文时间没有时区", lambda event: _put(event, time=event["time"][:19])),
    (
        "message-subject-wrong",
        "报文 subject 是自己的流水号",
        lambda event: _put(event, subject=f"LS-{event['id'][:32]}"),
    ),
    ("message-version-old", "报文类型没有版本号", lambda event: _put(event, type=event["type"].rpartition(".")[0])),
    (
        "message-data-as-text",
        "data 是 JSON 文本而不是对象",
        lambda event: _put(event, data=encode_compact(event["data"]).decode()),
    ),
    ("message-specversion-number", "specversion 写成数字", partial(_put, specversion=1.0)),
)
_HEADERS: Final = (
    ("content-type-text", "Content-Type 是 text/plain", _set_header("Content-Type", "text/plain")),
    ("content-type-form", "Content-Type 是表单", _set_header("Content-Type", "application/x-www-form-urlencoded")),
    (
        "content-encoding-claimed",
        "请求带了 Content-Encoding",
        lambda headers: {**headers, "Content-Encoding": "identity"},
    ),
)


def _skip(name: str, title: str, check: str, modes: tuple[str, ...] = ("push", "pull")) -> Defect:
    return habit_defect(name, title, modes=modes, skips=frozenset({check}))


SENDING: Final[tuple[Defect, ...]] = (
    *(habit_defect(name, title, event=change) for name, title, change in _EVENTS),
    *(habit_defect(name, title, headers=change) for name, title, change in _HEADERS),
    habit_defect("message-changed-after-signing", "报文在签名之后又被序列化一次", wire=_space_out),
    habit_defect("retry-new-id", "重发时换了 id", again=_number_again),
    habit_defect("retry-other-bytes", "重发时改了报文时间", again=_stamp_again),
    habit_defect("nonce-with-hyphens", "随机串含连字符（UUID 原样）", nonce=lambda nonce: f"{nonce[:8]}-{nonce[8:]}"),
    habit_defect("nonce-short", "随机串只有 8 位", nonce=lambda nonce: nonce[:8]),
    _skip("nonce-reused", "每次请求用同一个随机串", "fresh-nonce"),
    _skip("never-tries-again", "发送失败不再重发", "try-again"),
    _skip("retries-refusals", "被拒绝的报文反复重发", "give-up"),
    _skip("follows-redirects", "跟随网关应答中的重定向", "stay"),
    _skip("retry-after-ignored", "不理会 Retry-After", "retry-after"),
    _skip("answers-unverified", "网关的应答不验签", "answer-signature"),
    _skip("documents-not-uploaded", "保函正本没有上传", "files"),
    _skip("pulled-never-receipted", "拉取之后不交回执", "pulled-receipt", modes=(PULL,)),
    habit_defect(
        "receipt-for-other-delivery", "回执交到别的 deliveryId", modes=(PULL,), delivery=lambda number: f"{number}0"
    ),
)
