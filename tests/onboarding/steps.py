"""Applications for tests: made-up firms, and the moves that bring one to a stage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from gateway.bootstrap.onboarding import Counter
from gateway.catalogue import load_calendar
from gateway.core.area import Length, Unit
from gateway.core.certificate import Certificate
from gateway.core.onboarding import (
    MATERIALS,
    Application,
    Certified,
    Contact,
    Details,
    Hand,
    Registry,
    Stage,
    Terms,
)
from gateway.core.onboarding_changes import Ask
from gateway.core.onboarding_moves import Event, begin, decide, find_due
from gateway.core.standing import Decision
from gateway.crypto.certificates import sign_certificate
from gateway.flow.onboarding import OnboardingDesk
from gateway.ports import PutFile
from tests.harness.gateway import Gateway

MIDNIGHT = 24 * 60
SECOND = 1_000_000
DAY = 86_400 * SECOND
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
CERTIFIED = Certified(digest=DIGEST, text="{}", signer="PEM")
DECISION = Decision(number="厦人社〔2026〕1号", authority="厦门市人力资源和社会保障局")
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
        self.events.append(begin(self.registry, institution, details, ask, self.terms))

    def move(
        self,
        name: str,
        institution: str,
        *,
        actor: str = "王",
        hand: Hand = Hand.OPERATOR,
        reason: str = "",
        **data: Any,
    ) -> None:
        ask = Ask(move=name, institution=institution, actor=actor, at=self.now, hand=hand, reason=reason, data=data)
        self.events += decide(self.registry, ask, self.terms)

    def place(self, institution: str, **fields: Any) -> None:
        """Let the application stand so."""
        self.events[-1] = replace(self.events[-1], application=replace(self[institution], **fields))

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
        self.move("pass", institution, certificate=CERTIFIED)


async def bring(desk: OnboardingDesk, *institutions: str) -> None:
    """Into the queue, one after the other."""
    for institution in institutions:
        await desk.books.add_file(PutFile(digest=DIGEST, party_id=institution, size=1, at=desk.clock.now()))
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


def certify(gateway: Gateway, institution: str, **fields: Any) -> bytes:
    """The file of a certificate that the gateway signed just now."""
    now = gateway.clock.now() // SECOND * SECOND
    values = {
        "institution": institution,
        "institution_serial": "AB" * 20,
        "kind": "bank",
        "mode": "push",
        "kit_version": "1",
        "kit_digest": DIGEST,
        "run": "r1",
        "counts": {"pass": 9},
        "issued_at": now,
        "not_after": now + 180 * DAY,
    }
    return sign_certificate(gateway.keys["gateway"], Certificate(**{**values, **fields}))


async def let_pass(gateway: Gateway, institution: str) -> None:
    """Its window is open: on a certificate of this moment."""
    counter = Counter(desk=gateway.parts.onboarding_desk, parts=gateway.parts)
    public = gateway.keys["gateway"].public.to_pem().encode()
    certified = await counter.check_certificate(institution, certify(gateway, institution), public)
    await counter.desk.move("pass", institution, actor="王", data={"certificate": certified})
