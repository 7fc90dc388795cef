"""The HTTP server: raw requests in, raw answers out, within bounds. No router; the handler decides.

Source: architecture "net", facts "Wire traps".
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestHandler

from gateway.core.errors import Problem
from gateway.core.wire.problem import encode_problem
from gateway.net.messages import (
    BodyBroken,
    BodyTimeout,
    BodyTooLarge,
    ClientGone,
    Handler,
    OnError,
    RawRequest,
    RawResponse,
)

_BACKLOG: Final = 1024
_REFUSALS: Final[dict[type[Exception], tuple[str, str]]] = {
    BodyTooLarge: ("BODY_TOO_LARGE", ""),
    BodyTimeout: ("MALFORMED_REQUEST", "请求体未在规定时间内发完，请检查网络后重发。"),
    BodyBroken: ("MALFORMED_REQUEST", "请求体的分块传输编码有误，请检查 Transfer-Encoding 与各分块长度。"),
}
_UNREADABLE: Final = "无法识别的 HTTP 请求，请检查请求行、请求头的格式与长度。"
_HEAD_TOO_LARGE: Final = "请求头过大，请缩减后重发。"
_CROWDED: Final = "网关连接数已满，请稍后重试。"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds of a server: seconds, bytes, counts.

    `idle_timeout` bounds a connection without a whole request head, be it silent or slow; `stall_timeout` one whose
    client takes nothing of its answer; `linger` the time that the unread rest of a refused body is drained.
    """

    body_timeout: float = 30.0
    idle_timeout: float = 75.0
    stall_timeout: float = 30.0
    linger: float = 5.0
    head_size: int = 16 * 1024
    line_size: int = 8 * 1024
    header_count: int = 100
    connections: int = 4096


def as_problem(error: Exception) -> Problem:
    """What to say of a body that could not be read; KeyError for what is no such error."""
    return Problem(*_REFUSALS[type(error)])


def answer_error(error: Exception) -> RawResponse:
    """A problem as an unsigned answer; anything that is no Problem is INTERNAL (protocol section 7)."""
    problem = error if isinstance(error, Problem) else Problem("INTERNAL")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    return RawResponse(status=problem.status, body=encode_problem(problem, secrets.token_hex(8)), headers=headers)


class Server:
    """A listening server; `port` is the one it got."""

    def __init__(self, listener: asyncio.Server, hub: _Hub) -> None:
        self._listener = listener
        self._hub = hub
        self.port: int = listener.sockets[0].getsockname()[1]

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._hub.connections)

    async def stop(self, grace: float) -> None:
        """Take no more requests, let those under way finish within `grace` seconds, then cut them."""
        self._listener.close()
        self._hub.pre_shutdown()
        await self._hub.shutdown(grace)
        await self._listener.wait_closed()


async def start_server(
    handler: Handler,
    *,
    host: str,
    port: int,
    limits: ServerLimits | None = None,
    on_error: OnError = answer_error,
    reuse_port: bool = False,
) -> Server:
    """Listen on `host` and `port` (0 takes a free one). Raises OSError when the address is not to be had."""
    bounds = limits or ServerLimits()
    hub = _Hub(handler, bounds, on_error)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(hub, host, port, backlog=_BACKLOG, reuse_port=reuse_port or None)
    for sock in listener.sockets:
        _bound_stalls(sock, bounds.stall_timeout)
    return Server(listener, hub)


def _bound_stalls(sock: socket.socket, seconds: float) -> None:
    """The kernel ends connections whose peer takes nothing; accepted sockets inherit it (Linux)."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))


class _Hub(web.Server):
    """Makes connections and answers their requests; whatever happens becomes an answer of the product's form."""

    def __init__(self, handler: Handler, limits: ServerLimits, on_error: OnError) -> None:
        super().__init__(
            self._answer,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=limits.idle_timeout,
            lingering_time=limits.linger,
            max_line_size=limits.line_size,
            max_field_size=limits.line_size,
            max_headers=limits.header_count,
        )
        self._handler = handler
        self.limits = limits
        self.on_error = on_error

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer = await self._handle(request)
        except ClientGone:
            raise ConnectionResetError from None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises must leave as an answer
            return self._refuse(error)
        return to_response(answer) if answer.stream is None else await _stream(request, answer, answer.stream)

    async def _handle(self, request: web.BaseRequest) -> RawResponse:
        if sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > self.limits.head_size:
            raise Problem("MALFORMED_REQUEST", _HEAD_TOO_LARGE)
        return await self._handler(RawRequest(request, deadline=self.limits.body_timeout))

    def _refuse(self, error: Exception) -> web.StreamResponse:
        response = to_response(self.on_error(as_problem(error) if type(error) in _REFUSALS else error))
        if isinstance(error, BodyTimeout | BodyBroken):
            response.force_close()
        return response


class _Connection(RequestHandler):
    """One connection: refuses in the product's own form what the parser refuses, and connections beyond the bound."""

    __slots__ = ("_hub",)

    def __init__(self, hub: _Hub, *, loop: asyncio.AbstractEventLoop, **options: object) -> None:
        super().__init__(hub, loop=loop, **options)  # type: ignore[arg-type]
        self._hub = hub

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; one too many is told so and closed."""
        super().connection_made(transport)
        if len(self._hub.connections) > self._hub.limits.connections and isinstance(transport, asyncio.Transport):
            transport.write(_write_refusal(self._hub.on_error(Problem("UNAVAILABLE", _CROWDED, retry_after=1))))
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature; its text is not for our clients
    ) -> web.StreamResponse:
        """Answer what aiohttp itself found wrong: an unreadable request, or a fault of the server."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer is under way already")
        refused = status < HTTPStatus.INTERNAL_SERVER_ERROR
        fault = Problem("MALFORMED_REQUEST", _UNREADABLE) if refused or not isinstance(exc, Exception) else exc
        # aiohttp takes what it cannot read for HTTP/1.0 and would answer in kind.
        request._version = HttpVersion11  # noqa: SLF001 - it offers no other way
        response = to_response(self._hub.on_error(fault))
        response.force_close()
        return response


def to_response(answer: RawResponse) -> web.Response:
    """The form that aiohttp sends, without the banner that names its version."""
    response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    response.headers["Server"] = "wgg"
    if answer.close:
        response.force_close()
    return response


async def _stream(request: web.BaseRequest, answer: RawResponse, stream: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send an answer chunk by chunk, as fast as the client takes it; a stream that breaks cuts the connection."""
    response = web.StreamResponse(status=answer.status, headers={**answer.headers, "Server": "wgg"})
    await response.prepare(request)
    async for chunk in stream:
        await response.write(chunk)
    await response.write_eof()
    return response


def _write_refusal(answer: RawResponse) -> bytes:
    headers = {**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} Unavailable\r\n{lines}\r\n".encode() + answer.body
