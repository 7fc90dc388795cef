"""A story under way: messages and events with their instants, and the terms that they must start."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.catalogue import example
from tests.domain.year.terms import BEIJING, DAY, Term

Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens: a message (`event` whole; `waits` for its delivery), a receipt, or an event by name."""

    at: datetime
    event: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False
    receipt_of: tuple[str, str] | None = None
    name: str = ""
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Story:
    """What happens and what it must start. `now` is where the chapter under way has come to."""

    rng: random.Random
    steps: list[Step] = field(default_factory=list)
    terms: list[tuple[Term, datetime]] = field(default_factory=list)
    now: datetime = field(init=False)

    def likely(self, share: float) -> bool:
        """By chance."""
        return self.rng.random() < share

    def wait(self, least: float, most: float) -> datetime:
        """Let so many days pass."""
        self.now += DAY * self.rng.uniform(least, most)
        return self.now

    def send(self, type_: str, subject: str, *, waits: bool = False, variant: str | None = None, **data: Any) -> Data:
        """A message now; `data` replaces members of the example's, None takes one away. Its whole event."""
        event = copy.deepcopy(example(type_, subject=subject, variant=variant, now_us=us(self.now)))
        event["data"] |= data
        event["data"] = {name: value for name, value in event["data"].items() if value is not None}
        self.steps.append(Step(at=self.now, event=event, waits=waits))
        return event

    def deliver(self, type_: str, subject: str, **data: Any) -> datetime:
        """A message whose delivery matters: at once for whoever pulls, later by a receipt for who is pushed to."""
        waits = self.likely(0.5)
        event = self.send(type_, subject, waits=waits, **data)
        if waits:
            self.wait(0.001, 2)
            self.steps.append(Step(at=self.now, receipt_of=(event["source"], event["id"])))
        return self.now

    def happen(self, name: str, subject: str, **data: Any) -> datetime:
        """An event of the gateway's own now."""
        self.steps.append(Step(at=self.now, name=name, subject=subject, data=data))
        return self.now

    def expect(self, rule: str, subject: str, start: datetime, **more: Any) -> int:
        """A term that begins now, has begun, or will; its place, to be ended by."""
        self.terms.append((Term(rule=rule, subject=subject, start=start, **more), min(self.now, start)))
        return len(self.terms) - 1

    def end(self, place: int, *, withdrawn: bool = False) -> None:
        """The duty is done now, or is none any more; what is over already stays so."""
        term, created = self.terms[place]
        if term.end is None:
            self.terms[place] = (replace(term, end=self.now, withdrawn=withdrawn), created)


def us(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - datetime(1970, 1, 1, 8, tzinfo=BEIJING)) // timedelta(microseconds=1)


def write(instant: datetime) -> str:
    """An instant as messages carry it."""
    return instant.isoformat(timespec="microseconds")


def case_of(order: str) -> str:
    """The case that the examples of an order belong to."""
    return str(example("guarantee.application.v1", subject=order, now_us=0)["data"]["caseNo"])
