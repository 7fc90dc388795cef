"""What `GET /v1/messages` says of every accepted message, asked by its sender, once nothing moves any more."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.crypto.keys import PrivateKey
from tests.chaos.client import Line
from tests.chaos.ledger import now_us

ENDED = frozenset({"delivered", "failed", "cancelled"})
LANES = 8
Shown = dict[tuple[str, str], Mapping[str, Any]]


async def gather(
    keys: Mapping[str, PrivateKey],
    wanted: Sequence[tuple[str, str]],
    apis: list[int],
    *,
    seconds: float,
    now: Callable[[], int] = now_us,
) -> Shown:
    """The last answer for each (source, id); one that has not ended is asked again for `seconds`."""
    shown: Shown = {}
    waiting, end = iter(list(wanted)), time.monotonic() + seconds

    async def lane() -> None:
        line = Line(apis, now)
        for source, number in waiting:
            while (doc := await _show(line, keys[source], source, number)) is None or doc["state"] not in ENDED:
                if time.monotonic() > end:
                    break
                await asyncio.sleep(0.2)
            shown[source, number] = doc or {}
        line.close()

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return shown


async def _show(line: Line, key: PrivateKey, source: str, number: str) -> Mapping[str, Any] | None:
    reply = await line.ask(key, source, "GET", f"/v1/messages/{source}/{number}", b"")
    if reply is None or reply.status >= 429:
        return None
    assert reply.status == 200, reply
    doc: Mapping[str, Any] = json.loads(reply.body)
    return doc
