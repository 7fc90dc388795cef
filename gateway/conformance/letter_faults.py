"""The named faults of a message: of its event, its bytes, what became of them after signing, its headers, its seals.

Source: protocol sections 2, 3 and 6.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.conformance.letters import Event, Shape
from gateway.conformance.seal_faults import REQUEST_SEALS, reserialise
from gateway.core.wire.compact_json import encode_compact


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFault:
    """A named fault of a message."""

    title: str
    apply: Callable[[Shape], Shape]


def _encode_as(**options: Any) -> Callable[[Event], bytes]:
    return lambda event: json.dumps(event, **options).encode()


def _attributes(**members: Any) -> Callable[[Event], Event]:
    return lambda event: {**event, **members}


def _without(name: str) -> Callable[[Event], Event]:
    return lambda event: {key: value for key, value in event.items() if key != name}


def _replace_bytes(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda body: body.replace(old, new, 1)


def _append(more: bytes) -> Callable[[Event], bytes]:
    return lambda event: encode_compact(event)[:-1] + more + b"}"


def _nest(event: Event) -> bytes:
    return encode_compact(event)[:-1] + b',"nest":' + b"[" * 80 + b"]" * 80 + b"}"


def _repeat_name(event: Event) -> bytes:
    return encode_compact(event)[:-1] + b',"subject":"twice"}'


def _lengthen_id(event: Event) -> Event:
    """An id of 64 characters, of every sort that may stand in one."""
    return {**event, "id": f"Kit.{event['id']}_LONG-".ljust(64, "Z")}


# A character beyond the basic plane, full-width digits and letters, a combining accent, a right-to-left name.
_UNUSUAL: Final = "𠮷野家１２３ＡＢＣé（测试）«λ»"
_LONG: Final = "长" * 330_000

_EVENTS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "event/other-recipient": ("recipient 不是本机构", {"alter": _attributes(recipient="some-other-bank")}),
    "event/other-source": ("source 与签名方不符", {"alter": _attributes(source="some-other-bank")}),
    "event/old-time": ("time 在一年以前", {"alter": _attributes(time="2025-01-02T03:04:05+08:00")}),
    "event/utc-time": ("time 以 UTC 书写", {"alter": _attributes(time="2026-11-20T01:30:00Z")}),
    "event/unicode": ("含罕用字、全角与组合字符", {"alter": _attributes(note=_UNUSUAL)}),
    "event/chinese": ("含中文", {"alter": _attributes(note="工资保证金")}),
    "event/extension": ("多出扩展属性", {"alter": _attributes(traceid="00-kit", priority=3)}),
    "event/large": ("近 1 MiB 的报文", {"alter": _attributes(padding=_LONG)}),
    "event/long-id": ("id 有 64 个字符，含大写与标点", {"alter": _lengthen_id}),
    "event/no-recipient": ("缺少 recipient", {"alter": _without("recipient")}),
    "event/no-data": ("缺少 data", {"alter": _without("data")}),
    "bytes/indented": ("带缩进与换行的 JSON", {"encode": _encode_as(ensure_ascii=False, indent=2)}),
    "bytes/escaped": ("中文写成 \\u 转义", {"encode": _encode_as(ensure_ascii=True)}),
    "bytes/sorted": ("成员按名称排序", {"encode": _encode_as(ensure_ascii=False, sort_keys=True)}),
    "bytes/trailing-lf": ("报文体以换行结尾", {"encode": lambda event: encode_compact(event) + b"\n"}),
    "bytes/bom": ("报文体以 BOM 开头", {"encode": lambda event: b"\xef\xbb\xbf" + encode_compact(event)}),
    "bytes/gbk": ("报文体以 GBK 编码", {"encode": lambda event: encode_compact(event).decode().encode("gbk")}),
    "bytes/repeated-name": ("同一对象内重名", {"encode": _repeat_name}),
    "bytes/deep": ("嵌套超过 64 层", {"encode": _nest}),
    "bytes/truncated": ("JSON 不完整", {"encode": lambda event: encode_compact(event)[:-1]}),
    "bytes/array": ("顶层是数组", {"encode": lambda event: b"[" + encode_compact(event) + b"]"}),
    "bytes/surrogate": ("含不成对的代理字符", {"encode": _append(rb',"x":"\ud800"')}),
    "bytes/control": ("含 U+0000", {"encode": _append(rb',"x":"\u0000"')}),
    "bytes/nan": ("含 NaN", {"encode": _append(b',"x":NaN')}),
    "tamper/blank": ("签名后多一个空格", {"tamper": _replace_bytes(b"{", b"{ ")}),
    "tamper/digit": ("签名后改动业务编号一位", {"tamper": _replace_bytes(b'"orderNo":"DD', b'"orderNo":"DE')}),
    "tamper/reserialised": ("签名后重新序列化", {"tamper": reserialise}),
    "tamper/lf": ("签名后末尾多一个换行", {"tamper": lambda body: body + b"\n"}),
    "header/no-attempt": ("没有投递编号与次数的请求头", {"headers": {"Gzbzj-Delivery": None, "Gzbzj-Attempt": None}}),
    "header/no-trace": ("没有 traceparent", {"headers": {"traceparent": None}}),
    "header/late-attempt": ("第 17 次投递", {"headers": {"Gzbzj-Attempt": "17"}}),
    "header/authorization-twice": ("有两个 Authorization 请求头", {"twice": "Authorization"}),
    "header/origin-twice": ("有两个 Gzbzj-Origin 请求头", {"twice": "Gzbzj-Origin"}),
    "header/json-type": ("以 application/json 发送", {"headers": {"Content-Type": "application/json; charset=utf-8"}}),
}


def _shape(changes: Mapping[str, Any]) -> Callable[[Shape], Shape]:
    return lambda shape: replace(shape, **changes)


def _seal(part: str, name: str) -> Callable[[Shape], Shape]:
    row = REQUEST_SEALS[name]
    if part == "push":
        return lambda shape: replace(shape, push=row.apply(shape.push))
    return lambda shape: replace(shape, origin=row.apply(shape.origin))


LETTER_FAULTS: Final[Mapping[str, LetterFault]] = {
    **{name: LetterFault(title=title, apply=_shape(changes)) for name, (title, changes) in _EVENTS.items()},
    **{
        f"{part}/{name}": LetterFault(title=f"{word}{row.title}", apply=_seal(part, name))
        for part, word in (("push", "推送签名："), ("origin", "原始签名："))
        for name, row in REQUEST_SEALS.items()
    },
}
