from __future__ import annotations

from pathlib import Path

import pytest

from gateway.conformance.judging import judge_run
from gateway.conformance.practice import judge_folder
from tests.conformance.play import examine, failures, honest


@pytest.mark.parametrize("mode", ["push", "pull"])
@pytest.mark.parametrize("kind", ["bank", "insurer", "guarantor"])
async def test_honest_institution_passes(kind: str, mode: str, tmp_path: Path) -> None:
    """The honest simulator of each kind, pushing and pulling, passes the whole kit with nothing failing."""
    async with honest(kind, mode, tmp_path / "ledger.jsonl") as seat:
        stored = await examine(seat, tmp_path / "kit")
    assert failures(stored) == []
    assert stored.verdict.verdict == "pass"
    assert stored.run.institution == "fjbank"


async def test_judged_again(tmp_path: Path) -> None:
    """A stored run is judged from its exchanges alone; without them nothing passes."""
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat:
        stored = await examine(seat, tmp_path / "kit", selected=("handshake",))
    cases = [judgement.case for judgement in stored.verdict.judgements]
    assert judge_folder(stored.folder, cases).verdict == stored.verdict
    assert judge_run(stored.run, cases, []).verdict == "fail"
