"""Institutions for the fairness benchmark, all in one process: each has its key and its path, one of them can hang.

Run by `bench.fairness`: `python -m bench.ward FOLDER SICK`; the port goes to stdout. `/arrivals` tells when each
message came first (Unix seconds), `/hang` and `/answer` change how SICK behaves.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from gateway.core.wire.authorization import parse_authorization
from gateway.core.wire.receipt import Receipt, encode_receipt
from gateway.core.wire.response import format_response_headers
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import Answer, CryptoPool
from gateway.net.messages import RawRequest, RawResponse
from gateway.net.server import start_server

LIMIT = 1 << 20


@dataclass(slots=True)
class Ward:
    """The institutions of `keys`; `sick` answers only while `well` is set."""

    keys: dict[str, PrivateKey]
    sick: str
    crypto: CryptoPool = field(default_factory=lambda: CryptoPool(default_provider(), 2))
    arrivals: dict[str, float] = field(default_factory=dict)
    well: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, raw: RawRequest) -> RawResponse:
        """A push to `/<name>`, or a command."""
        name = raw.target.strip("/")
        if name in self.keys:
            return await self._take(raw, name)
        {"hang": self.well.clear, "answer": self.well.set}.get(name, int)()
        return RawResponse(status=200, body=json.dumps(self.arrivals).encode(), headers={})

    async def _take(self, raw: RawRequest, name: str) -> RawResponse:
        body = await raw.read(LIMIT)
        number = json.loads(body)["id"]
        self.arrivals.setdefault(number, time.time())
        if name == self.sick:
            await self.well.wait()
        receipt = encode_receipt(Receipt(id=number, digest=sm3_hex(body), status="ACCEPTED"))
        nonce = parse_authorization(raw.headers["authorization"]).nonce
        answer = Answer(private=self.keys[name], timestamp=int(time.time()), nonce=nonce, body=receipt)
        headers = format_response_headers(await self.crypto.sign_response(answer))
        return RawResponse(status=200, body=receipt, headers=headers)


def read_keys(folder: Path) -> dict[str, PrivateKey]:
    """Each institution's key by its name."""
    return {path.stem: PrivateKey.from_pem(path.read_bytes()) for path in folder.glob("*.pem")}


async def main(keys: dict[str, PrivateKey], sick: str) -> None:
    """Serve until killed."""
    ward = Ward(keys, sick)
    ward.well.set()
    server = await start_server(ward.handle, host="127.0.0.1", port=0)
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(read_keys(Path(sys.argv[1])), sys.argv[2]))
