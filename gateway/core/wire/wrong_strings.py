"""The strings that people sign instead of the five or three lines, as rows of lines and ways to join them.

Source: protocol sections 3, 4 and 7 (`diagnosis`). Pure: which of them a signature belongs to is `crypto.diagnosis`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from gateway.core.wire.authorization import SCHEME
from gateway.core.wire.signed import request_string, response_string
from gateway.core.wire.wrong_bodies import wrong_bodies

Lines = tuple[bytes, ...]
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a signature should be over: a request with `method` and `target`, or an answer, whose two are None.

    `timestamp` in Unix seconds; `host` as the request's Host header said, empty where unknown; `asked` is the target
    of the request that an answer belongs to.
    """

    timestamp: int
    nonce: str
    body: bytes
    method: str | None = None
    target: str | None = None
    host: str = ""
    asked: str = "/v1/messages"

    @property
    def expected(self) -> bytes:
        """The right string (protocol section 3 or 4)."""
        if self.method is None or self.target is None:
            return response_string(self.timestamp, self.nonce, self.body)
        return request_string(self.method, self.target, self.timestamp, self.nonce, self.body)

    @property
    def lines(self) -> Lines:
        """The right string's lines without their ends; the body is the last one, whatever line feeds it has."""
        head = () if self.method is None or self.target is None else (self.method, self.target)
        texts = (*head, f"{self.timestamp:010d}", self.nonce)
        return (*(text.encode("utf-8", "surrogateescape") for text in texts), self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A mistake's code, what it is in Chinese, and the lines that it makes."""

    code: str
    text: str
    lines: Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A wrong way to join lines."""

    code: str
    text: str
    join: Callable[[Lines], bytes]


def join_lines(lines: Lines) -> bytes:
    """The right way: each line ended by LF, the last too."""
    return b"".join(line + b"\n" for line in lines)


LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout(code="MISSING_LAST_LF", text="最后一行缺少换行符（LF）", join=b"\n".join),
    Layout(
        code="CRLF",
        text="各行以回车换行（CRLF）结尾，应只用 LF",
        join=lambda lines: b"".join(line + b"\r\n" for line in lines),
    ),
    Layout(code="CRLF", text="各行之间用回车换行（CRLF），末行没有换行；每行都应以 LF 结尾", join=b"\r\n".join),
    Layout(code="BODY_ONLY", text="只对报文体签名，缺少其余各行", join=lambda lines: lines[-1]),
    Layout(code="EXTRA_LF", text="末尾多了一个换行符", join=lambda lines: join_lines(lines) + b"\n"),
    Layout(
        code="ESCAPED_LF",
        text="换行写成了反斜杠加字母 n 两个字符，应为真正的 LF（0x0A）",
        join=lambda lines: b"".join(line + b"\\n" for line in lines),
    ),
    Layout(code="ESCAPED_LF", text="换行写成了反斜杠加字母 n 两个字符，且末行没有", join=b"\\n".join),
    Layout(code="NO_LF", text="各行直接相连，没有换行符", join=b"".join),
    Layout(code="NO_LF", text="各行以空格相连，应以 LF 结尾", join=b" ".join),
    Layout(code="NO_LF", text="各行以 & 相连，应以 LF 结尾", join=b"&".join),
)


def wrong_lines(signing: Signing) -> Iterator[Wrong]:
    """Every mistake in the lines themselves, the likeliest first."""
    right = signing.lines
    for row, body in wrong_bodies(signing.body):
        yield Wrong(code=row.code, text=row.text, lines=(*right[:-1], body))
    if signing.method is not None and signing.target is not None:
        yield from _wrong_targets(right, signing.target, signing.host)
        yield from _wrong_methods(right)
        yield from _requests_disordered(right)
    else:
        yield from _requests_instead(right, signing.asked)
    yield from _wrong_order(right)
    yield from _wrong_figures(right)


def millisecond_lines(signing: Signing) -> Iterator[Wrong]:
    """The lines with a timestamp in milliseconds: one for each millisecond of the second."""
    *head, timestamp, nonce, body = signing.lines
    text = "签名时时间戳以毫秒计（13 位），应与请求头一致，以秒计（10 位）"
    for more in range(1000):
        finer = b"%s%03d" % (timestamp, more)
        yield Wrong(code="TIMESTAMP_MILLISECONDS", text=text, lines=(*head, finer, nonce, body))


def _wrong_targets(lines: Lines, target: str, host: str) -> Iterator[Wrong]:
    for text, wrong in _targets(target, host):
        if wrong != target:
            encoded = wrong.encode("utf-8", "surrogateescape")
            yield Wrong(code="WRONG_PATH", text=f"路径一行{text}", lines=(lines[0], encoded, *lines[2:]))


def _targets(target: str, host: str) -> Iterator[tuple[str, str]]:
    path, _, query = target.partition("?")
    yield "少了查询串，应与请求行一致（含 ? 之后的部分）", path
    for origin in (f"https://{host}", f"http://{host}", host) if host else ():
        yield "用了完整的 URL，应只写路径与查询串", origin + target
        yield "用了不带查询串的完整 URL，应只写路径与查询串", origin + path
    yield "末尾多了斜杠", f"{path}/" + (f"?{query}" if query else "")
    yield "末尾少了斜杠", path.rstrip("/")
    yield "少了开头的斜杠", target.lstrip("/")
    yield "少了 /v1 前缀", target.removeprefix("/v1")
    yield "写成了 /v1/messages", "/v1/messages"
    yield "写成了 /v1/mailbox", "/v1/mailbox"
    yield "多了 /api 前缀", f"/api{target}"
    yield "做了 URL 解码，应照请求行原样", unquote(target, errors="surrogateescape")
    yield "的查询参数被重新排序", path + "?" + "&".join(sorted(query.split("&")))
    yield "末尾多了问号", f"{target}?"
    yield "写成了小写", target.lower()
    yield "只有斜杠", "/"
    yield "为空", ""
    yield "只有查询串", query


def _wrong_methods(lines: Lines) -> Iterator[Wrong]:
    method = lines[0].decode("latin-1")
    for wrong in (method.lower(), method.capitalize(), *(other for other in _METHODS if other != method), ""):
        if wrong != method:
            text = f"请求方法一行写成了“{wrong}”，应为大写的 {method}"
            code = "METHOD_CASE" if wrong.upper() == method else "WRONG_METHOD"
            yield Wrong(code=code, text=text, lines=(wrong.encode(), *lines[1:]))


def _requests_disordered(lines: Lines) -> Iterator[Wrong]:
    method, target, timestamp, nonce, body = lines
    last = (timestamp, nonce, body)
    yield Wrong(code="RESPONSE_STRING", text="用了应答的三行待签名串，请求应为五行", lines=last)
    yield Wrong(
        code="LINE_ORDER", text="时间戳与随机串写在方法与路径之前", lines=(timestamp, nonce, method, target, body)
    )
    yield Wrong(code="LINE_ORDER", text="路径写在方法之前", lines=(target, method, *last))
    yield Wrong(code="MISSING_LINE", text="缺少方法一行", lines=(target, *last))
    yield Wrong(code="MISSING_LINE", text="缺少路径一行", lines=(method, *last))
    yield Wrong(code="MISSING_LINE", text="缺少方法与报文体两行", lines=(target, timestamp, nonce))


def _requests_instead(lines: Lines, asked: str) -> Iterator[Wrong]:
    text = "用了请求的五行待签名串，应答应为三行（时间戳、随机串、应答体）"
    for target in dict.fromkeys((asked, "/v1/messages")):
        yield Wrong(
            code="REQUEST_STRING", text=text, lines=(b"POST", target.encode("utf-8", "surrogateescape"), *lines)
        )


def _wrong_order(lines: Lines) -> Iterator[Wrong]:
    *head, timestamp, nonce, body = lines
    yield Wrong(code="LINE_ORDER", text="时间戳与随机串两行的次序颠倒", lines=(*head, nonce, timestamp, body))
    yield Wrong(code="BODY_ONLY", text="只对报文体签名（加换行），缺少其余各行", lines=(body,))
    yield Wrong(code="MISSING_LINE", text="缺少报文体一行", lines=(*head, timestamp, nonce))
    yield Wrong(code="MISSING_LINE", text="缺少时间戳一行", lines=(*head, nonce, body))
    yield Wrong(code="MISSING_LINE", text="缺少随机串一行", lines=(*head, timestamp, body))
    yield Wrong(code="EXTRA_LINE", text="开头多了签名方案一行", lines=(SCHEME.encode(), *lines))
    yield Wrong(code="EXTRA_LINE", text="末尾多了一个空行", lines=(*lines, b""))


def _wrong_figures(lines: Lines) -> Iterator[Wrong]:
    *head, timestamp, nonce, body = lines
    for text, wrong in (("写成了大写", nonce.upper()), ("写成了小写", nonce.lower()), ("为空", b"")):
        if wrong != nonce:
            yield Wrong(code="WRONG_NONCE", text=f"随机串一行{text}", lines=(*head, timestamp, wrong, body))
    yield Wrong(code="WRONG_NONCE", text="随机串一行带了引号", lines=(*head, timestamp, b'"%s"' % nonce, body))
    yield Wrong(code="WRONG_TIMESTAMP", text="时间戳一行为空", lines=(*head, b"", nonce, body))
