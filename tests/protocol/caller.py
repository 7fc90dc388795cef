"""A client written from the protocol's text alone: it builds its own bytes and signed strings, and believes nothing.

Every answer is either wholly unsigned or verifies with the gateway's key, our nonce and a fresh timestamp.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gateway.catalogue import example
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.libcrypto import default_provider
from tests.harness.gateway import Gateway
from tests.harness.masking_watch import WATCH

PATIENCE = 20.0
SCHEME = "GZBZJ1-SM2-WITH-SM3"
SIGNATURE_HEADERS = ("gzbzj-serial", "gzbzj-timestamp", "gzbzj-nonce", "gzbzj-signature")


def sign(key: PrivateKey, *lines: bytes | str) -> str:
    """Base64 of the SM2 signature over the lines, each ended by LF."""
    text = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    return base64.b64encode(default_provider().sign(key, text)).decode()


def verify(key: PublicKey, signature: str, *lines: bytes | str) -> None:
    """Raise unless the signature is this key's over the lines."""
    text = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    default_provider().verify(key, base64.b64decode(signature, validate=True), text)


def parameters(value: str) -> dict[str, str]:
    """The parameters of an Authorization value."""
    scheme, _, rest = value.partition(" ")
    assert scheme == SCHEME
    pairs = (item.strip().partition("=") for item in rest.split(","))
    return {name: text.strip('"') for name, _, text in pairs}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came: `signed` tells whether it was, and then it verified."""

    status: int
    headers: dict[str, str]
    body: bytes
    signed: bool

    @property
    def doc(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.doc["code"])

    @property
    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.doc["errors"]]


async def exchange(port: int, data: bytes | Sequence[bytes]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Send bytes on a connection of their own; status, headers and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(data if isinstance(data, bytes) else b"".join(data))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])]
            size = int(dict(headers).get("content-length", "0"))
            body = await reader.readexactly(size)
    finally:
        writer.close()
    return int(head[0].split(" ")[1]), headers, body


@dataclass(frozen=True, slots=True)
class Caller:
    """One party's client. `key` is the name of a key in the gateway's `keys`."""

    gateway: Gateway
    sender: str
    key: str

    def authorization(
        self, method: str, target: str | bytes, body: bytes, *, nonce: str, timestamp: int | None = None, **given: str
    ) -> str:
        """The header value for a request; `given` replaces parameters after signing."""
        key = self.gateway.keys[self.key]
        instant = str(self.gateway.clock.now() // 1_000_000 if timestamp is None else timestamp)
        values = {
            "sender_id": self.sender,
            "serial_no": key.serial_no,
            "timestamp": instant,
            "nonce_str": nonce,
            "signature": sign(key, method, target, instant, nonce, body),
        }
        return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in (values | given).items())

    async def call(
        self,
        method: str,
        target: str | bytes,
        body: bytes = b"",
        *,
        nonce: str | None = None,
        timestamp: int | None = None,
        over: bytes | None = None,
        authorizations: Sequence[str | bytes] | None = None,
        headers: Sequence[tuple[str, str]] = (),
        chunked: bool = False,
        declared: int | None = None,
        **given: str,
    ) -> Answer:
        """One request; `over` is the body that is signed if not the one that is sent."""
        nonce = nonce or secrets.token_hex(16)
        if authorizations is None:
            signed = body if over is None else over
            authorizations = [self.authorization(method, target, signed, nonce=nonce, timestamp=timestamp, **given)]
        lines = [("Host", "gateway.example"), *headers]
        lines += [("Authorization", value) for value in authorizations]  # type: ignore[misc]
        sent = body
        if chunked:
            lines.append(("Transfer-Encoding", "chunked"))
            sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif body or method != "GET":
            lines.append(("Content-Length", str(len(body) if declared is None else declared)))
        head = b"%s %s HTTP/1.1\r\n" % (method.encode(), _bytes(target))
        head += b"".join(b"%s: %s\r\n" % (name.encode(), _bytes(value)) for name, value in lines)
        return self._judge(await exchange(self.gateway.port, head + b"\r\n" + sent), nonce)

    async def post(
        self, body: bytes | dict[str, Any], *, media: str | None = "application/cloudevents+json", **more: Any
    ) -> Answer:
        """Send a message."""
        raw = body if isinstance(body, bytes) else encode(body)
        headers = [*more.pop("headers", ()), *([("Content-Type", media)] if media is not None else [])]
        return await self.call("POST", more.pop("target", "/v1/messages"), raw, headers=headers, **more)

    async def get(self, target: str, **more: Any) -> Answer:
        """Ask."""
        return await self.call("GET", target, **more)

    async def mailbox(self, query: str = "") -> list[dict[str, Any]]:
        """What stands in the mailbox."""
        answer = await self.get(f"/v1/mailbox{query}")
        assert (answer.status, answer.signed) == (200, True), answer
        return list(answer.doc["messages"])

    async def state(self, source: str, number: str) -> dict[str, Any]:
        """The message as the gateway shows it."""
        answer = await self.get(f"/v1/messages/{source}/{number}")
        assert (answer.status, answer.signed) == (200, True), answer
        return dict(answer.doc)

    def event(self, type_: str, subject: str, **fields: Any) -> dict[str, Any]:
        """A valid event of the caller's."""
        kind = {"picc": "insurer"}.get(self.sender, "bank")
        recipient = fields.pop("recipient", "xmccb" if self.sender == "platform" else "platform")
        data = fields.pop("data", {})
        made = example(
            type_,
            source=self.sender,
            recipient=recipient,
            subject=subject,
            id=fields.pop("id", None),
            kind=kind,
            now_us=self.gateway.clock.now(),
            variant=fields.pop("variant", None),
        )
        return {**made, **fields, "data": {**made["data"], **data}}

    def _judge(self, raw: tuple[int, list[tuple[str, str]], bytes], nonce: str) -> Answer:
        status, headers, body = raw
        found = dict(headers)
        assert len(found) == len(headers), f"a header stands twice: {headers}"
        stands = [name for name in SIGNATURE_HEADERS if name in found]
        if stands:
            assert len(stands) == len(SIGNATURE_HEADERS), f"only {stands}"
            key = self.gateway.keys["gateway"].public
            assert (found["gzbzj-serial"], found["gzbzj-nonce"]) == (key.serial_no, nonce)
            assert found["gzbzj-timestamp"] == str(self.gateway.clock.now() // 1_000_000)
            verify(key, found["gzbzj-signature"], found["gzbzj-timestamp"], nonce, body)
        answer = Answer(status, found, body, bool(stands))
        if status >= HTTPStatus.BAD_REQUEST:
            WATCH.see(f"answer {status}", body.decode("utf-8", "replace"))
        if status >= 400:
            check_problem(answer)
        return answer


def check_problem(answer: Answer) -> None:
    """The form of section 7: a code, a Chinese text that says what to do, a request id, a list of errors."""
    assert answer.headers["content-type"].startswith("application/json")
    doc = answer.doc
    assert set(doc) >= {"code", "message", "requestId", "errors"}
    assert any("\u4e00" <= char <= "\u9fff" for char in doc["message"])
    assert doc["requestId"]
    for error in doc["errors"]:
        assert set(error) >= {"pointer", "rule", "message"}
        assert error["message"]


def check_refused(answer: Answer, *codes: str) -> None:
    """A signed refusal of one of these codes, of bounded size."""
    assert answer.signed
    assert answer.code in codes
    assert len(answer.body) < 64 * 1024


def encode(event: dict[str, Any]) -> bytes:
    """An event's bytes."""
    return json.dumps(event, ensure_ascii=False).encode()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
