"""A gateway of a hundred lines: keys, accepts, a mailbox and pushes, with faults on command."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.catalogue import example
from gateway.core.exchange import Answer
from gateway.core.wire.authorization import format_authorization, parse_authorization
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.response import format_response_headers, parse_response_headers
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.signer import new_nonce, sign_request, sign_response, verify_request, verify_response
from gateway.net.client import HttpClient
from gateway.net.messages import RawRequest, RawResponse
from gateway.net.server import start_server

SECOND = 1_000_000
PATIENCE = 20.0


class QuickClock:
    """The machine's time, but waits end at once: no test waits for a backoff."""

    def now(self) -> int:
        return time.time_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@dataclass(kw_only=True)
class Pushed:
    """An answer to a push, and whether its signature verified."""

    answer: Answer
    nonce: str

    @property
    def receipt(self) -> dict[str, Any]:
        return json.loads(self.answer.body)


@dataclass
class FakeGateway:
    """`faults` are used up by POST /v1/messages one by one: a status, "unsigned" or "forged"."""

    keys: dict[str, PrivateKey]
    accepted: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    nonces: list[str] = field(default_factory=list)
    faults: deque[int | str] = field(default_factory=deque)
    mailbox: dict[str, dict[str, Any]] = field(default_factory=dict)
    receipts: list[tuple[str, bytes]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    file_faults: deque[int] = field(default_factory=deque)
    keys_down: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    @property
    def public(self) -> PublicKey:
        return self.keys["gateway"].public

    async def handle(self, request: RawRequest) -> RawResponse:
        body = await request.read(1 << 20)
        header = parse_authorization(request.headers["authorization"])
        public = self.keys[header.sender_id].public
        signed = b"" if request.method == "PUT" else body
        verify_request(public, header, method=request.method, target=request.target, body=signed)
        self.nonces.append(header.nonce)
        fault = self.faults.popleft() if request.target == "/v1/messages" and self.faults else None
        if isinstance(fault, int):
            self.bodies.append(body)
            status, document = fault, {"code": "UNAVAILABLE", "message": "稍后"}
        else:
            status, document = await self._answer(request, body)
        answer = encode_compact(document)
        return RawResponse(status=status, body=answer, headers=self._sign(answer, header.nonce, fault))

    def _sign(self, body: bytes, nonce: str, fault: int | str | None) -> Mapping[str, str]:
        if fault == "unsigned":
            return {}
        key = self.keys["stranger"] if fault == "forged" else self.keys["gateway"]
        return format_response_headers(sign_response(key, timestamp=int(time.time()), nonce=nonce, body=body))

    async def _answer(self, request: RawRequest, body: bytes) -> tuple[int, dict[str, Any]]:
        if request.target == "/v1/keys":
            return (503, {}) if self.keys_down else (200, {"keys": [self.entry(owner) for owner in LISTED]})
        if request.target == "/v1/messages":
            return self._accept(body)
        if request.method == "PUT":
            return self._keep(request.target.rpartition("/")[2], body)
        if request.method == "POST":
            return self._take_receipt(request.target.split("/")[3], body)
        return 200, {"messages": await self._waiting()}

    def _accept(self, body: bytes) -> tuple[int, dict[str, Any]]:
        self.bodies.append(body)
        event = json.loads(body)
        self.accepted.append(event)
        self._tell()
        receipt_no = f"R{len(self.accepted)}"
        return 202, {"id": event["id"], "receiptNo": receipt_no, "digest": sm3_hex(body), "status": "ACCEPTED"}

    def _keep(self, name: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if sm3_hex(body) != name:
            return 400, {"code": "MALFORMED_REQUEST", "message": "摘要不符"}
        if self.file_faults:
            return self.file_faults.popleft(), {"code": "UNAVAILABLE", "message": "稍后"}
        self.files.append(name)
        return 201, {"digest": name, "size": len(body)}

    def _take_receipt(self, delivery_id: str, body: bytes) -> tuple[int, dict[str, Any]]:
        self.receipts.append((delivery_id, body))
        self.mailbox.pop(delivery_id, None)
        self._tell()
        return 200, {"deliveryId": delivery_id, "status": "RECORDED"}

    async def _waiting(self) -> list[dict[str, Any]]:
        while not self.mailbox:
            await self.news.wait()
        return list(self.mailbox.values())

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()

    def entry(self, owner: str) -> dict[str, Any]:
        key = self.keys[owner]
        return {
            "ownerId": owner,
            "serialNo": key.serial_no,
            "use": "sign",
            "algorithm": "SM2",
            "publicKey": key.public.to_pem(),
            "notBefore": "2026-01-01T00:00:00+08:00",
            "notAfter": "2099-01-01T00:00:00+08:00",
            "status": "active",
        }

    def stand(self, delivery_id: str, body: bytes, origin: str) -> None:
        text = body.decode()
        self.mailbox[delivery_id] = {"deliveryId": delivery_id, "attempt": 1, "origin": origin, "body": text}
        self._tell()

    def origin(self, body: bytes, *, signer: str = "platform", sender_id: str | None = None) -> str:
        return self.authorize(body, "/v1/messages", signer=signer, sender_id=sender_id)[0]

    def authorize(
        self, body: bytes, target: str, *, signer: str, sender_id: str | None = None, skew: int = 0
    ) -> tuple[str, str]:
        nonce = new_nonce()
        header = sign_request(
            self.keys[signer],
            sender_id=sender_id or signer,
            method="POST",
            target=target,
            timestamp=int(time.time()) + skew,
            nonce=nonce,
            body=body,
        )
        return format_authorization(header), nonce

    async def push(
        self, port: int, body: bytes, origin: str | None, *, authorization: str | None = None, nonce: str = ""
    ) -> Pushed:
        if authorization is None:
            authorization, nonce = self.authorize(body, "/in", signer="gateway")
        headers = {"Authorization": authorization, "Gzbzj-Delivery": "7", "Gzbzj-Attempt": "1"}
        client = HttpClient()
        url = f"http://127.0.0.1:{port}/in"
        answer = await client.request(
            "POST", url, headers=headers | ({"Gzbzj-Origin": origin} if origin else {}), body=body
        )
        await client.close()
        return Pushed(answer=answer, nonce=nonce)

    def verify(self, pushed: Pushed, party: str) -> None:
        signature = parse_response_headers(pushed.answer.headers)
        assert signature.nonce == pushed.nonce
        verify_response(self.keys[party].public, signature, body=pushed.answer.body)

    async def until(self, count: int) -> None:
        """Return once so many messages were accepted."""
        async with asyncio.timeout(PATIENCE):
            while len(self.accepted) < count:
                await self.news.wait()

    async def until_receipts(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.receipts) < count:
                await self.news.wait()


LISTED = ("gateway", "platform")
PARTIES = (*LISTED, "xmccb", "stranger")


@asynccontextmanager
async def fake_gateway() -> AsyncIterator[FakeGateway]:
    gateway = FakeGateway({party: PrivateKey.generate() for party in PARTIES})
    server = await start_server(gateway.handle, host="127.0.0.1", port=0)
    gateway.url = f"http://127.0.0.1:{server.port}"
    try:
        yield gateway
    finally:
        await server.stop(0.1)


def make_event(type_: str, **options: Any) -> dict[str, Any]:
    named = {"source": "platform", "recipient": "xmccb", "subject": "DD-1", **options}
    return example(type_, now_us=QuickClock().now(), **named)


def encode(event: Mapping[str, Any]) -> bytes:
    return encode_compact(event)


def digest(body: bytes) -> str:
    return sm3_hex(body)


def entries(path: Path, kind: str) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]
