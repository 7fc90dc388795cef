"""How the server behaves: keep-alive, refusals in the product's form, bounds, an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.errors import Problem
from gateway.net.messages import RawRequest, RawResponse
from gateway.net.server import start_server
from tests.net.wire import Wire, dial, echo, serving

GET = b"GET / HTTP/1.1\r\nHost: g\r\n\r\n"

GARBAGE = {
    "noise": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "no method": b" / HTTP/1.1\r\n\r\n",
    "unknown version": b"GET / HTTP/9.9\r\n\r\n",
    "header without colon": b"GET / HTTP/1.1\r\nnonsense\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "bad host in an absolute target": b"GET http://[::1 HTTP/1.1\r\n\r\n",
    "long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(300)) + b"\r\n",
    "large head": b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: %s\r\n" % (n, b"b" * 4000) for n in range(5)) + b"\r\n",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_is_a_problem(data: bytes) -> None:
    """What cannot be read as a request is answered 400 in the product's form, in Chinese."""
    async with serving(echo()) as server, dial(server) as wire:
        seen = await wire.ask(data)
    assert (seen.status, seen.problem["code"]) == (400, "MALFORMED_REQUEST")
    assert "请" in seen.problem["message"]
    assert seen.headers["content-type"].startswith("application/json")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.binary(min_size=1, max_size=60).map(lambda b: b.replace(b"\n", b"")), rest=st.binary(max_size=60))
def test_no_bytes_make_a_traceback_or_a_silent_death(line: bytes, rest: bytes) -> None:
    """Whatever bytes come, each answer is a whole one below 500, or the connection is closed."""

    async def attempt() -> None:
        async with serving(echo(), body_timeout=0.05, linger=0.05, idle_timeout=0.05) as server, dial(server) as wire:
            await wire.send(b"GET " + line + b" HTTP/1.1\r\nHost: g\r\n\r\n" + rest)
            try:
                seen = await wire.receive()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            assert seen.status < 500
            assert b"Traceback" not in seen.body

    asyncio.run(attempt())


async def test_connection_is_kept_alive() -> None:
    """Several requests travel over one connection, refused ones between them."""
    async with serving(echo(limit=3)) as server, dial(server) as wire:
        statuses = [(await wire.ask(GET)).status]
        statuses.append((await wire.ask(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nabcd")).status)
        statuses.append((await wire.ask(GET)).status)
    assert statuses == [200, 413, 200]


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests written together are answered one after another."""
    posts = [b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\n\r\n%d" % n for n in range(5)]
    async with serving(echo()) as server, dial(server) as wire:
        await wire.send(b"".join(posts))
        bodies = [(await wire.receive()).body for _ in posts]
    assert bodies == [b"0", b"1", b"2", b"3", b"4"]


async def test_answer_carries_no_version_banner() -> None:
    """The Server header names no software version."""
    async with serving(echo()) as server, dial(server) as wire:
        seen = await wire.ask(GET)
    assert seen.headers["server"] == "wgg"


async def test_handler_error_is_internal(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the handler becomes INTERNAL in JSON and reaches the injected hook; the connection lives on."""
    caught: list[Exception] = []

    async def fail(request: RawRequest) -> RawResponse:
        raise LookupError("secret detail")

    def on_error(error: Exception) -> RawResponse:
        caught.append(error)
        return RawResponse(status=500, body=b"{}")

    server = await start_server(fail, host="127.0.0.1", port=0, on_error=on_error)
    with caplog.at_level(logging.ERROR):
        async with dial(server) as wire:
            assert [(await wire.ask(GET)).status for _ in range(2)] == [500, 500]
    await server.stop(1)
    assert [type(error) for error in caught] == [LookupError, LookupError]


async def test_default_answer_to_an_error_tells_nothing() -> None:
    """Without a hook the answer is INTERNAL with a request id and no detail of the fault."""

    async def fail(request: RawRequest) -> RawResponse:
        raise LookupError("secret detail")

    async with serving(fail) as server, dial(server) as wire:
        seen = await wire.ask(GET)
    assert (seen.status, seen.problem["code"]) == (500, "INTERNAL")
    assert seen.problem["requestId"]
    assert b"secret" not in seen.body


async def test_problem_of_a_handler_keeps_its_code() -> None:
    """A Problem that a handler raises is answered with its status and its Retry-After."""

    async def refuse(request: RawRequest) -> RawResponse:
        raise Problem("RATE_LIMITED", retry_after=7)

    async with serving(refuse) as server, dial(server) as wire:
        seen = await wire.ask(GET)
    assert (seen.status, seen.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nHos"])
async def test_connection_without_a_whole_head_is_closed(head: bytes) -> None:
    """A connection that brings no whole request head is closed after the idle time, silent or slow."""
    async with serving(echo(), idle_timeout=0.05) as server, dial(server) as wire:
        await wire.send(head)
        assert await wire.at_end()


async def test_one_connection_too_many_is_told_so() -> None:
    """A connection beyond the bound gets 503 with Retry-After; those that stand keep working."""
    async with serving(echo(), connections=1) as server, dial(server) as first:
        assert (await first.ask(GET)).status == 200
        async with dial(server) as second:
            seen = await second.receive()
        assert (seen.status, seen.problem["code"], seen.headers["retry-after"]) == (503, "UNAVAILABLE", "1")
        assert (await first.ask(GET)).status == 200


async def _hold(server_entered: asyncio.Event, release: asyncio.Event) -> RawResponse:
    server_entered.set()
    await release.wait()
    return RawResponse(status=200, body=b"done")


async def test_stop_lets_requests_finish() -> None:
    """Stopping takes no new connection, finishes what is under way and closes idle connections."""
    entered, release = asyncio.Event(), asyncio.Event()
    server = await start_server(lambda _: _hold(entered, release), host="127.0.0.1", port=0)
    async with dial(server) as busy, dial(server) as idle:
        await busy.send(GET)
        await entered.wait()
        stopping = asyncio.create_task(server.stop(10))
        assert await idle.at_end()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
        release.set()
        assert (await busy.receive()).body == b"done"
        async with asyncio.timeout(10):
            await stopping


async def test_stop_cuts_what_does_not_finish() -> None:
    """A request that outlives the grace is cut."""
    entered = asyncio.Event()
    server = await start_server(lambda _: _hold(entered, asyncio.Event()), host="127.0.0.1", port=0)
    async with dial(server) as busy:
        await busy.send(GET)
        await entered.wait()
        async with asyncio.timeout(10):
            await server.stop(0.05)
            assert await _ended(busy)


async def _ended(wire: Wire) -> bool:
    try:
        return await wire.at_end()
    except ConnectionError:
        return True


async def test_client_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks and then reads nothing of a large answer loses its connection after the stall time."""
    dropped = asyncio.Event()

    async def pour(request: RawRequest) -> RawResponse:
        return RawResponse(status=200, body=b"x" * (16 << 20))

    async with serving(pour, stall_timeout=0.3) as server:
        lost = server._hub.connection_lost
        monkeypatch.setattr(server._hub, "connection_lost", lambda *given: (lost(*given), dropped.set()))
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(GET)
            async with asyncio.timeout(10):
                await dropped.wait()
