"""What the server sees of a request: exactly what stood on the wire."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from gateway.net.messages import BodyTooLarge, ClientGone, RawRequest, RawResponse
from tests.net.wire import dial, echo, serving, show

HOST = b"Host: gateway\r\n"
CUT_LENGTH = b"Content-Length: 10\r\n\r\nabc"
CUT_CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


@pytest.mark.parametrize(
    "target",
    [
        "/v1/messages",
        "/v1/messages?x=1",
        "/v1/%6Dessages",
        "/v1//messages",
        "/v1/./messages",
        "http://gateway/v1/messages",
        "/v1/messages?a=%7E%2F+b",
        "*",
    ],
)
async def test_target_is_raw(target: str) -> None:
    """The handler sees the request target as it stood on the request line, escapes and absolute form untouched."""
    async with serving(show(lambda r: [r.method, r.target])) as server, dial(server) as wire:
        seen = await wire.ask(f"OPTIONS {target} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
    assert json.loads(seen.body) == ["OPTIONS", target]


async def test_repeated_headers_are_all_seen() -> None:
    """Two Authorization headers stay two; the mapping shows the first."""
    pick = show(lambda r: [r.headers["authorization"], r.all("Authorization")])
    async with serving(pick) as server, dial(server) as wire:
        head = b"GET / HTTP/1.1\r\n" + HOST + b"Authorization: one\r\naUTHORIZATION: two\r\n\r\n"
        seen = await wire.ask(head)
    assert json.loads(seen.body) == ["one", ["one", "two"]]


async def test_peer_is_the_clients_address() -> None:
    """The peer is the address that the connection came from."""
    async with serving(show(lambda r: r.peer)) as server, dial(server) as wire:
        seen = await wire.ask(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert json.loads(seen.body) == "127.0.0.1"


async def test_split_body_is_put_together() -> None:
    """A body that comes in pieces, the head split too, is read whole."""
    async with serving(echo()) as server, dial(server) as wire:
        for piece in (b"POST / HT", b"TP/1.1\r\nHost: g\r\nContent-Le", b"ngth: 6\r\n\r\nab", b"cd"):
            await wire.send(piece)
        seen = await wire.ask(b"ef")
    assert (seen.status, seen.body) == (200, b"abcdef")


async def test_gzip_body_is_not_inflated() -> None:
    """The body of a request with Content-Encoding reaches the handler as the bytes that were sent."""
    packed = gzip.compress(b"x" * 100)
    head = f"POST / HTTP/1.1\r\nHost: g\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with serving(echo()) as server, dial(server) as wire:
        seen = await wire.ask(head + packed)
    assert seen.body == packed


async def test_chunked_body_is_joined() -> None:
    """Chunks within the limit make one body."""
    head = b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(echo()) as server, dial(server) as wire:
        seen = await wire.ask(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert seen.body == b"abcde"


async def test_declared_size_over_the_limit_is_refused_unread() -> None:
    """A Content-Length over the limit is refused before any byte of the body is sent."""
    async with serving(echo(limit=10)) as server, dial(server) as wire:
        seen = await wire.ask(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 11\r\n\r\n")
    assert (seen.status, seen.problem["code"]) == (413, "BODY_TOO_LARGE")


async def test_chunked_body_over_the_limit_is_refused_at_once() -> None:
    """A chunked body is refused as soon as it passes the limit, though its end never comes."""
    head = b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(echo(limit=10)) as server, dial(server) as wire:
        seen = await wire.ask(head + b"b\r\nabcdefghijk\r\n")
    assert (seen.status, seen.problem["code"]) == (413, "BODY_TOO_LARGE")


async def test_body_at_the_limit_passes() -> None:
    """A body of exactly the limit is read."""
    async with serving(echo(limit=10)) as server, dial(server) as wire:
        seen = await wire.ask(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\n0123456789")
    assert seen.body == b"0123456789"


async def test_handler_may_judge_a_body_itself() -> None:
    """BodyTooLarge reaches the handler, which may answer in its own way."""

    async def answer(request: RawRequest) -> RawResponse:
        with pytest.raises(BodyTooLarge):
            await request.read(3)
        return RawResponse(status=404)

    async with serving(answer) as server, dial(server) as wire:
        seen = await wire.ask(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nabcd")
    assert seen.status == 404


async def test_slow_body_meets_the_deadline() -> None:
    """A body that is not whole by the deadline is answered with a problem and the connection closed."""
    async with serving(echo(), body_timeout=0.05, linger=0.05) as server, dial(server) as wire:
        seen = await wire.ask(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\nabc")
        assert (seen.status, seen.problem["code"]) == (400, "MALFORMED_REQUEST")
        assert await wire.at_end()


async def test_broken_chunks_are_refused() -> None:
    """An ill-formed chunk is a malformed request, not a fault of the server."""
    head = b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    async with serving(echo()) as server, dial(server) as wire:
        await wire.send(head)
        seen = await wire.ask(b"zz\r\nabc\r\n")
    assert (seen.status, seen.problem["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
)
async def test_client_that_leaves_is_gone(framing: bytes) -> None:
    """A client that leaves in the middle of its body raises ClientGone in the handler."""
    fate: asyncio.Future[type[Exception]] = asyncio.get_running_loop().create_future()
    reading = asyncio.Event()

    async def answer(request: RawRequest) -> RawResponse:
        reading.set()
        try:
            await request.read(100)
        except Exception as error:
            fate.set_result(type(error))
            raise
        return RawResponse(status=200)

    async with serving(answer) as server:
        async with dial(server) as wire, asyncio.timeout(10):
            await wire.send(b"POST / HTTP/1.1\r\nHost: g\r\n" + framing)
            await reading.wait()
        async with asyncio.timeout(10):
            assert await fate is ClientGone


async def test_continue_is_sent_when_the_body_is_wanted() -> None:
    """`Expect: 100-continue` is answered once the handler reads, as curl waits for it with large bodies."""
    head = b"POST / HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    async with serving(echo()) as server, dial(server) as wire:
        await wire.send(head)
        interim = await wire.receive()
        seen = await wire.ask(b"abc")
    assert (interim.status, seen.status, seen.body) == (100, 200, b"abc")
