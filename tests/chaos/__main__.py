"""`make chaos [N=200000]`: every fault on every kind of deployment, then random pairs, until N is reached."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.chaos.cluster import three_brokers
from tests.chaos.disk import disk_round
from tests.chaos.faults import FAULTS, pair
from tests.chaos.report import line_of, table, write_json, write_page
from tests.chaos.rounds import Round, Theatre
from tests.chaos.stage import Stage, embedded_stage, one_broker, split_stage
from tests.harness.packages import install_missing

# What share of the messages each kind of deployment gets.
SHARES = {"one": 0.6, "cluster": 0.3, "embedded": 0.1}


@contextmanager
def stage_of(kind: str, folder: Path) -> Iterator[Stage]:
    """A running deployment of this kind."""
    with ExitStack() as stack:
        if kind == "embedded":
            yield stack.enter_context(embedded_stage(folder))
            return
        url, nodes, line = (one_broker if kind == "one" else three_brokers)(stack)
        yield stack.enter_context(split_stage(folder, url, nodes, line))


def scenes(kind: str) -> Iterator[list[str]]:
    """Each fault by itself, then pairs at random, without end."""
    names = list(FAULTS[kind])
    yield from ([name] for name in names)
    while True:
        yield pair(names)


def run_kind(kind: str, folder: Path, count: int) -> Iterator[Round]:
    """Rounds on one deployment until every fault was seen and `count` messages were accepted."""
    least, accepted = max(200, count // (2 * len(FAULTS[kind]))), 0
    with stage_of(kind, folder) as stage:
        theatre = Theatre(stage, kind)
        for number, names in enumerate(scenes(kind)):
            if number >= len(FAULTS[kind]) and accepted >= count:
                return
            played = theatre.play([names], least)
            accepted += played.verdict.accepted
            yield played


def run(kinds: Sequence[str], count: int, folder: Path) -> Iterator[Round]:
    """All deployments one after another."""
    for kind in kinds:
        (folder / kind).mkdir()
        yield from run_kind(kind, folder / kind, int(count * SHARES[kind]))
    if "embedded" in kinds:
        yield from disk_round(folder)


def tell(rounds: Sequence[Round], started: float) -> None:
    """One line for the round that has just ended, and what was wrong with it."""
    played = rounds[-1]
    total = sum(each.verdict.accepted for each in rounds)
    print(f"[{time.monotonic() - started:6.0f}s {total:7d}] {line_of(played)}", flush=True)
    for word in (*played.notes, *played.verdict.faults[:10]):
        print(f"        {word}", flush=True)


def main() -> int:
    """0 when every round was good."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--report", type=Path, default=Path("build/chaos-report.json"))
    parser.add_argument("--docs", action="store_true", help="write the table into docs/reliability.md")
    parser.add_argument("--kinds", default=",".join(SHARES))
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    random.seed(asked.seed)
    install_missing("postgresql", "rabbitmq-server")
    rounds: list[Round] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wgg-chaos-") as folder:
        for played in run(asked.kinds.split(","), asked.count, Path(folder)):
            rounds.append(played)
            tell(rounds, started)
            write_json(rounds, asked.report)
    print(table(rounds))
    if asked.docs:
        write_page(rounds)
    return 0 if all(each.good for each in rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
