from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from gateway.conformance.case_reading import load_cases
from gateway.conformance.cases import KINDS, MODES
from gateway.conformance.checks import CHECKS
from gateway.conformance.exchanges import PUSH
from gateway.conformance.judging import judge_run
from gateway.conformance.practice import judge_folder
from tests.conformance.play import examine, failures, honest

BUSINESS = ("order-issued", "payment-made", "released", "account-opened", "reconciliation", "mailbox-polled")


@pytest.mark.parametrize(
    ("kind", "mode", "selected"),
    [
        ("bank", "push", None),
        ("guarantor", "pull", None),
        ("bank", "pull", BUSINESS),
        ("insurer", "push", BUSINESS),
        ("insurer", "pull", BUSINESS),
        ("guarantor", "push", BUSINESS),
    ],
)
async def test_honest_institution_passes(
    kind: str, mode: str, selected: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """The honest simulator of each kind, pushing and pulling, passes with nothing failing, in two minutes."""
    async with honest(kind, mode, tmp_path / "ledger.jsonl") as seat:
        stored = await examine(seat, tmp_path / "kit", selected=selected)
    assert failures(stored) == []
    assert stored.verdict.verdict == "pass"
    assert stored.run.ended_at - stored.run.started_at < 120 * 1_000_000
    assert stored.run.institution == "fjbank"


def test_size() -> None:
    """The kit holds at least 120 assertions for each profile, every one with a title, a clause and advice."""
    cases = load_cases()
    for mode, kind in product(MODES, KINDS):
        assert sum(len(case.expectations) for case in cases if case.applies_to(mode, kind)) >= 120
    assert all(check.title and check.expected and check.advice for check in CHECKS.values())
    assert all(expectation.clause for case in cases for expectation in case.expectations)


async def test_judged_again(tmp_path: Path) -> None:
    """A stored run is judged from its exchanges alone; without them nothing passes."""
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat:
        stored = await examine(seat, tmp_path / "kit", selected=("handshake",))
    cases = [judgement.case for judgement in stored.verdict.judgements]
    assert judge_folder(stored.folder, cases).verdict == stored.verdict
    assert judge_run(stored.run, cases, []).verdict == "fail"


async def test_a_late_answer_fails(tmp_path: Path) -> None:
    """An authenticity query answered after more than its 30 seconds is told so, whenever the run is judged."""
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat:
        stored = await examine(seat, tmp_path / "kit", selected=("first-answer",))
    cases = [judgement.case for judgement in stored.verdict.judgements]

    def answered_after(seconds: int) -> list[str]:
        (sent,) = [item for item in stored.exchanges if item.case == "first-answer" and item.way == PUSH]
        moved = [
            replace(item, at=sent.at + seconds * 1_000_000) if item.step == "result" else item
            for item in stored.exchanges
        ]
        judged = judge_run(stored.run, cases, moved).judgements
        return [item.id for judgement in judged for item in judgement.assertions if item.verdict != "pass"]

    assert answered_after(29) == []
    assert [name.rpartition("result-")[2] for name in answered_after(31)] == ["in-time"]
