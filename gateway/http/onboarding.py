"""`/v1/onboarding`: an institution's own application: where it stands, its form, its papers (domain section 6)."""

from __future__ import annotations

from typing import Any, Final

from gateway.core.errors import Problem
from gateway.core.onboarding import Application, MoveRefused
from gateway.core.onboarding_form import FormInvalid, read_form
from gateway.core.onboarding_table import MOVES, Hand
from gateway.core.onboarding_view import show_application, show_history
from gateway.core.wire.strict_json import parse_object
from gateway.flow.onboarding import OnboardingDesk
from gateway.http.exchange import Call, Reply, reply_json

ONBOARDING: Final = "/v1/onboarding"
_CALLED: Final = "applicant:"


class OnboardingCalls:
    """What an applicant may do itself, over a signed call; the rest is the operators'."""

    def __init__(self, desk: OnboardingDesk) -> None:
        self._desk = desk

    async def show(self, call: Call) -> Reply:
        """Stage, position, latest opening, and the history; NOT_FOUND before the first form."""
        whose = call.known.party.id
        registry = await self._desk.books.registry()
        application = registry.applications.get(whose)
        if application is None:
            raise Problem("NOT_FOUND")
        outlook = self._desk.outlook(registry, whose)
        history = await self._desk.books.history(whose)
        return reply_json(show_application(application, outlook) | {"history": show_history(history)})

    async def apply(self, call: Call) -> Reply:
        """The form; SCHEMA_INVALID names every fault."""
        whose = call.known.party.id
        if call.known.party.kind is None:
            raise Problem("NOT_FOUND")
        try:
            details = read_form(parse_object(call.body))
            return self._reply(await self._desk.apply(whose, details, actor=f"{_CALLED}{whose}"))
        except FormInvalid as invalid:
            raise Problem("SCHEMA_INVALID", errors=invalid.faults) from invalid
        except MoveRefused as refused:
            raise Problem("STATE_CONFLICT", str(refused)) from refused

    async def move(self, call: Call) -> Reply:
        """`attach` (body: material, digest), `submit`, `withdraw`; NOT_FOUND for what is not the applicant's."""
        name, whose = call.names["move"], call.known.party.id
        row = MOVES.get(name)
        if row is None or Hand.APPLICANT not in row.hands:
            raise Problem("NOT_FOUND")
        data: dict[str, Any] = parse_object(call.body) if call.body else {}
        try:
            return self._reply(await self._desk.move(name, whose, actor=f"{_CALLED}{whose}", data=data))
        except MoveRefused as refused:
            raise Problem("STATE_CONFLICT", str(refused)) from refused

    def _reply(self, application: Application) -> Reply:
        return reply_json(show_application(application, None))
