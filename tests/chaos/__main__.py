"""`make chaos [N=200000]`: every fault on every kind of deployment, then random pairs, until N is reached."""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from tests.chaos.cluster import three_brokers
from tests.chaos.disk import small_disk
from tests.chaos.faults import DISK_FULL, FAULTS, pair
from tests.chaos.report import DOCUMENT, line_of, read_json, table, write_json, write_page
from tests.chaos.rounds import Round, Theatre
from tests.chaos.stage import Stage, embedded_stage, one_broker, split_stage
from tests.chaos.verdict import Verdict
from tests.harness.packages import install_missing
from tests.harness.processes import ServiceError

# What share of the messages each kind of deployment gets.
SHARES = {"one": 0.45, "cluster": 0.2, "embedded": 0.35}
LEAST = 200
GOOD, BAD = 0, 3
FINISHED = (GOOD, BAD)
DISK = "64m"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many messages in all, on which deployments, at least how many pairs on each, only faults named so."""

    count: int
    kinds: Sequence[str]
    pairs: int
    only: str

    def faults(self, kind: str) -> list[str]:
        """The faults to play on a kind of deployment, each by itself."""
        return [name for name in FAULTS[kind] if re.search(self.only, name)]

    def messages(self, kind: str) -> int:
        """How many messages a kind of deployment gets."""
        return int(self.count * SHARES[kind])


@contextmanager
def stage_of(kind: str, folder: Path) -> Iterator[Stage]:
    """A running deployment of this kind."""
    with ExitStack() as stack:
        if kind == "embedded":
            yield stack.enter_context(embedded_stage(folder))
            return
        url, nodes, line = (one_broker if kind == "one" else three_brokers)(stack)
        yield stack.enter_context(split_stage(folder, url, nodes, line))


def run_kind(kind: str, folder: Path, plan: Plan) -> Iterator[Round]:
    """Each fault by itself, then pairs at random, until there were enough pairs and messages.

    A round that breaks the stage itself is bad, and the next one gets a new stage.
    """
    names, count = plan.faults(kind), plan.messages(kind)
    least, played = max(LEAST, count // (len(names) + plan.pairs)), list[Round]()

    def is_over() -> bool:
        enough = plan.only or sum(each.verdict.accepted for each in played) >= count
        return bool(len(played) >= len(names) + plan.pairs and enough)

    while not is_over():
        place = folder / str(len(played))
        place.mkdir()
        with stage_of(kind, place) as stage:
            theatre = Theatre(stage, f"{kind}{len(played)}x")
            while not is_over():
                chosen = [names[len(played)]] if len(played) < len(names) else pair(list(FAULTS[kind]))
                played.append(play(theatre, kind, chosen, least))
                yield played[-1]
                if not played[-1].verdict.sent:
                    break


def play(theatre: Theatre, kind: str, chosen: list[str], least: int) -> Round:
    """One round; an empty one that says why, where the harness itself failed."""
    try:
        return replace(theatre.play([chosen], least), stage=kind)
    except (ServiceError, OSError, subprocess.SubprocessError, psycopg.Error, TimeoutError) as error:
        return broken(kind, " & ".join(chosen), repr(error))


def broken(kind: str, name: str, why: str) -> Round:
    """A round that was not played; it is never good."""
    return Round(name=name, stage=kind, verdict=Verdict(), notes=[f"not played: {why}"])


def run_full_disk(folder: Path) -> Iterator[Round]:
    """The embedded default with its home on a small disk that fills up; not played where none may be mounted."""
    disk, rest = folder / "disk", folder / "disk-rest"
    disk.mkdir()
    rest.mkdir()
    with small_disk(disk, DISK) as allowed:
        if not allowed:
            print("本机不允许挂载 tmpfs：未做磁盘写满一项（max_page_count 一项见 make test）", flush=True)
            return
        with embedded_stage(rest, disk / "home") as stage:
            yield Theatre(stage, "embedded", rate=100).play([[DISK_FULL]])


def run(plan: Plan, folder: Path) -> Iterator[Round]:
    """All deployments one after another."""
    for kind in plan.kinds:
        if plan.faults(kind):
            (folder / kind).mkdir()
            yield from run_kind(kind, folder / kind, plan)
    if "embedded" in plan.kinds and re.search(plan.only, DISK_FULL):
        yield from run_full_disk(folder)


def run_beside(asked: argparse.Namespace) -> list[Round]:
    """A process for each kind of deployment, side by side; their rounds together, and a bad one where one broke."""
    parts = {kind: asked.report.with_suffix(f".{kind}.json") for kind in asked.kinds.split(",")}
    rest = ["--count", str(asked.count), "--pairs", str(asked.pairs), "--only", asked.only]
    rest += [] if asked.seed is None else ["--seed", str(asked.seed)]
    running = {}
    for kind, part in parts.items():
        part.unlink(missing_ok=True)
        words = (sys.executable, "-m", "tests.chaos", "--kinds", kind, "--report", str(part), *rest)
        running[kind] = subprocess.Popen(words)
    codes = {kind: process.wait() for kind, process in running.items()}
    rounds = [each for part in parts.values() for each in read_json(part)]
    rounds += [broken(kind, "the rest", f"ended with {code}") for kind, code in codes.items() if code not in FINISHED]
    write_json(rounds, asked.report)
    return rounds


def run_here(asked: argparse.Namespace) -> list[Round]:
    """All rounds in this process, one after another, each told as it ends."""
    plan = Plan(count=asked.count, kinds=asked.kinds.split(","), pairs=asked.pairs, only=asked.only)
    rounds: list[Round] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wgg-chaos-", ignore_cleanup_errors=True) as folder:
        for played in run(plan, Path(folder)):
            rounds.append(played)
            tell(rounds, started)
            write_json(rounds, asked.report)
    return rounds


def tell(rounds: Sequence[Round], started: float) -> None:
    """One line for the round that has just ended, and what was wrong with it."""
    played = rounds[-1]
    total = sum(each.verdict.accepted for each in rounds)
    print(f"[{time.monotonic() - started:6.0f}s {total:7d}] {line_of(played)}", flush=True)
    for word in (*played.remarks, *played.notes, *played.verdict.faults[:10]):
        print(f"        {word}", flush=True)


def read_arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--report", type=Path, default=Path("build/chaos-report.json"))
    parser.add_argument(
        "--docs", action="store_true", help="write the table into docs/reliability.md, the report beside it"
    )
    parser.add_argument("--kinds", default=",".join(SHARES))
    parser.add_argument("--pairs", type=int, default=4, help="random pairs on each deployment at least")
    parser.add_argument("--only", default="", help="only faults whose name this pattern finds")
    parser.add_argument("--in-turn", action="store_true", help="one kind of deployment after another")
    parser.add_argument("--seed", type=int, default=None)
    return parser.parse_args()


def main() -> int:
    """0 when every round was good."""
    asked = read_arguments()
    random.seed(asked.seed)
    install_missing("postgresql", "rabbitmq-server")
    alone = asked.in_turn or "," not in asked.kinds
    rounds = run_here(asked) if alone else run_beside(asked)
    if "," in asked.kinds:
        print(table(rounds))
    if asked.docs:
        write_page(rounds)
        write_json(rounds, DOCUMENT)
    return GOOD if rounds and all(each.good for each in rounds) else BAD


if __name__ == "__main__":
    sys.exit(main())
