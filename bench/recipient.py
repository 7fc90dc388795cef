"""A recipient for the benchmarks: receipts every push with a true signature and does nothing else.

Run by `bench.deliver` in a process of its own: `python -m bench.recipient KEY.pem`; the port goes to stdout.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
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


async def main(key: PrivateKey) -> None:
    """Serve until killed."""
    crypto = CryptoPool(default_provider(), 2)

    async def handle(raw: RawRequest) -> RawResponse:
        body = await raw.read(LIMIT)
        receipt = encode_receipt(Receipt(id=json.loads(body)["id"], digest=sm3_hex(body), status="ACCEPTED"))
        nonce = parse_authorization(raw.headers["authorization"]).nonce
        answer = Answer(private=key, timestamp=int(time.time()), nonce=nonce, body=receipt)
        return RawResponse(
            status=200, body=receipt, headers=format_response_headers(await crypto.sign_response(answer))
        )

    server = await start_server(handle, host="127.0.0.1", port=0)
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(PrivateKey.from_pem(Path(sys.argv[1]).read_bytes())))
