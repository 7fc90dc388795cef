"""(e) What the others notice of one institution that hangs: from sending to the push's arrival, at half of capacity.

The same paced load over twenty-one institutions on PostgreSQL and RabbitMQ, one process with every role; in every other
run one of them takes each push and never answers. Only the other twenty are measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from bench.home import Home
from bench.load import Sender, make_bodies, run_load
from gateway.bootstrap.homes import new_key, open_home_store
from gateway.config import load_settings
from gateway.core.party import Party, Standing
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import new_nonce
from gateway.ports import Audit
from tests.harness.postgres import create_database
from tests.harness.services import AMQP_URL, DATABASE_URL

NAMES = [f"bench-{number:02}" for number in range(21)]
SICK = NAMES[-1]
CONNECTIONS, PATIENCE = 32, 120.0
SECONDS = 12.0
"""How long a measured run sends: longer than a push may hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds from sending to arrival, over the healthy institutions."""

    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Messages sent a second, and each round's latencies without and with the sick institution."""

    rate: float
    rounds: Sequence[tuple[Latency, Latency]]


def measure(count: int, rounds: int) -> Fairness:
    """Find the capacity with `count` messages, then run at half of it, with and without the sick one in turn."""
    with tempfile.TemporaryDirectory() as folder, _ward(Path(folder)) as (ward, keys):
        home = _make_home(Path(folder), ward, keys)
        try:
            return _run(_Bench(sender=home.sender(), port=home.serve("all"), ward=ward), count, rounds)
        finally:
            home.close()


@contextmanager
def _ward(folder: Path) -> Iterator[tuple[int, Mapping[str, PrivateKey]]]:
    """The institutions' process: its port and their keys."""
    keys = {name: PrivateKey.generate() for name in NAMES}
    (folder / "ward").mkdir()
    for name, key in keys.items():
        (folder / "ward" / f"{name}.pem").write_text(key.to_pem())
    words = [sys.executable, "-m", "bench.ward", str(folder / "ward"), SICK]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), keys
    finally:
        process.kill()
        process.communicate()


def _make_home(folder: Path, ward: int, keys: Mapping[str, PrivateKey]) -> Home:
    env = {
        "WGG_DATABASE": create_database(os.environ[DATABASE_URL]),
        "WGG_BUS": os.environ[AMQP_URL],
        "WGG_BUS_OPTIONS__PREFIX": f"bench{os.getpid()}z{time.time_ns() % 10**9}",
    }
    home = Home(folder=folder / "home", env=env)
    home.wgg("init", str(home.folder))
    home.make_key("platform")
    home.wgg("platform", "add", "--public-key", home.public("platform"))
    asyncio.run(_register(home, ward, keys))
    return home


async def _register(home: Home, ward: int, keys: Mapping[str, PrivateKey]) -> None:
    """As `wgg institution add` would, at once for all."""
    audit = Audit(actor="bench", action="institution.add", about="bench", reason="bench")
    now = time.time_ns() // 1000
    async with open_home_store(load_settings(home.folder, home.env)) as store:
        for name, key in keys.items():
            party = Party(
                id=name,
                role="institution",
                kind="bank",
                name=name,
                standing=Standing.LIVE,
                adapter="native",
                endpoint=f"http://127.0.0.1:{ward}/{name}",
            )
            registered = new_key(name, key.public.to_pem(), key.public.serial_no, now=now)
            await store.add(party, [registered], now=now, audit=audit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The sender and the ports of the gateway and of the institutions."""

    sender: Sender
    port: int
    ward: int

    def ask(self, word: str) -> dict[str, float]:
        """A command to the ward; when each message arrived."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ward}/{word}") as answer:
            return dict(json.loads(answer.read()))

    def await_all(self, numbers: Sequence[str]) -> dict[str, float]:
        """The arrivals once these have come."""
        until = time.monotonic() + PATIENCE
        while not (arrivals := self.ask("arrivals")).keys() >= set(numbers):
            assert time.monotonic() < until, f"{len(set(numbers) - arrivals.keys())} never arrived"
            time.sleep(0.2)
        return arrivals


def _run(bench: _Bench, count: int, rounds: int) -> Fairness:
    rate = _find_capacity(bench, count) / 2
    pairs = []
    for number in range(rounds):
        well = _measure_once(bench, f"W{number}", rate)
        bench.ask("hang")
        sick = _measure_once(bench, f"S{number}", rate)
        bench.ask("answer")
        bench.await_all(_ids(f"S{number}", _count(rate)))
        pairs.append((well, sick))
    return Fairness(rate=rate, rounds=pairs)


def _find_capacity(bench: _Bench, count: int) -> float:
    """Messages a second from the first one sent to the last one arrived, as fast as it goes."""
    bodies = make_bodies(count=count, recipients=NAMES, prefix="C")
    started = time.time()
    result = asyncio.run(run_load(bench.sender, bodies, port=bench.port, connections=CONNECTIONS))
    assert result.statuses == {202: count}, result.statuses
    arrivals = bench.await_all(_ids("C", count))
    return count / (max(arrivals.values()) - started)


def _measure_once(bench: _Bench, prefix: str, rate: float) -> Latency:
    bodies = make_bodies(count=_count(rate), recipients=NAMES, prefix=prefix)
    requests = [bench.sender.write(body, new_nonce()) for body in bodies]
    sent = asyncio.run(_send_paced(requests, port=bench.port, rate=rate))
    healthy = [number for number in range(len(sent)) if NAMES[number % len(NAMES)] != SICK]
    arrivals = bench.await_all([f"{prefix}-{number}" for number in healthy])
    cuts = quantiles([arrivals[f"{prefix}-{number}"] - sent[number] for number in healthy], n=100)
    return Latency(p95=cuts[94] * 1000, p99=cuts[98] * 1000)


def _count(rate: float) -> int:
    return int(rate * SECONDS)


def _ids(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


async def _send_paced(requests: Sequence[bytes], *, port: int, rate: float) -> list[float]:
    """Send at an even pace, whatever the answers do; when each was due (Unix seconds)."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    senders = [asyncio.create_task(_send_from(queue, port)) for _ in range(CONNECTIONS)]
    started = time.time()
    due = [started + number / rate for number in range(len(requests))]
    for instant, request in zip(due, requests, strict=True):
        await asyncio.sleep(max(0.0, instant - time.time()))
        queue.put_nowait(request)
    for _ in senders:
        queue.put_nowait(None)
    await asyncio.gather(*senders)
    return due


async def _send_from(queue: asyncio.Queue[bytes | None], port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (request := await queue.get()) is not None:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n", 1)[0]))
        assert head.startswith(b"http/1.1 202"), head
    writer.close()
