"""The kit catches every named defect by the case that claims it (issue "the conformance kit", point 7)."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import pytest

from gateway.catalogue import load_catalogue
from gateway.conformance import practice, runner
from gateway.conformance.case_reading import load_cases
from gateway.conformance.runner import Bounds
from gateway.simulator.defect_rows import Defect
from gateway.simulator.defects import DEFECTS
from tests.conformance.claims import CLAIMS, ROWS
from tests.conformance.defective import caught
from tests.conformance.matrix import DOCUMENT, WIDTH, written
from tests.conformance.measuring import CLAIMING, Round, due, enter, keep, load, rows

AT_ONCE = 12
PATIENT = Bounds(wait=60.0, total=300.0)


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The case files and the catalogue are read once for all these runs, which takes longer than a run."""
    monkeypatch.setattr(practice, "load_cases", cache(load_cases))
    monkeypatch.setattr(runner, "load_catalogue", cache(load_catalogue))


def test_every_defect_is_claimed_by_a_case_that_applies() -> None:
    """Each defect has its case, which exists and is held against the institutions that the defect is for."""
    assert set(CLAIMS) == set(DEFECTS)
    cases = {case.id: case for case in load_cases()}
    for name, mode in ROWS:
        assert mode in cases[CLAIMS[name]].modes, name


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("mode", ["push", "pull"])
async def test_each_defect_is_caught(read_once: None, mode: str, part: int, tmp_path: Path) -> None:
    """An institution with one defect fails the case that claims it."""
    names = [name for name, of in ROWS if of == mode][part::4]
    gate = asyncio.Semaphore(AT_ONCE)

    async def escapes(name: str) -> bool:
        async with gate:
            failed = await caught(DEFECTS[name], mode, tmp_path / name, [CLAIMS[name]])
        return CLAIMS[name] not in {item.case.id for item in failed}

    found = await asyncio.gather(*map(escapes, names))
    assert [name for name, escaped in zip(names, found, strict=True) if escaped] == []


@pytest.mark.parametrize("mode", ["push", "pull"])
async def test_without_a_defect_no_claiming_case_fails(read_once: None, mode: str, tmp_path: Path) -> None:
    """The cases that catch the defects catch nothing at an honest institution, however slow the machine."""
    honest = Defect(name="none", title="没有缺陷")
    assert await caught(honest, mode, tmp_path / "honest", sorted(set(CLAIMS.values())), PATIENT) == []


def test_the_document_shows_the_claims() -> None:
    """docs/conformance-matrix.md is what `python -m tests.conformance.matrix` writes."""
    assert DOCUMENT.read_text(encoding="utf-8") == written()


def _read_grid() -> dict[tuple[str, str], str]:
    """The mark of each defect and case in the document's grid."""
    lines = DOCUMENT.read_text(encoding="utf-8").split("```")[1].splitlines()[1:]
    named = [(line[:WIDTH].strip(), line[WIDTH + 1 :].ljust(len(CLAIMING))) for line in lines]
    assert [name for name, _ in named if name] == list(DEFECTS)
    return {(name, case): mark for name, marks in named if name for case, mark in zip(CLAIMING, marks, strict=True)}


def test_the_document_is_the_whole_measurement() -> None:
    """What was measured can be read back from the grid, cell by cell: nothing is left out or summed up."""
    measured, grid = rows(load()), _read_grid()
    caught_in = {"@": ("push", "pull"), "#": ("push", "pull"), ">": ("push",), "<": ("pull",)}
    for (name, mode), row in measured.items():
        assert row.failed == {case for case in CLAIMING if mode in caught_in.get(grid[name, case], ())}, (name, mode)
        assert row.run == {case for case in CLAIMING if grid[name, case] != " "}, (name, mode)


def test_a_row_of_other_cases_is_due(tmp_path: Path) -> None:
    """What was measured with cases that have changed is measured again, takes the old row's place and is kept."""
    old = Round(cases="ab" * 32, claiming=CLAIMING, caught={ROWS[0][0]: {ROWS[0][1]: ["handshake"]}})
    rounds = [old]
    assert list(due(rounds)) == list(ROWS)
    enter(rounds, *ROWS[0], ["first-answer"])
    assert list(due(rounds)) == list(ROWS[1:])
    keep(rounds, tmp_path / "measured.json")
    (kept,) = load(tmp_path / "measured.json")
    assert kept.caught == {ROWS[0][0]: {ROWS[0][1]: ["first-answer"]}}


def test_the_measurement_agrees_with_the_claims() -> None:
    """In the measured matrix every defect, pushed and pulled, fails the case that claims it."""
    measured = rows(load())
    assert [row for row in ROWS if CLAIMS[row[0]] not in measured[row].failed] == []
