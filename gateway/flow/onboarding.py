"""Onboarding carried out: a move is decided on the registry as it stands and recorded, or decided again.

Source: domain section 6; access guide (XM), notes for institutions 2. The sweep ends windows that are over and opens
one for the next in the queue; many processes may sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.core.area import NATIONAL, Area
from gateway.core.calendar import local_date
from gateway.core.happening import Happening
from gateway.core.legal_time import LegalTime
from gateway.core.onboarding import Application, Details, MoveRefused, Outlook, Registry, Terms, look_ahead
from gateway.core.onboarding_changes import Ask
from gateway.core.onboarding_moves import Event, begin, decide, find_due
from gateway.core.onboarding_table import MOVES
from gateway.core.onboarding_view import name_move
from gateway.core.onboarding_window import find_testing
from gateway.core.party import GATEWAY, PLATFORM, Standing
from gateway.core.sla import ClockChange, find_changes
from gateway.flow.standings import StandingDesk
from gateway.ports import Audit, Clock, Onboardings, Parties, Recorded

_TRIES: Final = 8


class Books(Onboardings, Parties, Protocol):
    """What the desk needs of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many windows are open at once, what orders the queue, and whether the sweep opens windows by itself."""

    windows: int
    order_by: str
    automatic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingDesk:
    """Where applications move."""

    books: Books
    standings: StandingDesk
    areas: Mapping[str, Area]
    clock: Clock
    legal_time: LegalTime
    plan: Plan
    log: Callable[..., None]

    def terms(self) -> Terms:
        """What holds now: the window is a clock of the area files."""
        area = self.areas[NATIONAL].at(local_date(self._now()))
        return Terms(
            calendar=self.legal_time.calendar,
            window=area.clocks["onboarding-test"],
            close=area.day_close,
            windows=self.plan.windows,
            order_by=self.plan.order_by,
        )

    async def apply(self, institution: str, details: Details, *, actor: str, reason: str = "") -> Application:
        """Open an application, or fill in its form anew. Raises MoveRefused."""
        await self._check_kind(institution, details)
        ask = Ask(move="apply", institution=institution, actor=actor, at=self._now(), reason=reason)
        return await self._record(ask, lambda registry: [begin(registry, institution, details, ask)])

    async def move(
        self, name: str, institution: str, *, actor: str, reason: str = "", data: Mapping[str, Any] | None = None
    ) -> Application:
        """Make a move, or propose one that takes two operators. Raises MoveRefused, and Missing for no such party."""
        ask = Ask(move=name, institution=institution, actor=actor, at=self._now(), reason=reason, data=data or {})
        return await self._record(ask, lambda registry: decide(registry, ask, self.terms()))

    def outlook(self, registry: Registry, institution: str) -> Outlook | None:
        """The place in the queue, and the day by which the window opens."""
        return look_ahead(registry, institution, self._now(), self.terms())

    async def find_testing(self, institution: str) -> Application:
        """The application of one whose test window is open now. Raises MoveRefused."""
        return find_testing(await self.books.registry(), institution, self._now())

    async def sweep(self) -> bool:
        """End the next window that is over, else open the next one; True when something was done."""
        registry = await self.books.registry()
        for ask in find_due(registry, self._now(), self.terms()):
            if ask.move == "expire" or self.plan.automatic:
                await self._try(ask)
                return True
        return False

    async def _try(self, ask: Ask) -> None:
        """Another process may have done it: then the move is refused, which is as well."""
        try:
            await self._record(ask, lambda registry: decide(registry, ask, self.terms()))
        except MoveRefused as refused:
            self.log("onboarding.overtaken", institution=ask.institution, move=ask.move, text=str(refused))
        else:
            self.log("onboarding.moved", institution=ask.institution, move=ask.move)

    async def _check_kind(self, institution: str, details: Details) -> None:
        """Whoever is registered applies as what it is: only some kinds must sign the pact (XM, notes 3)."""
        party = (await self.books.directory()).parties.get(institution)
        if party is not None and party.kind not in {None, details.kind}:
            raise MoveRefused(
                f"{institution} 登记的类别是 {party.kind}，申请表的单位性质（kind）却是 {details.kind}，请改为一致。"
            )

    def _now(self) -> int:
        return self.legal_time.at(self.clock.now())

    async def _record(self, ask: Ask, decision: Callable[[Registry], Sequence[Event]]) -> Application:
        for _ in range(_TRIES):
            events = decision(await self.books.registry())
            await self._change_standing(ask, events)
            if await self.books.record_move(self._describe(ask, events), now=self.clock.now()):
                return events[-1].application
        raise MoveRefused("同一时间的操作太多，请稍后重试。")

    def _describe(self, ask: Ask, events: Sequence[Event]) -> Recorded:
        first = events[0]
        move = MOVES.get(first.move)
        because = ask.reason or name_move(first.move)
        audit = Audit(actor=ask.actor, action=f"onboarding.{first.move}", about=ask.institution, reason=because)
        live = move is not None and move.standing == "live"
        clocks = self._change_clocks(first, move.clock) if move is not None and move.clock else ()
        return Recorded(events=events, audit=audit, clocks=clocks, standing=Standing.LIVE if live else None)

    def _change_clocks(self, event: Event, happening: str) -> Sequence[ClockChange]:
        """The window is a legal clock, with its warnings."""
        told = Happening(
            type=happening,
            id=f"onboarding-{event.number}",
            source=GATEWAY,
            subject=event.application.institution,
            platform=PLATFORM,
            now=event.at,
            area=self.areas[NATIONAL].at(local_date(event.at)),
            region=None,
            data={"windowDue": event.application.window_due},
        )
        return find_changes(told, self.legal_time.calendar)

    async def _change_standing(self, ask: Ask, events: Sequence[Event]) -> None:
        """By the authority's decision, before the event: one that was made already is as well."""
        move = MOVES.get(events[0].move)
        if move is None or move.standing in {None, "live"}:
            return
        decision = ask.data["decision"]
        because = "；".join(part for part in (decision.number, decision.authority, decision.reason) if part)
        audit = Audit(actor=ask.actor, action=f"party.{move.standing}", about=ask.institution, reason=because)
        await self.standings.move(ask.institution, str(move.standing), decision, audit)
