"""The kit against an institution in one process."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.conformance.judging import Judgement
from gateway.conformance.practice import Order, Stored, judge_folder, prepare
from gateway.conformance.runner import Bounds
from gateway.crypto.keys import PrivateKey
from gateway.ports import Clock
from gateway.simulator import Institution, InstitutionOptions, KeyIdentity, SystemClock
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.identity import Identity
from tests.harness.processes import free_port

KEY = PrivateKey.generate()
HANDSHAKE = """title: 只有握手
cases:
  - id: handshake
    title: 握手
    clause: 协议 6
    level: mandatory
    direction: to-institution
    steps:
      - {do: send, as: query, type: authenticity.query.v1}
    expectations:
      - {of: query, check: accepted}
"""


def now() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Where an institution under test sits: its endpoint (None when it pulls) and the port the kit must take."""

    endpoint: str | None
    port: int
    kind: str


@asynccontextmanager
async def honest(
    kind: str,
    mode: str,
    ledger: Path,
    identity: Identity | None = None,
    *,
    clock: Clock | None = None,
    habits: Habits = HONEST,
) -> AsyncIterator[Seat]:
    """The honest simulator, as fjbank with KEY on the machine's clock unless told otherwise."""
    port = free_port()
    options = InstitutionOptions(
        identity=identity or KeyIdentity("fjbank", KEY),
        gateway=f"http://127.0.0.1:{port}",
        ledger=ledger,
        port=0 if mode == "push" else None,
        kind=kind,
        wait=2,
        habits=habits,
    )
    institution = Institution(options, clock or SystemClock())
    await institution.start()
    try:
        endpoint = f"http://127.0.0.1:{institution.port}/inbox?from=gw" if mode == "push" else None
        yield Seat(endpoint=endpoint, port=port, kind=kind)
    finally:
        await institution.stop()


async def examine(
    seat: Seat,
    folder: Path,
    *,
    tell: Callable[[Any], None] = lambda _: None,
    clock: Callable[[], int] = now,
    **changes: Any,
) -> Stored:
    bounds = Bounds(wait=60.0, total=300.0)  # generous: a busy machine is not a failing institution
    fields = {
        "bounds": bounds,
        "publics": (KEY.public,),
        "endpoint": seat.endpoint,
        "port": seat.port,
        "kind": seat.kind,
        **changes,
    }
    runner, cases = prepare(Order(folder=folder, **fields), now=clock, tell=tell)
    run = await runner.perform()
    return judge_folder(folder / "runs" / run.id, cases)


def write_handshake(folder: Path) -> Path:
    """A folder of case files with the handshake alone."""
    folder.mkdir()
    (folder / "one.yaml").write_text(HANDSHAKE, encoding="utf-8")
    return folder


def failures(stored: Stored) -> list[str]:
    """What did not pass, with what came instead."""
    bad = [item for item in stored.verdict.judgements if item.verdict not in ("pass", "skip")]
    return [f"{item.case.id} {item.verdict} {item.text} {_tell(item)}" for item in bad]


def _tell(judgement: Judgement) -> str:
    return "; ".join(f"{item.id}: {item.got}" for item in judgement.assertions if item.verdict != "pass")
