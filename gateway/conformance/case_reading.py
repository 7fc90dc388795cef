"""The case files read into cases; every mistake is told with file, line and field.

The JSON Schema catches the form; here the names are held against the kit's tables and against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.catalogue import CatalogueError, Mistake
from gateway.catalogue.case_files import read_case_files
from gateway.catalogue.marks import Marked
from gateway.conformance.cases import KINDS, MODES, Case, Expectation, Step
from gateway.conformance.checks import CHECKS
from gateway.conformance.faults import FAULTS

_OWN: Final = frozenset({"do", "as"})
_NAMING: Final = ("of", "id_of", "nonce_of", "answers")
_EXPECTED: Final = frozenset({"of", "check", "level", "clause"})


def load_cases(folder: Path | None = None) -> tuple[Case, ...]:
    """Every case of a folder, by default the published ones; CatalogueError holds every mistake of the files."""
    documents, mistakes = read_case_files(folder)
    entries = [entry for document in documents for entry in document.value["cases"].value]
    mistakes += [*_find_repeats(entries), *(found for entry in entries for found in _find_mistakes(entry))]
    if not mistakes and not documents:
        mistakes = [Mistake(file=str(folder), field="-", text="没有用例文件（*.yaml）")]
    if mistakes:
        raise CatalogueError(mistakes, "一致性测试用例有误")
    return tuple(_read(entry.plain()) for entry in entries)


def _find_repeats(entries: list[Marked]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for entry in entries:
        given = entry.value["id"]
        if given.value in seen:
            yield given.blame(f"用例编号 {given.value} 重复")
        seen.add(given.value)


def _find_mistakes(entry: Marked) -> Iterator[Mistake]:
    names: set[str] = set()
    for step in entry.value["steps"].value:
        yield from _find_step_mistakes(step, names)
        names.add(step.value["as"].value)
    for name, faults in (entry.value["faults"].value if "faults" in entry.value else {}).items():
        if name not in names:
            yield faults.blame(f"没有名为 {name} 的步骤")
        yield from (fault.blame(f"没有故障 {fault.value}") for fault in faults.value if fault.value not in FAULTS)
    for expectation in entry.value["expectations"].value:
        yield from _find_expectation_mistakes(expectation, names)


def _find_step_mistakes(step: Marked, names: set[str]) -> Iterator[Mistake]:
    given = step.value
    if given["as"].value in names:
        yield given["as"].blame(f"步骤名 {given['as'].value} 重复")
    for member in _NAMING:
        if member in given and given[member].value not in names:
            yield given[member].blame(f"前面没有名为 {given[member].value} 的步骤")


def _find_expectation_mistakes(expectation: Marked, names: set[str]) -> Iterator[Mistake]:
    given = expectation.value
    if given["of"].value not in names:
        yield given["of"].blame(f"没有名为 {given['of'].value} 的步骤")
    checks = given["check"].value if isinstance(given["check"].value, list) else [given["check"]]
    yield from (check.blame(f"没有判据 {check.value}") for check in checks if check.value not in CHECKS)
    known = (check.value for check in checks if check.value in CHECKS)
    for check in known:
        yield from (
            expectation.blame(f"判据 {check} 须写明 {need}", need) for need in CHECKS[check].needs if need not in given
        )


def _read(entry: Mapping[str, Any]) -> Case:
    return Case(
        id=entry["id"],
        title=entry["title"],
        clause=entry["clause"],
        level=entry["level"],
        direction=entry["direction"],
        modes=tuple(entry.get("modes", MODES)),
        kinds=tuple(entry.get("kinds", KINDS)),
        steps=tuple(_read_step(step) for step in entry["steps"]),
        faults={name: tuple(faults) for name, faults in entry.get("faults", {}).items()},
        expectations=tuple(_read_expectations(entry)),
        alone=entry.get("alone", False),
    )


def _read_step(step: Mapping[str, Any]) -> Step:
    rest = {name: value for name, value in step.items() if name not in _OWN}
    return Step(name=step["as"], verb=step["do"], arguments=rest)


def _read_expectations(entry: Mapping[str, Any]) -> Iterator[Expectation]:
    number = 0
    for given in entry["expectations"]:
        checks = given["check"] if isinstance(given["check"], list) else [given["check"]]
        for check in checks:
            number += 1
            yield Expectation(
                id=f"{entry['id']}/{number:02d}-{given['of']}-{check}",
                of=given["of"],
                check=check,
                arguments={name: value for name, value in given.items() if name not in _EXPECTED},
                level=given.get("level", entry["level"]),
                clause=given.get("clause", CHECKS[check].clause or entry["clause"]),
            )
