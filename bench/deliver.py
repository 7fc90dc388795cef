"""(c), (d) From accept to delivered through the native adapter, every receipt verified and recorded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.home import Home
from bench.load import make_bodies, run_load
from gateway.crypto.keys import PrivateKey
from tests.harness.postgres import create_database
from tests.harness.services import AMQP_URL, DATABASE_URL

CONNECTIONS = 32
BANKS = ("bench-a", "bench-b", "bench-c", "bench-d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One run: messages delivered a second from the first accept to the last receipt, resident MiB of the server."""

    rate: float
    resident: float


def run_postgres(count: int) -> Delivered:
    """(c) PostgreSQL and RabbitMQ, one process with every role."""
    env = {
        "WGG_DATABASE": create_database(os.environ[DATABASE_URL]),
        "WGG_BUS": os.environ[AMQP_URL],
        "WGG_BUS_OPTIONS__PREFIX": f"bench{os.getpid()}y{time.time_ns() % 10**9}",
    }
    return _run(env, count)


def run_embedded(count: int) -> Delivered:
    """(d) SQLite and the local bus."""
    return _run({}, count)


def _run(env: dict[str, str], count: int) -> Delivered:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder=Path(folder) / "home", env=env)
        home.wgg("init", str(home.folder))
        home.make_key("platform")
        home.wgg("platform", "add", "--public-key", home.public("platform"))
        with _recipients(Path(folder)) as endpoints:
            for name, endpoint in endpoints.items():
                _register(home, name, endpoint)
            try:
                return _measure(home, count)
            finally:
                home.close()


@contextmanager
def _recipients(folder: Path) -> Iterator[dict[str, str]]:
    """One process per bank, each with a key of its own."""
    processes: dict[str, subprocess.Popen[str]] = {}
    try:
        for name in BANKS:
            key = PrivateKey.generate()
            (folder / f"{name}.pem").write_text(key.to_pem())
            (folder / f"{name}.pub.pem").write_text(key.public.to_pem())
            words = [sys.executable, "-m", "bench.recipient", str(folder / f"{name}.pem")]
            processes[name] = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        yield {name: f"http://127.0.0.1:{_port(process)}/push" for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def _register(home: Home, name: str, endpoint: str) -> None:
    home.wgg(
        *("institution", "add", "--id", name, "--kind", "bank", "--name", name, "--live"),
        *("--public-key", home.public(name), "--adapter", "native", "--endpoint", endpoint),
    )


def _measure(home: Home, count: int) -> Delivered:
    port = home.serve("all")
    bodies = make_bodies(count=count, recipients=BANKS, prefix="D")
    started = time.perf_counter()
    result = asyncio.run(run_load(home.sender(), bodies, port=port, connections=CONNECTIONS))
    assert result.statuses == {202: count}, result.statuses
    while _delivered(port) < count:
        time.sleep(0.05)
    return Delivered(rate=count / (time.perf_counter() - started), resident=home.resident_mib())


def _delivered(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    name = "wgg_delivery_attempts_total{"
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(name) and '"delivered"' in line)
