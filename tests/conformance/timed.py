"""`make practice`: the whole kit against the honest simulator of each kind, pushed to and pulling, and the time."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from itertools import product
from pathlib import Path

from gateway.conformance.cases import KINDS, MODES
from tests.conformance.play import examine, failures, honest

LIMIT_S = 120


async def measure(kind: str, mode: str, folder: Path) -> bool:
    """Print one line; whether everything passed in time."""
    async with honest(kind, mode, folder / "ledger.jsonl") as seat:
        stored = await examine(seat, folder / "kit")
    counts, seconds = stored.verdict.counts, (stored.run.ended_at - stored.run.started_at) / 1_000_000
    asserted = sum(stored.verdict.assertion_counts.values())
    print(
        f"{kind:<10} {mode:<5} {counts.get('pass', 0):>4} cases {asserted:>5} assertions {seconds:6.1f} s", flush=True
    )
    print(*failures(stored), sep="\n", end="", file=sys.stderr)
    return stored.verdict.verdict == "pass" and seconds < LIMIT_S


async def measure_all() -> bool:
    """Each kind and mode, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        places = [(kind, mode, Path(folder) / f"{kind}-{mode}") for kind, mode in product(KINDS, MODES)]
        for _, _, place in places:
            place.mkdir()
        return all([await measure(*each) for each in places])


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(measure_all()) else 3)
