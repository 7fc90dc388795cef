"""The transport against servers that misbehave: whatever they do becomes an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.core.exchange import Answer, Request
from gateway.core.party import Link, Party, Standing
from gateway.net.client import HttpClient, HttpTransport
from gateway.net.guard import AddressGuard
from gateway.net.messages import RawRequest, RawResponse
from tests.net.wire import Wire, hostile, serving

DEVELOPMENT = AddressGuard(allow_loopback=True, https_only=False)
LONG = 64 * 1024 + 1


def party(name: str = "xmccb", **link: Any) -> Party:
    bounds = {"connect_timeout": 5.0, "answer_timeout": 5.0, **link}
    return Party(
        id=name,
        role="institution",
        kind="bank",
        name="某银行",
        standing=Standing.LIVE,
        adapter="native",
        link=Link(**bounds),
    )


def post(url: str, body: bytes = b"{}") -> Request:
    return Request(method="POST", url=url, body=body, headers={"Content-Type": "application/json"})


@asynccontextmanager
async def transport(guard: AddressGuard = DEVELOPMENT) -> AsyncIterator[HttpTransport]:
    carrier = HttpTransport(guard)
    try:
        yield carrier
    finally:
        await carrier.close()


async def _send(port: int, **link: Any) -> Answer:
    async with transport() as carrier:
        return await carrier.send(post(f"http://127.0.0.1:{port}/in"), party(**link))


async def test_request_goes_out_as_given() -> None:
    """Target, headers and body leave as written: no escape rewritten, no compression offered, no cookie kept."""
    seen: list[RawRequest] = []

    async def take(request: RawRequest) -> RawResponse:
        seen.append(request)
        headers = {"Set-Cookie": "a=b", "Gzbzj-Nonce": "n"}
        return RawResponse(status=200, body=await request.read(100), headers=headers)

    async with serving(take) as server, transport() as carrier:
        url = f"http://127.0.0.1:{server.port}/a%7Eb%2Fc?x=%20y"
        answers = [await carrier.send(post(url, "报文".encode()), party()) for _ in range(2)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, "报文".encode())] * 2
    assert answers[0].headers["gzbzj-nonce"] == "n"
    assert {request.target for request in seen} == {"/a%7Eb%2Fc?x=%20y"}
    assert all(request.headers["accept-encoding"] == "identity" for request in seen)
    assert not any("cookie" in request.headers for request in seen)


def _reply(data: bytes) -> Any:
    async def talk(wire: Wire) -> None:
        await wire.reader.readuntil(b"\r\n\r\n")
        await wire.send(data)

    return talk


WHOLE = {
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, b""),
    "gzip": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc"),
    "gone": (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 410, b""),
    "until the end": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", 200, b"abc"),
}


@pytest.mark.parametrize(("data", "status", "body"), WHOLE.values(), ids=WHOLE.keys())
async def test_answer_is_taken_as_it_is(data: bytes, status: int, body: bytes) -> None:
    """A redirect is not followed and a body not inflated: status and bytes are those of the wire."""
    async with hostile(_reply(data)) as port:
        answer = await _send(port)
    assert (answer.status, answer.body, answer.error) == (status, body, "")


async def test_repeated_headers_do_not_hide_each_other() -> None:
    """A header that comes twice is joined, so that no second value goes unseen."""
    async with hostile(_reply(b"HTTP/1.1 200 OK\r\nA: 1\r\nA: 2\r\nContent-Length: 0\r\n\r\n")) as port:
        answer = await _send(port)
    assert answer.headers["a"] == "1, 2"


OVERSIZED = {
    "declared": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LONG,
    "sent": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * LONG,
    "chunked without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % LONG + b"x" * LONG,
}


@pytest.mark.parametrize("data", OVERSIZED.values(), ids=OVERSIZED.keys())
async def test_oversized_body_is_not_read(data: bytes) -> None:
    """A body over 64 KiB leaves the status and an error, and no bytes."""
    async with hostile(_reply(data)) as port:
        answer = await _send(port)
    assert (answer.status, answer.body) == (200, b"")
    assert "超过" in answer.error


NO_ANSWER = {
    "huge header": (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n", "应答头过大"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "不是合法的 HTTP"),
    "closed unanswered": (b"", "断开连接"),
    "cut body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "没有收完"),
    "broken chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "不是合法的 HTTP"),
}


@pytest.mark.parametrize(("data", "text"), NO_ANSWER.values(), ids=NO_ANSWER.keys())
async def test_what_is_no_answer_says_why(data: bytes, text: str) -> None:
    """An answer that cannot be read has no status and a Chinese error."""
    async with hostile(_reply(data)) as port:
        answer = await _send(port)
    assert answer.status is None
    assert text in answer.error


async def test_reset_is_no_answer() -> None:
    """A connection reset is an answer without a status."""

    async def reset(wire: Wire) -> None:
        await wire.reader.readuntil(b"\r\n\r\n")
        wire.writer.transport.abort()

    async with hostile(reset) as port:
        answer = await _send(port)
    assert answer.status is None
    assert answer.error


async def _hang(wire: Wire) -> None:
    await wire.reader.readuntil(b"\r\n\r\n")
    await wire.reader.read()


async def _drip(wire: Wire) -> None:
    """One byte of the head at a time, for ever: the reading side is never idle."""
    await wire.send(b"HTTP/1.1 200 OK\r\nA: ")
    while True:
        await wire.send(b"x")
        await asyncio.sleep(0)


@pytest.mark.parametrize("talk", [_hang])
async def test_hanging_server_meets_the_deadline(talk: Any) -> None:
    """A server that never answers costs the answer timeout, no more."""
    async with hostile(talk) as port:
        answer = await _send(port, answer_timeout=0.1)
    assert answer.status is None
    assert "规定时间" in answer.error


async def test_dripping_server_meets_its_bound() -> None:
    """A server that sends a head without end is cut off by size or time."""
    async with hostile(_drip) as port:
        answer = await _send(port, answer_timeout=0.5)
    assert answer.status is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "nonsense", "ftp://x/", "http://", "http://[::1", "http://x y/"]
)
async def test_unreachable_or_ill_formed_address_is_an_answer(url: str) -> None:
    """Nothing is raised for an address that cannot be dialled."""
    async with transport() as carrier:
        answer = await carrier.send(post(url), party())
    assert answer.status is None
    assert answer.error


async def test_hanging_institution_does_not_starve_another() -> None:
    """With every connection of one institution hanging, another is served at once."""
    waiting = asyncio.Semaphore(0)

    async def hang(wire: Wire) -> None:
        waiting.release()
        await _hang(wire)

    async with hostile(hang) as port, hostile(_reply(WHOLE["gone"][0])) as healthy, transport() as carrier:
        slow = [carrier.send(post(f"http://127.0.0.1:{port}/"), party("slow", concurrency=2)) for _ in range(5)]
        hanging = [asyncio.create_task(one) for one in slow]
        for _ in range(2):
            await waiting.acquire()
        answer = await carrier.send(post(f"http://127.0.0.1:{healthy}/"), party("quick", concurrency=2))
        assert answer.status == 410
        assert waiting.locked()
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_changed_link_takes_effect_without_cutting_what_is_under_way() -> None:
    """A new link makes new connections; a request that is under way over the old ones still gets its answer."""
    entered, release = asyncio.Event(), asyncio.Event()

    async def hold(request: RawRequest) -> RawResponse:
        if request.target == "/slow":
            entered.set()
            await release.wait()
        return RawResponse(status=200, body=request.target.encode())

    async with serving(hold) as server, transport() as carrier:
        base = f"http://127.0.0.1:{server.port}"
        first = asyncio.create_task(carrier.send(post(f"{base}/slow"), party(concurrency=1)))
        await entered.wait()
        second = await carrier.send(post(f"{base}/quick"), party(concurrency=2))
        release.set()
        assert (second.body, (await first).body) == (b"/quick", b"/slow")


async def test_plain_client_has_the_same_bounds() -> None:
    """The plain client answers likewise: within its time and size, without raising."""
    client = HttpClient(limit=10)
    async with hostile(_hang) as silent, hostile(_reply(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n")) as large:
        late = await client.request("GET", f"http://127.0.0.1:{silent}/", timeout=0.1)
        long = await client.request("GET", f"http://127.0.0.1:{large}/")
    await client.close()
    assert late.status is None
    assert (long.status, long.body) == (200, b"")


async def test_close_ends_what_is_under_way_with_an_answer() -> None:
    """Closing the transport ends a request under way as no answer; nothing is raised."""
    entered = asyncio.Event()

    async def hang(wire: Wire) -> None:
        entered.set()
        await _hang(wire)

    async with hostile(hang) as port, transport() as carrier:
        sending = asyncio.create_task(carrier.send(post(f"http://127.0.0.1:{port}/"), party()))
        await entered.wait()
        await carrier.close()
        assert (await sending).status is None
