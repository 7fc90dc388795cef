"""One HTTP call within its bounds: whatever happens on the way becomes an `Answer`.

Source: protocol section 6 (no redirects, one attempt is one request), facts "Wire traps".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from yarl import URL

from gateway.core.exchange import Answer
from gateway.net.guard import GuardRefusal

MAX_ANSWER: Final = 64 * 1024
_HEAD_LINE: Final = 8 * 1024
_KEEPALIVE_S: Final = 4.0  # shorter than any common server's idle timeout: no push is spent on a dying connection
_DETAIL: Final = 200
_OWN_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "wgg"}

# The first class that fits names what happened.
_FAULTS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (aiohttp.ClientHttpProxyError, "出口代理拒绝了连接"),
    (aiohttp.ClientProxyConnectionError, "无法连接出口代理"),
    (aiohttp.ClientConnectorDNSError, "接收地址的域名解析失败"),
    (aiohttp.ClientConnectorCertificateError, "对方的 TLS 证书未通过校验，请核对 CA 文件与证书域名"),
    (aiohttp.ClientSSLError, "TLS 握手失败，请核对双方证书"),
    (ssl.SSLError, "TLS 握手失败，请核对双方证书"),
    (aiohttp.ConnectionTimeoutError, "建立连接超时"),
    (aiohttp.ClientConnectorError, "无法建立连接"),
    (TimeoutError, "在规定时间内没有收到完整的应答"),
    (aiohttp.ServerDisconnectedError, "对方未作应答即断开连接"),
    (aiohttp.ClientPayloadError, "应答体没有收完即中断"),
    (aiohttp.ClientOSError, "连接中断"),
    (aiohttp.ClientResponseError, "对方的应答不是合法的 HTTP 应答，或应答头过大"),
    (aiohttp.InvalidURL, "接收地址不是合法的网址，请核对登记的 endpoint"),
)
# aiohttp tells a session that was closed meanwhile by RuntimeError, an ill-formed header or address by ValueError.
_CAUGHT: Final = (aiohttp.ClientError, OSError, ValueError, RuntimeError, asyncio.TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An HTTP request with its bounds in seconds; `total` counts from the wait for a connection to the last byte.

    `headers` may be pairs, to send a header on several lines.
    """

    method: str
    url: str
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict)
    body: bytes = b""
    connect: float = 10.0
    total: float = 10.0
    limit: int = MAX_ANSWER
    proxy: str | None = None


def open_session(*, concurrency: int, context: ssl.SSLContext | None, factory: Callable[..., Any] | None) -> Session:
    """A session with a connection pool of its own: no cookies, no inflating, no settings from the environment."""
    connector = aiohttp.TCPConnector(
        limit=concurrency,
        ssl=True if context is None else context,
        socket_factory=factory,
        keepalive_timeout=_KEEPALIVE_S,
        ttl_dns_cache=10,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=_HEAD_LINE,
        max_field_size=_HEAD_LINE,
        skip_auto_headers=("Accept", "Content-Type"),
        headers=_OWN_HEADERS,
    )


Session = aiohttp.ClientSession


async def perform(session: Session, call: Call) -> Answer:
    """One request, one answer. Never raises for the network's or the other side's faults."""
    try:
        return await _exchange(session, call)
    except _CAUGHT as error:
        return Answer(status=None, error=describe(error))


async def _exchange(session: Session, call: Call) -> Answer:
    async with session.request(
        call.method,
        URL(call.url, encoded=True),
        data=call.body or None,
        headers=call.headers,
        allow_redirects=False,
        proxy=call.proxy,
        timeout=aiohttp.ClientTimeout(total=call.total, sock_connect=call.connect),
    ) as response:
        headers = _fold(response.headers.items())
        body = await _read(response, call.limit)
        if body is None:
            response.close()
            return Answer(status=response.status, headers=headers, error=f"应答体超过 {call.limit} 字节，未予读取")
        return Answer(status=response.status, headers=headers, body=body)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The body, or None when it passes the limit."""
    if (response.content_length or 0) > limit:
        return None
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _fold(items: Any) -> dict[str, str]:
    """Lower-case names; repeated headers joined, so that none hides another."""
    headers: dict[str, str] = {}
    for name, value in items:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def describe(error: BaseException) -> str:
    """What happened, in Chinese; a refusal of the guard speaks for itself."""
    refusal = _find_refusal(error)
    if refusal is not None:
        return str(refusal)
    text = next((text for kind, text in _FAULTS if isinstance(error, kind)), "请求没有完成")
    raw = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    detail = " ".join(raw.split())[:_DETAIL]
    return f"{text}（{detail}）。" if detail else f"{text}。"


def _find_refusal(error: BaseException | None) -> GuardRefusal | None:
    while error is not None:
        if isinstance(error, GuardRefusal):
            return error
        error = getattr(error, "os_error", None) or error.__cause__
    return None
