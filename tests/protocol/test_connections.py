"""Several requests on one connection, and requests that want no body back."""

from __future__ import annotations

import asyncio

from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller, encode, verify


async def _answer(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    headers = await _head(reader)
    async with asyncio.timeout(10):
        return headers, await reader.readexactly(int(headers["content-length"]))


async def _head(reader: asyncio.StreamReader) -> dict[str, str]:
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
    return {**headers, "status": head[0].split(" ")[1]}


async def test_answers_keep_the_order_of_their_requests(gateway: Gateway):
    """Requests sent at once on one connection are answered in their order, each with its own nonce."""
    platform = Caller(gateway, "platform", "platform")
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    nonces = [f"{number:020d}" for number in range(5)]
    for number, nonce in enumerate(nonces):
        body = encode(platform.event("guarantee.application.v1", f"DD-{number}")) if number != 2 else b"{}"
        value = platform.authorization("POST", "/v1/messages", body, nonce=nonce)
        writer.write(
            f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
    for number, nonce in enumerate(nonces):
        headers, body = await _answer(reader)
        assert (headers["status"], headers["gzbzj-nonce"]) == ("400" if number == 2 else "202", nonce)
        key = gateway.keys["gateway"].public
        verify(key, headers["gzbzj-signature"], headers["gzbzj-timestamp"], nonce, body)
    writer.close()


async def test_a_head_request_has_no_body(gateway: Gateway):
    """HEAD answers probes without a body and is no call of the protocol elsewhere; the connection goes on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for call in (b"HEAD /healthz", b"HEAD /v1/keys", b"GET /healthz"):
        writer.write(call + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(10):
        heads = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]
        assert [head[:12] for head in heads] == [b"HTTP/1.1 200", b"HTTP/1.1 404"]
        headers, body = await _answer(reader)
    assert (headers["status"], body) == ("200", b'{"status":"ok"}')
    writer.close()


async def test_the_signature_of_an_answer_to_head_is_over_what_is_read(gateway: Gateway):
    """No byte follows the head: that is what the caller can verify."""
    nonce = "h" * 20
    value = Caller(gateway, "platform", "platform").authorization("HEAD", "/healthz", b"", nonce=nonce)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"HEAD /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\n\r\n".encode())
    headers = await _head(reader)
    verify(gateway.keys["gateway"].public, headers["gzbzj-signature"], headers["gzbzj-timestamp"], nonce, b"")
    writer.close()
