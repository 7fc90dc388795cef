"""(b) Durable signed accepts per second, roles api and relay over PostgreSQL and RabbitMQ, beside the floor.

A message counts when its 202 is out and its publish is confirmed and marked (for the floor: confirmed).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.home import Home, make_home
from bench.load import Result, Sender, make_bodies, run_load
from gateway.crypto.keys import PrivateKey
from tests.harness.postgres import create_database
from tests.harness.services import AMQP_URL, DATABASE_URL

CONNECTIONS = 64
ENDPOINT = "http://127.0.0.1:9/none"
BANKS = ("bench-a", "bench-b", "bench-c", "bench-d")
STAGES = ("verify", "parse", "commit", "sign")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: messages a second, latencies in milliseconds, microseconds by stage, MiB of the largest process."""

    rate: float
    p50: float
    p99: float
    stages: dict[str, float]
    resident: float


def run_gateway(count: int) -> Run:
    """The product."""
    with tempfile.TemporaryDirectory() as folder:
        database = create_database(os.environ[DATABASE_URL])
        env = {
            "WGG_DATABASE": database,
            "WGG_BUS": os.environ[AMQP_URL],
            "WGG_BUS_OPTIONS__PREFIX": f"bench{os.getpid()}x{time.time_ns() % 10**9}",
        }
        home = make_home(Path(folder) / "home", env, BANKS, endpoint=ENDPOINT)
        try:
            return _measure(home, database, count)
        finally:
            home.close()


def _measure(home: Home, database: str, count: int) -> Run:
    port = home.serve("api")
    home.serve("relay")
    sender = home.sender()
    warm = make_bodies(count=200, recipients=BANKS, prefix="W")
    asyncio.run(run_load(sender, warm, port=port, connections=CONNECTIONS))
    bodies = make_bodies(count=count, recipients=BANKS, prefix="B")
    before = _stages(port)
    started = time.perf_counter()
    result = asyncio.run(run_load(sender, bodies, port=port, connections=CONNECTIONS))
    _await_marks(database, count + len(warm))
    elapsed = time.perf_counter() - started
    assert result.statuses == {202: count}, result.statuses
    after = _stages(port)
    stages = {
        name: (after[name][0] - before[name][0]) / max(1, after[name][1] - before[name][1]) * 1e6 for name in STAGES
    }
    return _run(result, count / elapsed, stages, home.resident_mib())


def _await_marks(database: str, count: int) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT count(*) FROM deliveries WHERE published_at IS NOT NULL").fetchone()
            if row and row[0] >= count:
                return
            time.sleep(0.02)


def _stages(port: int) -> dict[str, tuple[float, float]]:
    """Seconds and count of each stage so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line and line[0] != "#")
    name = "wgg_accept_stage_seconds"
    return {
        stage: (
            float(lines.get(f'{name}_sum{{stage="{stage}"}}', 0)),
            float(lines.get(f'{name}_count{{stage="{stage}"}}', 0)),
        )
        for stage in STAGES
    }


def run_floor(count: int) -> Run:
    """The floor."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder)
        platform, gateway = PrivateKey.generate(), PrivateKey.generate()
        (keys / "platform.pub.pem").write_text(platform.public.to_pem())
        (keys / "gateway.pem").write_text(gateway.to_pem())
        words = [sys.executable, "-m", "bench.floor", create_database(os.environ[DATABASE_URL]), os.environ[AMQP_URL]]
        with subprocess.Popen([*words, str(keys)], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                sender = Sender(key=platform, gateway=gateway.public)
                return _measure_floor(int(process.stdout.readline()), sender, count)
            finally:
                process.kill()


def _measure_floor(port: int, sender: Sender, count: int) -> Run:
    warm = make_bodies(count=200, recipients=BANKS, prefix="W")
    asyncio.run(run_load(sender, warm, port=port, connections=CONNECTIONS))
    bodies = make_bodies(count=count, recipients=BANKS, prefix="B")
    started = time.perf_counter()
    result = asyncio.run(run_load(sender, bodies, port=port, connections=CONNECTIONS))
    while int(urllib.request.urlopen(f"http://127.0.0.1:{port}/confirmed").read()) < count + len(warm):
        time.sleep(0.02)
    elapsed = time.perf_counter() - started
    assert result.statuses == {202: count}, result.statuses
    return _run(result, count / elapsed, {}, 0)


def _run(result: Result, rate: float, stages: dict[str, float], resident: float) -> Run:
    return Run(rate=rate, p50=result.percentile(50), p99=result.percentile(99), stages=stages, resident=resident)
