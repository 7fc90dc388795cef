"""Onboarding carried out: a move is decided on the registry as it stands and recorded, or decided again.

Source: domain section 6; access guide (XM), notes for institutions 2. The sweep ends windows that are over and opens
one for the next in the queue; many processes may sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from gateway.core.area import NATIONAL, Area
from gateway.core.calendar import local_date
from gateway.core.happening import Happening
from gateway.core.legal_time import LegalTime
from gateway.core.onboarding import Application, Details, Hand, MoveRefused, Outlook, Registry, Terms, look_ahead
from gateway.core.onboarding_changes import Ask
from gateway.core.onboarding_moves import Event, begin, decide, find_due
from gateway.core.onboarding_table import MOVES
from gateway.core.onboarding_window import find_testing
from gateway.core.party import GATEWAY, PLATFORM, Standing
from gateway.core.sla import ClockChange, find_changes
from gateway.crypto.keys import PublicKey
from gateway.flow.onboarding_checks import LIVE, Proving, check_applicant, check_file, check_going_live, check_standing
from gateway.flow.standings import StandingDesk
from gateway.ports import Audit, Clock, FileRows, Onboardings, Parties, Recorded

_TRIES: Final = 8
_OWN: Final = "申请机构自行办理"
_NO_REASON: Final = "未写明原因"


class Books(Onboardings, Parties, FileRows, Protocol):
    """What the desk needs of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many windows are open at once, what orders the queue, whether the sweep opens windows by itself, and how many
    moves an applicant itself may make a day.
    """

    windows: int
    order_by: str
    automatic: bool
    daily: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingDesk:
    """Where applications move. `signer` is the one key whose certificates count, None for any that verifies."""

    books: Books
    standings: StandingDesk
    areas: Mapping[str, Area]
    clock: Clock
    legal_time: LegalTime
    plan: Plan
    log: Callable[..., None]
    signer: PublicKey | None = None

    def terms(self) -> Terms:
        """What holds now: the window is a clock of the area files."""
        area = self.areas[NATIONAL].at(local_date(self._now()))
        return Terms(
            calendar=self.legal_time.calendar,
            window=area.clocks["onboarding-test"],
            close=area.day_close,
            windows=self.plan.windows,
            order_by=self.plan.order_by,
            daily=self.plan.daily,
        )

    async def apply(
        self, institution: str, details: Details, *, actor: str, hand: Hand = Hand.OPERATOR, reason: str = ""
    ) -> Application:
        """Open an application, or fill in its form anew. Raises MoveRefused."""
        check_applicant(await self.books.directory(), institution, details)
        ask = Ask(move="apply", institution=institution, actor=actor, at=self._now(), hand=hand, reason=reason)
        return await self._record(ask, lambda registry: [begin(registry, institution, details, ask, self.terms())])

    async def move(
        self,
        name: str,
        institution: str,
        *,
        actor: str,
        hand: Hand = Hand.OPERATOR,
        reason: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> Application:
        """Make a move, or propose one that takes two operators. Raises MoveRefused."""
        ask = Ask(
            move=name, institution=institution, actor=actor, at=self._now(), hand=hand, reason=reason, data=data or {}
        )
        await self._check(ask)
        return await self._record(ask, lambda registry: decide(registry, ask, self.terms()))

    async def rehearse(self, name: str, institution: str, *, actor: str, data: Mapping[str, Any]) -> None:
        """Raise MoveRefused where this move of an operator's would be refused by its application as it stands."""
        ask = Ask(move=name, institution=institution, actor=actor, at=self._now(), data=data)
        decide(await self.books.registry(), ask, self.terms())

    async def let_live(self, institution: str, audit: Audit) -> None:
        """Let an institution go live that applied elsewhere; its duty of confidence begins. Raises Missing."""
        now = self._now()
        told = self._happen("institution.live", institution, now, f"live-{institution}-{now}")
        clocks = find_changes(told, self.legal_time.calendar)
        recorded = Recorded(events=(), audit=audit, clocks=clocks, standing=Standing.LIVE)
        await self.books.record_move(recorded, now=self.clock.now())

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

    def proving(self) -> Proving:
        """What certificates are held against now."""
        return Proving(now=self.clock.now(), legal_time=self.legal_time, pinned=self.signer)

    async def _check(self, ask: Ask) -> None:
        """What a move asks of the world outside its own application."""
        standing = MOVES[ask.move].standing
        if ask.move == "attach":
            decide(await self.books.registry(), ask, self.terms())
            await check_file(self.books, ask)
        if standing is not None:
            application = (await self.books.registry()).applications.get(ask.institution)
            if standing == LIVE and application is not None:
                check_going_live(application, ask, self.proving())
            check_standing(await self.books.directory(), ask, application)

    def _now(self) -> int:
        return self.legal_time.at(self.clock.now())

    async def _record(self, ask: Ask, decision: Callable[[Registry], Sequence[Event]]) -> Application:
        for _ in range(_TRIES):
            registry = await self.books.registry()
            events = decision(registry)
            if not events:
                return registry.applications[ask.institution]
            await self._change_standing(ask, events)
            if await self.books.record_move(self._describe(ask, events), now=self.clock.now()):
                return events[-1].application
        raise MoveRefused("同一时间的操作太多，请稍后重试。")

    def _describe(self, ask: Ask, events: Sequence[Event]) -> Recorded:
        first = events[0]
        move = MOVES.get(first.move)
        because = first.reason or (_OWN if ask.hand is Hand.APPLICANT else _NO_REASON)
        audit = Audit(actor=ask.actor, action=f"onboarding.{first.move}", about=ask.institution, reason=because)
        live = move is not None and move.standing == LIVE
        clocks = self._change_clocks(first, move.clock) if move is not None and move.clock else ()
        return Recorded(events=events, audit=audit, clocks=clocks, standing=Standing.LIVE if live else None)

    def _change_clocks(self, event: Event, happening: str) -> Sequence[ClockChange]:
        """The window is a legal clock, with its warnings."""
        told = self._happen(happening, event.application.institution, event.at, f"onboarding-{event.number}")
        data = {"windowDue": event.application.window_due}
        return find_changes(replace(told, data=data), self.legal_time.calendar)

    def _happen(self, happening: str, institution: str, at: int, number: str) -> Happening:
        return Happening(
            type=happening,
            id=number,
            source=GATEWAY,
            subject=institution,
            platform=PLATFORM,
            now=at,
            area=self.areas[NATIONAL].at(local_date(at)),
            region=None,
        )

    async def _change_standing(self, ask: Ask, events: Sequence[Event]) -> None:
        """By the authority's decision, before the event: one that was made already is as well."""
        move = MOVES.get(events[0].move)
        if move is None or move.standing in {None, LIVE}:
            return
        audit = Audit(actor=ask.actor, action=f"party.{move.standing}", about=ask.institution, reason=events[0].reason)
        if await self.standings.move(ask.institution, str(move.standing), ask.data["decision"], audit) is None:
            check_standing(await self.books.directory(), ask, events[0].application)
