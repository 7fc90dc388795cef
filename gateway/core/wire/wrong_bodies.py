"""The bodies that people sign instead of the bytes that they send, one row a mistake.

Source: protocol sections 3 and 7: BODY is the raw bytes, never re-serialised.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote_from_bytes

Make = Callable[[bytes], bytes]
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongBody:
    """A mistake's code, what it is in Chinese, and what it makes of a body: `make` raises ValueError if nothing."""

    code: str
    text: str
    make: Make


def wrong_bodies(body: bytes) -> Iterator[tuple[WrongBody, bytes]]:
    """Each mistake with the body that it makes, of those that change the body at all."""
    for row in WRONG_BODIES:
        try:
            made = row.make(body)
        except (ValueError, RecursionError, KeyError, TypeError):
            continue  # this body cannot be mistaken in this way
        if made != body:
            yield row, made


def _reserialise(body: bytes, **style: Any) -> bytes:
    return json.dumps(json.loads(body), **style).encode()


def _escape_slashes(body: bytes, *, ascii_only: bool) -> bytes:
    return _reserialise(body, ensure_ascii=ascii_only, separators=(",", ":")).replace(b"/", b"\\/")


def _escape_html(body: bytes) -> bytes:
    text = _reserialise(body, ensure_ascii=False, separators=(",", ":"))
    return text.replace(b"&", b"\\u0026").replace(b"<", b"\\u003c").replace(b">", b"\\u003e")


def _only_data(body: bytes, **style: Any) -> bytes:
    return json.dumps(json.loads(body)["data"], ensure_ascii=False, **style).encode()


def _encode(body: bytes, name: str) -> bytes:
    return body.decode("utf-8").encode(name)


_STYLES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("紧凑、中文原样", {"ensure_ascii": False, "separators": (",", ":")}),
    ("紧凑、中文转义为 \\u", {"separators": (",", ":")}),
    ("逗号与冒号后带空格、中文原样", {"ensure_ascii": False}),
    ("逗号与冒号后带空格、中文转义为 \\u", {}),
    ("缩进两格、中文原样", {"ensure_ascii": False, "indent": 2}),
    ("缩进两格、中文转义为 \\u", {"indent": 2}),
    ("缩进四格、中文原样", {"ensure_ascii": False, "indent": 4}),
    ("以制表符缩进、中文原样", {"ensure_ascii": False, "indent": "\t"}),
)


def _reserialised() -> Iterator[WrongBody]:
    for text, style in _STYLES:
        for order, sort in (("", False), ("，字段按名称排序", True)):
            make = partial(_reserialise, sort_keys=sort, **style)
            yield WrongBody(
                code="BODY_RESERIALISED",
                text=f"签名用的 JSON 是重新序列化的（{text}{order}），不是发送的字节",
                make=make,
            )


_ESCAPES: Final = (
    ("斜杠转义为 \\/、中文转义，如 PHP json_encode", partial(_escape_slashes, ascii_only=True)),
    ("斜杠转义为 \\/，如部分 Java 库", partial(_escape_slashes, ascii_only=False)),
    ("& < > 转义为 \\u，如 Go encoding/json", _escape_html),
)
_ENCODINGS: Final = (
    ("签名时报文体按 GBK 编码，发送时是 UTF-8", partial(_encode, name="gb18030")),
    ("签名时报文体开头多了 UTF-8 BOM", lambda body: _BOM + body),
    ("签名时报文体先按 Latin-1 解码再按 UTF-8 编码（乱码）", lambda body: body.decode("latin-1").encode()),
    ("签名时非 ASCII 字符变成了问号（取字节时未指明 UTF-8）", lambda body: body.decode().encode("ascii", "replace")),
    ("签名时报文体按 UTF-16LE 编码", partial(_encode, name="utf-16-le")),
    ("签名时报文体按 UTF-16BE 编码", partial(_encode, name="utf-16-be")),
)
_LINE_ENDS: Final = (
    ("签名时报文体末尾多一个换行", lambda body: body + b"\n"),
    ("签名时报文体末尾多一个回车换行", lambda body: body + b"\r\n"),
    ("签名时去掉了报文体首尾的空白", bytes.strip),
    ("签名时去掉了报文体中的换行", lambda body: body.replace(b"\r", b"").replace(b"\n", b"")),
    ("签名时报文体中的换行是 CRLF，发送时是 LF", lambda body: body.replace(b"\n", b"\r\n")),
    ("签名时报文体中的换行是 LF，发送时是 CRLF", lambda body: body.replace(b"\r\n", b"\n")),
    ("签名时去掉了报文体中的空格", lambda body: body.replace(b" ", b"")),
)
_INSTEAD: Final = (
    ("BODY_EMPTY", "签名时第五行为空，没有放入报文体", lambda _: b""),
    ("BODY_DATA_ONLY", "只对 data 部分签名（紧凑），应对整个报文体签名", partial(_only_data, separators=(",", ":"))),
    ("BODY_DATA_ONLY", "只对 data 部分签名，应对整个报文体签名", _only_data),
    ("BODY_ENCODED", "第五行放的是报文体的 Base64，应为报文体原文", base64.b64encode),
    ("BODY_ENCODED", "第五行放的是报文体的十六进制，应为报文体原文", lambda body: body.hex().encode()),
    ("BODY_ENCODED", "第五行放的是 URL 编码的报文体，应为原文", lambda body: quote_from_bytes(body, safe="").encode()),
)

WRONG_BODIES: Final[tuple[WrongBody, ...]] = (
    *_reserialised(),
    *(
        WrongBody(code="BODY_RESERIALISED", text=f"签名用的 JSON 是重新序列化的（{text}）", make=make)
        for text, make in _ESCAPES
    ),
    *(WrongBody(code="BODY_ENCODING", text=text, make=make) for text, make in _ENCODINGS),
    *(WrongBody(code="BODY_WHITESPACE", text=text, make=make) for text, make in _LINE_ENDS),
    *(WrongBody(code=code, text=text, make=make) for code, text, make in _INSTEAD),
)
