"""What each defect was measured to fail, kept in measured.json by rounds: the cases as they were, the rows run then.

A row that was measured with other cases, or with fewer of them, says nothing about those of today: it is shown as what
it is and counts as due.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gateway.conformance.identity import digest_cases
from gateway.simulator.defects import DEFECTS
from tests.conformance.claims import CLAIMS, ROWS
from tests.conformance.defective import caught

MEASURED = Path(__file__).with_name("measured.json")
CLAIMING = tuple(sorted(set(CLAIMS.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The digest of the case files, the cases that were run, and which of them each defect failed, by mode."""

    cases: str
    claiming: tuple[str, ...]
    caught: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One defect in one mode: the cases that were run against it and those that it failed."""

    run: frozenset[str]
    failed: frozenset[str]


def load(file: Path = MEASURED) -> list[Round]:
    """The rounds as kept."""
    rounds = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return [Round(**{**item, "claiming": tuple(item["claiming"])}) for item in rounds]


def keep(rounds: Sequence[Round], file: Path = MEASURED) -> None:
    """Write the rounds that still have rows."""
    whole = [asdict(item) for item in rounds if any(item.caught.values())]
    file.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def rows(rounds: Sequence[Round]) -> dict[tuple[str, str], Row]:
    """What was measured, by defect and mode."""
    return {
        (name, mode): Row(run=frozenset(item.claiming), failed=frozenset(failed))
        for item in rounds
        for name, modes in item.caught.items()
        for mode, failed in modes.items()
    }


def now(rounds: list[Round]) -> Round:
    """The round of today's cases, begun where there is none."""
    today = Round(cases=digest_cases(), claiming=CLAIMING)
    same = (item for item in rounds if (item.cases, item.claiming) == (today.cases, today.claiming))
    found = next(same, None)
    if found is None:
        rounds.append(today)
    return found or today


def due(rounds: list[Round]) -> Iterator[tuple[str, str]]:
    """The rows that today's cases have not been run against."""
    today = now(rounds)
    return ((name, mode) for name, mode in ROWS if mode not in today.caught.get(name, {}))


def enter(rounds: list[Round], name: str, mode: str, failed: Sequence[str]) -> None:
    """Put a row measured today in the place of the old one."""
    for item in rounds:
        item.caught.get(name, {}).pop(mode, None)
    now(rounds).caught.setdefault(name, {})[mode] = sorted(failed)


async def measure() -> None:
    """Run every due defect against every claiming case; each row is kept as it comes."""
    rounds = load()
    for name, mode in list(due(rounds)):
        with tempfile.TemporaryDirectory() as folder:
            failed = await caught(DEFECTS[name], mode, Path(folder) / "run", CLAIMING)
        enter(rounds, name, mode, [item.case.id for item in failed])
        keep(rounds)
        print(name, mode, len(failed), flush=True)
