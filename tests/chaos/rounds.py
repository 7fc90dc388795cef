"""One round: the load goes on, faults come and go, the dust settles, the papers are collected and judged."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.clocks import judge_clocks, read_clocks
from tests.chaos.evidence import Shown, gather
from tests.chaos.faults import CLOCKS, GIVE_UP, applied
from tests.chaos.ledger import Entry, Tail, now_us
from tests.chaos.papers import differ, read_papers
from tests.chaos.roles import PATIENCE, Member, clean_environment
from tests.chaos.stage import INSTITUTIONS, PARTIES, Stage
from tests.chaos.verdict import Papers, Verdict, judge, key_of
from tests.chaos.waiting import let

SETTLE_SECONDS = 150.0
"""How long after the load what was accepted may still be under way; a lost wake-up alone takes up to sixty."""

WARM = 50
"""Messages accepted before the first fault."""

QUIET_SECONDS = 1.0
CLOCK_SECONDS = 120.0
"""How long after the load the thresholds of a query of thirty seconds may still be under way."""

SILENT_EVERY = 20
"""Every so many-th order ends with a query that nobody answers, in rounds about clocks."""

SECOND = 1_000_000


@dataclass(kw_only=True)
class Round:
    """What a round showed. Recovery: seconds from the fault's end to the first effect after it, and until everything
    that was accepted before that end had taken effect. `notes` say what did not happen as it should; `remarks` do no
    harm.
    """

    name: str
    stage: str
    verdict: Verdict
    first_seconds: float | None = None
    drained_seconds: float | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the verdict is good and every fault was really brought about."""
        return self.verdict.good and not self.notes

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return {**asdict(self), "good": self.good}

    @classmethod
    def from_json(cls, doc: dict[str, Any]) -> Round:
        """From a report."""
        given = {name: value for name, value in doc.items() if name not in ("good", "verdict")}
        return cls(**given, verdict=Verdict(**doc["verdict"]))


