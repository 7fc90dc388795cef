"""The port of reconciliations: what was drawn up, what was answered, what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.message import Message
from gateway.core.reconciliation import Line
from gateway.core.reconciliation_causes import Finding
from gateway.ports.records import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One part of one institution's reconciliation. `day` is YYYY-MM-DD, instants are microseconds UTC.

    `message_id` is the message of the gateway that carries it. `answered_at`, `answer_id`, `result` (agreed or
    differs) and `findings` come from the newest answer; `reminded_at` is when a missing one was alerted.
    """

    number: str
    institution: str
    day: str
    part: int
    parts: int
    starts_at: int
    ends_at: int
    drawn_at: int
    answer_due: int
    message_id: str
    answered_at: int | None = None
    answer_id: str | None = None
    result: str | None = None
    findings: Sequence[Finding] = ()
    reminded_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A reconciliation with an answer that was not looked at yet: the bytes of both messages."""

    reconciliation: Reconciliation
    daily: bytes
    answer: bytes
    answer_id: str
    answered_at: int


class Reconciliations(Protocol):
    """Reconciliations. Every call may raise `StoreUnavailable`."""

    async def traded(self, institution: str, *, start: int, end: int) -> Sequence[Line]:
        """What was accepted from or for an institution in [start, end), reconciliations themselves left out."""
        ...

    async def kept(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Line]:
        """Those of the messages (sender, id) that are kept, as they stand now."""
        ...

    async def drawn(self, *, since: str) -> frozenset[tuple[str, str]]:
        """(institution, day) of what was drawn up for the days from `since` on."""
        ...

    async def draw_up(self, rows: Sequence[Reconciliation], messages: Sequence[Message], *, now: int) -> bool:
        """Write all parts of one institution's day with their messages, once: False where another process had."""
        ...

    async def answered(self, *, since: int, limit: int) -> Sequence[Answered]:
        """Those drawn up from `since` on whose newest answer was not looked at, in order of the answers."""
        ...

    async def conclude(self, row: Reconciliation, alerts: Sequence[Alert], *, now: int) -> None:
        """Write what came of an answer, and its alerts; alerts of the same number that it settles are closed."""
        ...

    async def unanswered(self, *, now: int, limit: int) -> Sequence[Reconciliation]:
        """Those whose answer is late and that were not alerted."""
        ...

    async def remind(self, number: str, alert: Alert, *, now: int) -> bool:
        """Alert a missing answer, once: False where it was answered or alerted meanwhile."""
        ...

    async def reconciliations(
        self, *, day: str | None, institution: str | None, limit: int
    ) -> Sequence[Reconciliation]:
        """Reconciliations by day and institution, newest first."""
        ...
