"""Legal clocks under fire: every threshold that came was told to each side exactly once, whoever died meanwhile.

The clocks are those of authenticity queries that nobody answers: thirty seconds, four thresholds, two sides. What the
recipients' ledgers hold is compared with what had to happen, and with what the database says happened.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.chaos.ledger import Entry
from tests.chaos.sender import SILENT
from tests.chaos.stage import Stage

PERCENTS = (50, 80, 95, 100)
_ASKING = """
SELECT c.number, c.message_id, c.platform, c.institution, w.percent
FROM clocks c LEFT JOIN clock_warnings w ON w.clock = c.number
WHERE c.rule = 'authenticity' AND c.ended_at IS NULL AND c.message_id LIKE {mark} ORDER BY c.id, w.percent
"""


@dataclass(frozen=True, kw_only=True)
class Unanswered:
    """One clock that nobody ended: the query it is about, its two sides, the thresholds that the database marked."""

    number: str
    message_id: str
    sides: tuple[str, str]
    percents: Sequence[int]


def read_clocks(stage: Stage, prefix: str) -> list[Unanswered]:
    """The clocks of a round's queries that have no answer."""
    rows: dict[tuple[str, str, str, str], list[int]] = {}
    for number, message_id, platform, institution, percent in _rows(stage, prefix):
        marks = rows.setdefault((number, message_id, platform, institution), [])
        marks += [] if percent is None else [percent]
    return [Unanswered(number=key[0], message_id=key[1], sides=key[2:], percents=marks) for key, marks in rows.items()]


def _rows(stage: Stage, prefix: str) -> Iterable[tuple[Any, ...]]:
    if stage.postgres is not None:
        with psycopg.connect(stage.postgres.url) as server:
            return server.execute(_ASKING.format(mark="%s"), [f"{prefix}-%"]).fetchall()
    with closing(sqlite3.connect(f"file:{stage.home / 'gateway.db'}?mode=ro", uri=True, timeout=10)) as file:
        return file.execute(_ASKING.format(mark="?"), [f"{prefix}-%"]).fetchall()


def judge_clocks(
    sent: Sequence[Entry], clocks: Sequence[Unanswered], received: Mapping[str, Sequence[Entry]]
) -> list[str]:
    """Every fault in words: queries without a clock, thresholds that nobody heard of, and those told more than once."""
    silent = {entry["id"] for entry in sent if entry["kind"] == "accepted" and entry["id"].endswith(SILENT)}
    faults = [f"unclocked: query {number} has no clock" for number in sorted(silent - {c.message_id for c in clocks})]
    faults += [] if silent else ["unclocked: no query was left unanswered"]
    told = Counter(
        (party, *entry["clock"])
        for party, entries in received.items()
        for entry in entries
        if entry["kind"] == "effect" and entry.get("clock")
    )
    for clock in clocks:
        if tuple(clock.percents) != PERCENTS:
            faults.append(f"unfired: {clock.number} fired at {clock.percents}")
        counts = {(side, percent): told[side, clock.number, percent] for side in clock.sides for percent in PERCENTS}
        faults += [f"told {count} times: {key} of {clock.number}" for key, count in counts.items() if count != 1]
    return faults
