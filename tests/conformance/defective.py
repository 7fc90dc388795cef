"""The kit against an institution with one named defect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.conformance.judging import Judgement
from gateway.conformance.runner import Bounds
from gateway.simulator import Institution, InstitutionOptions, SystemClock
from gateway.simulator.defect_rows import Defect
from tests.conformance.play import KEY, Seat, examine
from tests.harness.processes import free_port

# A defect that keeps silent is caught by waiting: what an honest institution does in milliseconds gets seconds here.
IMPATIENT = Bounds(wait=4.0, answer=4.0, first_poll=4.0, total=60.0, quiet=0.7)


@asynccontextmanager
async def seated(defect: Defect, mode: str, ledger: Path, kind: str = "bank") -> AsyncIterator[Seat]:
    """The institution, running."""
    port = free_port()
    options = InstitutionOptions(
        identity=defect.identify("fjbank", KEY),
        gateway=f"http://127.0.0.1:{port}",
        ledger=ledger,
        port=0 if mode == "push" else None,
        kind=kind,
        wait=2,
        habits=defect.make_habits(),
        stop_grace=0.1,
    )
    institution = Institution(options, SystemClock())
    await institution.start()
    try:
        endpoint = f"http://127.0.0.1:{institution.port}/inbox?from=gw" if mode == "push" else None
        yield Seat(endpoint=endpoint, port=port, kind=kind)
    finally:
        await institution.stop()


async def caught(
    defect: Defect, mode: str, folder: Path, selected: Sequence[str] | None, bounds: Bounds = IMPATIENT
) -> list[Judgement]:
    """The judgements that are neither pass nor skip."""
    Path(folder).mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a moment, before the run
    async with seated(defect, mode, folder / "ledger.jsonl") as seat:
        stored = await examine(
            seat, folder / "kit", selected=None if selected is None else tuple(selected), bounds=bounds,
            institution="fjbank",
        )  # fmt: skip
    return [item for item in stored.verdict.judgements if item.verdict not in ("pass", "skip")]
