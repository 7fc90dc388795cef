"""What the HTTP server hands to its handler and takes back: a request as it came, an answer as it goes.

Source: protocol sections 3 (raw request target, raw bytes) and 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from gateway.core.value_class import value_class

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BodyTooLarge(Exception):  # noqa: N818 - these four name what happened to the body
    """The body passed the limit; what follows it is not read."""


class BodyTimeout(Exception):  # noqa: N818
    """The body was not whole within the read deadline."""


class BodyBroken(Exception):  # noqa: N818
    """The body's transfer coding is ill-formed."""


class ClientGone(Exception):  # noqa: N818
    """The client left before its body was whole: nobody waits for an answer."""


UNREADABLE: Final = (BodyTooLarge, BodyTimeout, BodyBroken, ClientGone)
"""What `RawRequest.read` raises; the server turns each into its answer."""


@value_class
class RawResponse:
    """An answer: its bytes are sent as they are, with the headers given; `close` ends the connection after it.

    A `stream` is sent instead of a body, chunk by chunk; the headers tell its Content-Length.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
    close: bool = False


class RawRequest:
    """A request as it stood on the wire: nothing decoded, unescaped, inflated or joined.

    `target` is the request target of the request line; bytes that are not UTF-8 are surrogate escapes. `headers` maps
    lower-case names to the first value of each; `all` gives every one. `peer` is the client's address.
    """

    __slots__ = ("_deadline", "_request", "content_length", "headers", "method", "peer", "target")

    def __init__(self, request: web.BaseRequest, *, deadline: float) -> None:
        self._request = request
        self._deadline = deadline
        self.method = request.method
        self.target = request.raw_path
        self.headers: dict[str, str] = {}
        for name, value in request.headers.items():
            self.headers.setdefault(name.lower(), value)
        self.peer = request.remote or ""
        self.content_length = request.content_length

    def all(self, name: str) -> list[str]:
        """Every value of a header, in the order of the wire; `name` in any case."""
        return self._request.headers.getall(name, [])

    async def read(self, limit: int) -> bytes:
        """The whole raw body, of at most `limit` bytes, within the server's deadline.

        Raises BodyTooLarge as soon as the limit is passed, declared or sent; BodyTimeout, BodyBroken, ClientGone.
        """
        self._check_declared(limit)
        content = self._request.content
        if content.is_eof() and content.exception() is None:
            return _bounded(content.read_nowait(), limit)
        self._invite_body()
        with self._told():
            async with asyncio.timeout(self._deadline):
                return await self._collect(limit)

    async def chunks(self, limit: int, *, within: float) -> AsyncIterator[bytes]:
        """The raw body as it comes, never whole in memory: at most `limit` bytes, within `within` seconds in all.

        Raises what `read` raises; bytes handed out before count for nothing then.
        """
        self._check_declared(limit)
        self._invite_body()
        end, size = asyncio.get_running_loop().time() + within, 0
        while chunk := await self._next(end):
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge
            yield chunk

    async def _next(self, end: float) -> bytes:
        with self._told():
            async with asyncio.timeout_at(end):
                return await self._request.content.readany()

    def _check_declared(self, limit: int) -> None:
        if self.content_length is not None and self.content_length > limit:
            raise BodyTooLarge

    async def _collect(self, limit: int) -> bytes:
        body = bytearray()
        while chunk := await self._request.content.readany():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge
        return bytes(body)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what happened to the body in this module's own words."""
        try:
            yield
        except TimeoutError as error:
            raise BodyTimeout from error
        except (RequestPayloadError, HttpProcessingError) as error:
            raise self._fault() from error
        except (ConnectionError, RuntimeError) as error:
            raise ClientGone from error

    def _invite_body(self) -> None:
        """Answer `Expect: 100-continue` only when the body is wanted."""
        transport = self._request.transport
        if transport is not None and self.headers.get("expect", "").lower() == "100-continue":
            transport.write(_CONTINUE)

    def _fault(self) -> Exception:
        return ClientGone() if self._request.transport is None else BodyBroken()


def _bounded(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise BodyTooLarge
    return body


Handler = Callable[[RawRequest], Awaitable[RawResponse]]
OnError = Callable[[Exception], RawResponse]
"""Turns what a handler raised (or a Problem of the server's own) into an answer; it must not raise."""
