"""One case under way: what it sent, what it waits for, and which of the institution's messages belong to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.conformance.cases import Case, Step
from gateway.conformance.faults import replies_of
from gateway.conformance.letters import Letter
from gateway.core.wire.envelope import Envelope

_AWAIT: Final = "await"


@dataclass(slots=True, kw_only=True)
class Awaited:
    """A message that a step waits for: bound to the first one that fits, then counting its attempts.

    `faults` are those of the answers to its attempts, one after the other; `wanted` how many attempts end the wait.
    """

    step: Step
    faults: tuple[str, ...]
    wanted: int
    bound: str = ""
    event: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message: Envelope, body: Mapping[str, Any]) -> str | None:
        """Count an attempt; the fault of its answer, None for an honest one."""
        self.bound, self.event = message.id, body
        self.attempts += 1
        if self.attempts >= self.wanted:
            self.news.set()
        return self.faults[self.attempts - 1] if self.attempts <= len(self.faults) else None


class Stage:
    """A case with its own order number, so that cases do not meet."""

    def __init__(self, case: Case, subject: str) -> None:
        self.case = case
        self.subject = subject
        self.sent: dict[str, Letter] = {}
        self.begun: list[str] = []
        self.behind: list[asyncio.Task[None]] = []
        self.awaited = [self._await(step) for step in case.steps if step.verb == _AWAIT]

    def _await(self, step: Step) -> Awaited:
        faults = tuple(replies_of(self.case.faults.get(step.name, ())))
        return Awaited(step=step, faults=faults, wanted=step.arguments.get("attempts", len(faults) + 1))

    def find_await(self, name: str) -> Awaited:
        """The wait of a step."""
        return next(awaited for awaited in self.awaited if awaited.step.name == name)

    def leave(self) -> None:
        """Wait no longer for the messages that were to be listed with a later one."""
        for task in self.behind:
            task.cancel()

    def match(self, message: Envelope) -> Awaited | None:
        """The wait that this message fits: one bound to its id, else the first free one of its type and values."""
        bound = next((awaited for awaited in self.awaited if awaited.bound == message.id), None)
        free = (awaited for awaited in self.awaited if not awaited.bound and self._fits(awaited, message))
        return bound or next(free, None)

    def _fits(self, awaited: Awaited, message: Envelope) -> bool:
        arguments = awaited.step.arguments
        asked = self.sent.get(arguments.get("answers", ""))
        if asked is not None and message.correlation_id not in (None, asked.id):
            return False
        where: Mapping[str, Any] = arguments.get("where", {})
        same = all(find_member(message.data, pointer) == value for pointer, value in where.items())
        return bool(arguments["type"] == message.type and same)

    def resolve(self, value: Any) -> Any:
        """A value of a case: text that begins with `=` is `=step/pointer` into that step's event."""
        if not (isinstance(value, str) and value.startswith("=")):
            return value
        name, _, pointer = value[1:].partition("/")
        event = self.sent[name].event if name in self.sent else self.find_await(name).event
        return find_member(event, f"/{pointer}")


def find_member(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer, None where there is none."""
    for part in pointer.split("/")[1:]:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def set_member(document: dict[str, Any], pointer: str, value: Any) -> None:
    """Set, or with None take away, the member at a JSON pointer; objects on the way are made."""
    *way, last = pointer.split("/")[1:]
    node: Any = document
    for part in way:
        node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
    if value is None:
        node.pop(last, None)
    else:
        node[last] = value
