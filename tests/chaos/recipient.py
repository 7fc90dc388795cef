"""A recipient as the protocol wants it, with a ledger; how it behaves can be changed while it runs.

`python -m tests.chaos.recipient CONFIG.json` runs one in a process of its own. It believes nothing: the push must be
the gateway's, the origin the sender's, the recipient itself; a message that it holds earns its receipt and no action.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from gateway.core.errors import Problem
from gateway.core.wire.authorization import Authorization, format_authorization, parse_authorization
from gateway.core.wire.receipt import Receipt, encode_receipt
from gateway.core.wire.response import format_response_headers
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import Answer, CryptoPool
from gateway.crypto.signer import new_nonce, sign_request
from gateway.net.messages import RawRequest, RawResponse
from gateway.net.server import start_server
from tests.chaos.ledger import Entry, Ledger, now_us, read_all

LIMIT = 1 << 20
HANG_SECONDS = 60.0
BAD = RawResponse(status=400)
CLOCK_TYPES = ("sla.warning.v1", "sla.breached.v1")


@dataclass
class Recipient:
    """One party's inbox. `keys` are everybody's public keys; `apis` the gateway's ports, for receipts that come late.

    `conduct` is well, error, garbage, reset, hang, half (acts, then resets), torn (acts, then sends half of its
    receipt and resets), late (acts, answers after `seconds`, and brings its receipt to the mailbox), refuse; `share` of
    the pushes meet it, the others go well.
    """

    id: str
    key: PrivateKey
    keys: dict[str, PublicKey]
    ledger: Ledger
    apis: list[int] = field(default_factory=list)
    conduct: str = "well"
    share: float = 1.0
    seconds: float = 3.0
    drops_duplicates: bool = True
    hanging: int = 0
    now: Callable[[], int] = now_us
    held: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    _crypto: CryptoPool = field(default_factory=lambda: CryptoPool(default_provider(), 1))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _errands: set[asyncio.Task[None]] = field(default_factory=set)

    def restore(self, entries: list[Entry]) -> None:
        """Remember what an earlier process acted on."""
        for entry in entries:
            if entry["kind"] == "effect":
                receipt = _receipt(entry["id"], entry["digest"], "ACCEPTED")
                self.held[entry["source"], entry["id"]] = (entry["digest"], receipt)

    def behave(self, how: dict[str, Any]) -> None:
        """Change the conduct; whoever hangs is let go."""
        self.conduct = how.get("conduct", "well")
        self.share = how.get("share", 1.0)
        self.seconds = how.get("seconds", 3.0)
        self._changed.set()
        self._changed = asyncio.Event()

    async def handle(self, raw: RawRequest) -> RawResponse:
        """A push, or an order of the harness."""
        body = await raw.read(LIMIT)
        if raw.target == "/conduct":
            self.behave(json.loads(body))
            return RawResponse(status=204)
        conduct = self.conduct if random.random() < self.share else "well"
        return await getattr(self, f"_{conduct}")(raw, body)

    async def _well(self, raw: RawRequest, body: bytes) -> RawResponse:
        try:
            receipt = await self.take(raw, body)
        except Problem as problem:
            await self.ledger.write({"kind": "forged", "source": "?", "id": "?", "why": problem.message})
            return BAD
        return await self._sign(raw, receipt)

    async def _error(self, raw: RawRequest, body: bytes) -> RawResponse:
        return RawResponse(status=503)

    async def _garbage(self, raw: RawRequest, body: bytes) -> RawResponse:
        return RawResponse(status=200, body=random.randbytes(200))

    async def _reset(self, raw: RawRequest, body: bytes) -> RawResponse:
        transport = raw._request.transport
        if transport is not None:
            transport.abort()
        return BAD

    async def _hang(self, raw: RawRequest, body: bytes) -> RawResponse:
        self.hanging += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(HANG_SECONDS):
                await self._changed.wait()
        self.hanging -= 1
        return await self._reset(raw, body)

    async def _half(self, raw: RawRequest, body: bytes) -> RawResponse:
        await self._well(raw, body)
        return await self._reset(raw, body)

    async def _torn(self, raw: RawRequest, body: bytes) -> RawResponse:
        answer = await self._well(raw, body)
        size = len(answer.body)

        async def tear() -> AsyncIterator[bytes]:
            yield answer.body[: size // 2]
            await self._reset(raw, body)

        return RawResponse(status=answer.status, headers={**answer.headers, "Content-Length": str(size)}, stream=tear())

    async def _late(self, raw: RawRequest, body: bytes) -> RawResponse:
        answer = await self._well(raw, body)
        await asyncio.sleep(self.seconds)
        errand = asyncio.create_task(asyncio.to_thread(self._bring, raw.headers["gzbzj-delivery"], answer.body))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)
        return answer

    async def _refuse(self, raw: RawRequest, body: bytes) -> RawResponse:
        event = json.loads(body)
        if (event["source"], event["id"]) in self.held or event["source"] == "gateway":
            return await self._well(raw, body)
        await self.ledger.write({"kind": "refusal", "source": event["source"], "id": event["id"]})
        return await self._sign(raw, _receipt(event["id"], sm3_hex(body), "REFUSED", code="NO", message="不予受理"))

    async def take(self, raw: RawRequest, body: bytes) -> bytes:
        """Check, act once, and give the receipt. Raises Problem for what is not the gateway's and the sender's."""
        await self._check(raw, body)
        event, digest = json.loads(body), sm3_hex(body)
        key = (event["source"], event["id"])
        known = self.held.get(key)
        if known is not None and known[0] != digest:
            raise Problem("MESSAGE_ID_CONFLICT")
        again = known is not None and self.drops_duplicates
        receipt = _receipt(event["id"], digest, "ACCEPTED")
        self.held[key] = (digest, receipt)
        await self.ledger.write(_entry("duplicate" if again else "effect", event, digest))
        return receipt

    async def _check(self, raw: RawRequest, body: bytes) -> None:
        push = parse_authorization(raw.headers.get("authorization", ""))
        await self._crypto.verify_request(
            self._key("gateway", push), push, method=raw.method, target=raw.target, body=body
        )
        event, origin = json.loads(body), parse_authorization(raw.headers.get("gzbzj-origin", ""))
        if event["recipient"] != self.id or origin.sender_id != event["source"]:
            raise Problem("RECIPIENT_NOT_PERMITTED")
        key = self._key(event["source"], origin)
        await self._crypto.verify_request(key, origin, method="POST", target="/v1/messages", body=body)

    def _key(self, owner: str, proof: Authorization) -> PublicKey:
        key = self.keys.get(owner)
        if key is None or key.serial_no != proof.serial_no or proof.sender_id != owner:
            raise Problem("KEY_UNKNOWN")
        return key

    async def _sign(self, raw: RawRequest, receipt: bytes) -> RawResponse:
        nonce = parse_authorization(raw.headers["authorization"]).nonce
        answer = Answer(private=self.key, timestamp=self.now() // 1_000_000, nonce=nonce, body=receipt)
        headers = format_response_headers(await self._crypto.sign_response(answer))
        return RawResponse(status=200, body=receipt, headers=headers)

    def _bring(self, delivery: str, receipt: bytes) -> None:
        """The receipt again, to the mailbox, once: it may fail, for the gateway will push again."""
        target = f"/v1/mailbox/{delivery}/receipt"
        proof = sign_request(
            self.key,
            sender_id=self.id,
            method="POST",
            target=target,
            timestamp=self.now() // 1_000_000,
            nonce=new_nonce(),
            body=receipt,
        )
        line = http.client.HTTPConnection("127.0.0.1", random.choice(self.apis), timeout=5)
        try:
            line.request("POST", target, receipt, {"Authorization": format_authorization(proof)})
            line.getresponse().read()
        except (OSError, http.client.HTTPException):
            return
        finally:
            line.close()


def _receipt(number: str, digest: str, status: str, **more: str) -> bytes:
    return encode_receipt(Receipt(id=number, digest=digest, status=status, **more))  # type: ignore[arg-type]


def _entry(kind: str, event: Entry, digest: str) -> Entry:
    data = event["data"]
    about = [data["source"], data["id"]] if event["type"] == "message.failed.v1" else None
    clock = [data["clockNo"], data.get("percent", 100)] if event["type"] in CLOCK_TYPES else None
    named = {name: event[name] for name in ("source", "id", "type", "subject")}
    return {"kind": kind, "digest": digest, "about": about, "clock": clock, **named}


def make_recipient(given: dict[str, Any]) -> Recipient:
    """The recipient that a configuration describes, with the memory of its ledger."""
    path = Path(given["ledger"])
    recipient = Recipient(
        id=given["id"],
        key=PrivateKey.from_pem(Path(given["key"]).read_bytes()),
        keys={name: PublicKey.from_pem(Path(file).read_text()) for name, file in given["keys"].items()},
        ledger=Ledger(path),
        apis=given["apis"],
    )
    recipient.restore(read_all(path))
    return recipient


async def serve(recipient: Recipient, port: int) -> None:
    """Serve until killed."""
    await start_server(recipient.handle, host="127.0.0.1", port=port)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text())
    uvloop.run(serve(make_recipient(told), told["port"]))
