"""The floor: the same crypto, the same rows in one grouped commit, one confirmed publish, and nothing else around them.

What no gateway with these promises can do without; the rows go into the product's own tables, indexes and all, and
bodies are sealed as the product seals them. It checks no header but the signature's, no JSON, no state; it trusts its
one sender. Run by `bench.accept` in a process of its own: `python -m bench.floor DATABASE AMQP KEYS`.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pika
import psycopg
import uvloop
from aiohttp import web
from pika.adapters.asyncio_connection import AsyncioConnection

from bench.floor_rows import Row, write_rows
from gateway.core.wire.authorization import parse_authorization
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.response import format_response_headers
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.signer import sign_response, verify_request
from gateway.store.upgrade import upgrade

BATCH = 64
EXCHANGE = "floor.messages"
BANKS = ("bench-a", "bench-b", "bench-c", "bench-d")
ID = re.compile(rb'"id":"([^"]+)"')
RECIPIENT = re.compile(rb'"recipient":"([^"]+)"')


@dataclass(slots=True)
class Waiting:
    """A verified request on its way to the database and the bus."""

    row: Row
    durable: asyncio.Future[None]


class Publisher:
    """Confirmed publishes on one channel; a tag's future ends when the broker confirms it."""

    def __init__(self, url: str) -> None:
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tag = 0
        self._open: dict[int, asyncio.Future[None]] = {}
        AsyncioConnection(pika.URLParameters(url), on_open_callback=lambda c: c.channel(on_open_callback=self._opened))

    async def ready(self) -> None:
        """Return when the topology stands."""
        await self._ready

    def _opened(self, channel: pika.channel.Channel) -> None:
        self._channel = channel
        channel.exchange_declare(EXCHANGE, "topic", durable=True)
        for bank in BANKS:
            channel.queue_declare(bank, durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 20})
            channel.queue_bind(bank, EXCHANGE, f"{bank}.#")
        channel.confirm_delivery(self._confirmed, callback=lambda _: self._ready.set_result(None))

    def _confirmed(self, frame: pika.frame.Method) -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        for one in [t for t in self._open if t <= tag] if multiple else [tag]:
            self._open.pop(one).set_result(None)

    def publish(self, item: Row) -> asyncio.Future[None]:
        """The future of its confirm."""
        self._tag += 1
        future = self._open[self._tag] = asyncio.get_running_loop().create_future()
        properties = pika.BasicProperties(delivery_mode=2, message_id=item.id, headers={"gzbzj-origin": item.origin})
        self._channel.basic_publish(EXCHANGE, f"{item.recipient}.message", item.body, properties, mandatory=True)
        return future


class Floor:
    """Verify, group, commit, publish, sign."""

    def __init__(
        self, connection: psycopg.AsyncConnection, publisher: Publisher, key: PrivateKey, sender: PublicKey
    ) -> None:
        self._connection = connection
        self._publisher = publisher
        self._key = key
        self._sender = sender
        self._pool = ThreadPoolExecutor(2)
        self._queue: list[Waiting] = []
        self._wake = asyncio.Event()
        self.confirmed = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """One message."""
        if request.method == "GET":
            return web.Response(text=str(self.confirmed))
        body, origin = await request.read(), request.headers["Authorization"]
        authorization = parse_authorization(origin)
        run = asyncio.get_running_loop().run_in_executor
        target = request.raw_path
        await run(
            self._pool, lambda: verify_request(self._sender, authorization, method="POST", target=target, body=body)
        )
        id_, recipient, digest = _find(ID, body), _find(RECIPIENT, body), sm3_hex(body)
        told = {"id": id_, "source": "platform", "receiptNo": id_, "digest": digest, "status": "ACCEPTED"}
        receipt = encode_compact(told)
        row = Row(
            serial_no=authorization.serial_no,
            nonce=authorization.nonce,
            origin=origin,
            body=body,
            id=id_,
            recipient=recipient,
            digest=digest,
            receipt=receipt,
        )
        item = Waiting(row, asyncio.get_running_loop().create_future())
        self._queue.append(item)
        self._wake.set()
        await item.durable
        nonce, now = authorization.nonce, int(time.time())
        signature = await run(self._pool, lambda: sign_response(self._key, timestamp=now, nonce=nonce, body=receipt))
        return web.Response(status=202, body=receipt, headers=format_response_headers(signature))

    async def commit(self) -> None:
        """Group commits, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                await write_rows(self._connection, [item.row for item in batch], now=time.time_ns() // 1000)
                for item in batch:
                    item.durable.set_result(None)
                    self._publisher.publish(item.row).add_done_callback(self._count)

    def _count(self, _: asyncio.Future[None]) -> None:
        self.confirmed += 1


def _find(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    assert found is not None
    return found.group(1).decode()


async def main(database: str, amqp: str, keys: Path) -> None:
    """Serve until killed; the port goes to stdout."""
    upgrade(database)
    connection = await psycopg.AsyncConnection.connect(database)
    publisher = Publisher(amqp)
    await publisher.ready()
    gateway = PrivateKey.from_pem((keys / "gateway.pem").read_bytes())
    floor = Floor(connection, publisher, gateway, PublicKey.from_pem((keys / "platform.pub.pem").read_bytes()))
    server = await asyncio.get_running_loop().create_server(web.Server(floor.handle), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await floor.commit()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
