"""`/v1/onboarding`: an institution's own application: where it stands, its form, its papers (domain section 6)."""

from __future__ import annotations

from typing import Any, Final

from gateway.core.errors import Problem
from gateway.core.onboarding import Application, Hand, MoveRefused, TooManyMoves
from gateway.core.onboarding_form import FormInvalid, read_form
from gateway.core.onboarding_table import MOVES
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
            return self._reply(await self._desk.apply(whose, details, actor=f"{_CALLED}{whose}", hand=Hand.APPLICANT))
        except FormInvalid as invalid:
            raise Problem("SCHEMA_INVALID", errors=invalid.faults) from invalid
        except MoveRefused as refused:
            raise _tell(refused) from refused

    async def move(self, call: Call) -> Reply:
        """`attach` (body: material, digest), `submit`, `withdraw`; NOT_FOUND for what is not the applicant's.

        RATE_LIMITED when the applicant has made all its moves of the day.
        """
        name, whose = call.names["move"], call.known.party.id
        row = MOVES.get(name)
        if row is None or Hand.APPLICANT not in row.hands:
            raise Problem("NOT_FOUND")
        data: dict[str, Any] = parse_object(call.body) if call.body else {}
        try:
            actor = f"{_CALLED}{whose}"
            return self._reply(await self._desk.move(name, whose, actor=actor, hand=Hand.APPLICANT, data=data))
        except MoveRefused as refused:
            raise _tell(refused) from refused

    def _reply(self, application: Application) -> Reply:
        return reply_json(show_application(application, None))


def _tell(refused: MoveRefused) -> Problem:
    if isinstance(refused, TooManyMoves):
        return Problem("RATE_LIMITED", str(refused), retry_after=refused.retry_after)
    return Problem("STATE_CONFLICT", str(refused))
