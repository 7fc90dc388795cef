"""Applications for tests: made-up firms, and the moves that bring one to a stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from gateway.catalogue import load_calendar
from gateway.core.area import Length, Unit
from gateway.core.onboarding import MATERIALS, Application, Contact, Details, Registry, Stage, Terms
from gateway.core.onboarding_changes import Ask
from gateway.core.onboarding_moves import Event, begin, decide, find_due
from gateway.flow.onboarding import OnboardingDesk

MIDNIGHT = 24 * 60
DAY = 86_400_000_000
START = int(datetime(2026, 3, 2, 1, tzinfo=UTC).timestamp()) * 1_000_000
"""A Monday morning."""

DIGEST = "ab" * 32
FORM: dict[str, Any] = {
    "name": "示例银行",
    "uscc": "91350200MA2XN1R643",
    "kind": "bank",
    "address": "某市某路 1 号",
    "contact": {"name": "张三", "phone": "13800000000"},
}
DETAILS = Details(
    name="示例银行",
    uscc=FORM["uscc"],
    kind="bank",
    address="某市某路 1 号",
    contact=Contact(name="张三", phone="13800000000"),
)
TERMS = Terms(calendar=load_calendar(), window=Length(count=5, unit=Unit.WORKING_DAYS), close=MIDNIGHT)


@dataclass
class Ledger:
    """The history as a store would keep it, and the registry that it amounts to."""

    terms: Terms = TERMS
    now: int = START
    events: list[Event] = field(default_factory=list)

    @property
    def registry(self) -> Registry:
        applications = {event.application.institution: event.application for event in self.events}
        return Registry(applications=MappingProxyType(applications), number=len(self.events))

    def __getitem__(self, institution: str) -> Application:
        return self.registry.applications[institution]

    def stage(self, institution: str) -> Stage:
        return self[institution].stage

    def apply(self, institution: str, details: Details = DETAILS) -> None:
        ask = Ask(move="apply", institution=institution, actor="applicant", at=self.now)
        self.events.append(begin(self.registry, institution, details, ask))

    def move(self, name: str, institution: str, *, actor: str = "王", reason: str = "", **data: Any) -> None:
        ask = Ask(move=name, institution=institution, actor=actor, at=self.now, reason=reason, data=data)
        self.events += decide(self.registry, ask, self.terms)

    def sweep(self) -> None:
        """Until the clock asks for nothing more."""
        while ask := next(find_due(self.registry, self.now, self.terms), None):
            self.events += decide(self.registry, ask, self.terms)

    def submit(self, institution: str, details: Details = DETAILS) -> None:
        self.apply(institution, details)
        for material in MATERIALS:
            self.move("attach", institution, material=material, digest=DIGEST)
        self.move("submit", institution)

    def complete(self, institution: str) -> None:
        for material in MATERIALS:
            self.move("check", institution, material=material)
        self.move("complete", institution)

    def queue(self, *institutions: str) -> None:
        for institution in institutions:
            self.submit(institution)
            self.complete(institution)

    def passed(self, institution: str) -> None:
        self.move("pass", institution, certificate=DIGEST)


async def bring(desk: OnboardingDesk, *institutions: str) -> None:
    """Into the queue, one after the other."""
    for institution in institutions:
        await desk.apply(institution, DETAILS, actor="applicant")
        for material in MATERIALS:
            await desk.move("attach", institution, actor="applicant", data={"material": material, "digest": DIGEST})
        await desk.move("submit", institution, actor="applicant")
        for material in MATERIALS:
            await desk.move("check", institution, actor="王", data={"material": material})
        await desk.move("complete", institution, actor="王")


async def stages(desk: OnboardingDesk) -> dict[str, str]:
    """The stage of every application."""
    registry = await desk.books.registry()
    return {name: str(application.stage) for name, application in registry.applications.items()}