@dataclass
class Theatre:
    """Runs rounds on a stage; ledgers are followed from round to round. The gateway itself is asked for each
    `ask_every`-th message; of the others the papers are read from its database.
    """

    stage: Stage
    kind: str
    settle_seconds: float = SETTLE_SECONDS
    rate: float = 400.0
    lanes: int = 40
    ask_every: int = 20
    judge: Callable[[Papers], Verdict] = judge
    _tails: dict[str, Tail] = field(default_factory=dict)
    _number: int = 0

    def play(self, faults: list[list[str]], count: int = 0) -> Round:
        """Bring groups of faults about, one group after another, under load: until the last fault is over
        and `count` messages were sent.
        """
        self._number += 1
        started, prefix = time.monotonic(), f"{self.kind}{self._number}"
        about_clocks = any(CLOCKS in name for names in faults for name in names)
        sender = self._start_senders(prefix, count, silent_every=SILENT_EVERY if about_clocks else 0)
        try:
            lifted = self._strike(prefix, faults)
            sender.signal(signal.SIGTERM)
            sender.await_death(3600)
        finally:
            sender.kill()  # where a fault could not be struck it would go on for ever
        sent = [entry for entry in self._read(f"senders-{prefix}") if "kind" in entry]
        received = self._await_arrivals(sent)
        name = " + ".join(" & ".join(names) for names in faults)
        shown = self._ask(prefix, sent)
        found = self._await_clocks(prefix, sent, received) if about_clocks else []
        return self._conclude(name, shown, sent, received, found, lifted=lifted, started=started)

    def _strike(self, prefix: str, faults: list[list[str]]) -> int:
        """Bring the groups of faults about and end them; when the last one was over."""
        self._await_traffic(prefix)
        lifted = now_us()
        for names in faults:
            with applied(self.stage, names):
                pass
            lifted = now_us()
            let(QUIET_SECONDS)
        return lifted

    def _await_traffic(self, prefix: str) -> None:
        """Nothing is broken before there is something to break: some messages are accepted."""
        ledger, end = self.stage.ledger(f"senders-{prefix}"), time.monotonic() + PATIENCE
        while not ledger.exists() or ledger.read_bytes().count(b'"kind": "accepted"') < WARM:
            if time.monotonic() > end:
                self.stage.notes.append("no traffic came about before the fault")
                return
            let(0.1)

    def _start_senders(self, prefix: str, count: int, *, silent_every: int) -> Member:
        stage = self.stage
        config = stage.folder / f"senders-{prefix}.json"
        given = {
            "apis": stage.apis,
            "private": {name: stage.private(name) for name in PARTIES},
            "gateway": stage.public("gateway"),
            "ledger": str(stage.ledger(f"senders-{prefix}")),
            "institutions": INSTITUTIONS,
            "prefix": prefix,
            "count": count,
            "rate": self.rate,
            "lanes": self.lanes,
            "silent_every": silent_every,
        }
        config.write_text(json.dumps(given))
        words = (sys.executable, "-m", "tests.chaos.sender", str(config))
        member = Member("senders", words, clean_environment(), stage.folder / "senders.log")
        member.launch()
        return member

    def _read(self, name: str) -> list[Entry]:
        tail = self._tails.setdefault(name, Tail(self.stage.ledger(name)))
        return list(tail.read())

    def _await_arrivals(self, sent: list[Entry]) -> dict[str, list[Entry]]:
        """What came to each party, read until every accepted message is there or was refused, or time is up."""
        received: dict[str, list[Entry]] = {name: [] for name in PARTIES}
        missing = {key_of(entry) for entry in sent if entry["kind"] == "accepted"}
        end = time.monotonic() + self.settle_seconds
        while missing and time.monotonic() < end:
            self._collect(received, missing)
            let(0.1)
        return received

    def _await_clocks(self, prefix: str, sent: list[Entry], received: dict[str, list[Entry]]) -> list[str]:
        """What is wrong with the clocks that nobody ended, once each has run out or time is up."""
        end = time.monotonic() + CLOCK_SECONDS
        while True:
            self._collect(received, set())
            faults = judge_clocks(sent, read_clocks(self.stage, prefix), received)
            if not faults or time.monotonic() > end:
                return faults
            let(1)

    def _collect(self, received: dict[str, list[Entry]], missing: set[tuple[str, str]]) -> None:
        for name, entries in received.items():
            fresh = self._read(name)
            entries.extend(fresh)
            missing -= {key_of(entry) for entry in fresh if entry["kind"] in ("effect", "refusal")}
            missing -= {tuple(entry["about"]) for entry in fresh if entry.get("about")}

    def _conclude(
        self,
        name: str,
        shown: Shown,
        sent: list[Entry],
        received: dict[str, list[Entry]],
        found: list[str],
        *,
        lifted: int,
        started: float,
    ) -> Round:
        self._collect_told(received, shown)
        keys = {name: self.stage.keys[name].public for name in PARTIES}
        verdict = self.judge(Papers(sent=sent, received=received, shown=shown, keys=keys))
        verdict.faults += found
        first, drained = recovery(sent, received, lifted)
        notes, self.stage.notes = self.stage.notes, []
        remarks, self.stage.remarks = self.stage.remarks, []
        if GIVE_UP in name and not verdict.dead:
            notes.append("no message was given up")
        return Round(
            name=name,
            stage=self.kind,
            verdict=verdict,
            first_seconds=first,
            drained_seconds=drained,
            seconds=round(time.monotonic() - started, 1),
            notes=notes,
            remarks=remarks,
        )

    def _ask(self, prefix: str, sent: list[Entry]) -> Shown:
        wanted = [key_of(entry) for entry in sent if entry["kind"] == "accepted"]
        papers = read_papers(self.stage, prefix, wanted, seconds=30)
        asked = asyncio.run(gather(self.stage.keys, wanted[:: self.ask_every], self.stage.apis, seconds=30))
        self.stage.notes += [f"database and gateway differ on {key}" for key in asked if differ(papers, asked, key)]
        return papers | asked

    def _collect_told(self, received: dict[str, list[Entry]], shown: Shown) -> None:
        """Wait a little for what is told about dead letters."""
        untold = {key for key, doc in shown.items() if doc.get("state") == "failed"}
        untold -= {tuple(entry["about"]) for entries in received.values() for entry in entries if entry.get("about")}
        end = time.monotonic() + 30
        self._collect(received, untold)
        while untold and time.monotonic() < end:
            self._collect(received, untold)
            let(0.1)


def recovery(sent: list[Entry], received: dict[str, list[Entry]], lifted: int) -> tuple[float | None, float | None]:
    """Seconds from `lifted` until the first effect, and until the last effect of what was accepted before."""
    before = {key_of(entry) for entry in sent if entry["kind"] == "accepted" and entry["at"] <= lifted}
    effects = [entry for entries in received.values() for entry in entries if entry["kind"] == "effect"]
    after = [entry["at"] for entry in effects if entry["at"] > lifted]
    backlog = [entry["at"] for entry in effects if key_of(entry) in before]
    first = round((min(after) - lifted) / SECOND, 2) if after else None
    drained = round(max(0, max(backlog) - lifted) / SECOND, 2) if backlog else None
    return first, drained
