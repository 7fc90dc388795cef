"""The moves of onboarding made: each becomes events of an append-only history (domain section 6).

A move that takes two operators is proposed by the first and made by the second. What an applicant does itself is
counted by the day, so that nobody's history grows without bound.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from gateway.core.calendar import end_of_day, local_date
from gateway.core.onboarding import (
    PURGED,
    STAGES,
    Application,
    Details,
    Hand,
    MoveRefused,
    Proposal,
    Registry,
    Stage,
    Terms,
    TooManyMoves,
)
from gateway.core.onboarding_changes import Ask, Scene
from gateway.core.onboarding_table import MOVES, Move

GATEWAY_ACTOR: Final = "gateway"
_SECOND: Final = 1_000_000
_WHY_FIRST: Final = {"submitted": "按申请顺序，先到先测", "complete": "按材料齐全的先后"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the append-only history, and the application after it."""

    number: int
    move: str
    actor: str
    at: int
    reason: str
    application: Application


def decide(registry: Registry, ask: Ask, terms: Terms) -> list[Event]:
    """The events that a move makes, numbered on from the registry's last; none where it changes nothing.

    Raises MoveRefused.
    """
    move = MOVES[ask.move]
    before = registry.applications.get(ask.institution)
    if before is None:
        raise MoveRefused(f"没有机构 {ask.institution} 的对接申请，请先用 wgg onboarding apply 建立。")
    if before.stage not in move.start:
        allowed = "、".join(STAGES[stage] for stage in move.start)
        raise MoveRefused(f"{ask.institution} 当前“{STAGES[before.stage]}”，“{move.title}”只用于：{allowed}。")
    after = move.change(Scene(before, ask, registry, terms))
    if move.to is None and after == before:
        return []
    if move.two and not _is_second(after, ask):
        return [_propose(registry, ask, before, after)]
    return [*_follow(registry, ask, move, replace(_count(after, ask, terms), proposal=None))]


def begin(registry: Registry, institution: str, details: Details, ask: Ask, terms: Terms) -> Event:
    """The event that opens an application; one that was withdrawn or terminated may apply anew. Raises MoveRefused."""
    before, number = registry.applications.get(institution), registry.number + 1
    if before is not None and before.stage not in {Stage.DRAFT, Stage.WITHDRAWN, Stage.TERMINATED}:
        raise MoveRefused(f"{institution} 已有对接申请（{STAGES[before.stage]}），不能重新填报；如需更改请先撤回。")
    opened = Application(institution=institution, details=details, stage=Stage.DRAFT, since=ask.at, form=number)
    if before is not None:
        papers = before.papers if _goes_on(before) else MappingProxyType({})
        opened = replace(opened, papers=papers, day=before.day, moves_today=before.moves_today)
    return _event(number, ask, "apply", _count(opened, ask, terms))


def _goes_on(before: Application) -> bool:
    """Whether a draft is filled in anew, its papers kept: one whose term of keeping was over has none."""
    return before.stage is Stage.DRAFT and before.details.contact != PURGED


def find_due(registry: Registry, now: int, terms: Terms) -> Iterator[Ask]:
    """What the clock asks for: windows that are over, then a window for the next in the queue."""
    testing = registry.at(Stage.TESTING)
    over = [each for each in testing if each.window_due is not None and each.window_due <= now]
    for each in over:
        yield _ask_for("expire", each.institution, now, "测试窗口期满")
    if not over and registry.queue and len(testing) < terms.windows:
        yield _ask_for("open", registry.queue[0].institution, now, _WHY_FIRST[terms.order_by])


def _ask_for(move: str, institution: str, now: int, reason: str) -> Ask:
    return Ask(move=move, institution=institution, actor=GATEWAY_ACTOR, at=now, hand=Hand.GATEWAY, reason=reason)


def _count(after: Application, ask: Ask, terms: Terms) -> Application:
    """One more of the applicant's own moves of this day; TooManyMoves when there were enough."""
    if ask.hand is not Hand.APPLICANT:
        return after
    today = local_date(ask.at)
    made = after.moves_today if after.day == today.toordinal() else 0
    if made >= terms.daily:
        text = f"{after.institution} 今日（北京时间）已操作 {made} 次，达到每日上限，请明日再办；急事请联系接入工程师。"
        raise TooManyMoves(text, retry_after=-(-(end_of_day(today) - ask.at) // _SECOND))
    return replace(after, day=today.toordinal(), moves_today=made + 1)


def _follow(registry: Registry, ask: Ask, move: Move, after: Application) -> Iterator[Event]:
    """The move's event; papers that are complete put the application into the queue at once."""
    moved = after if move.to in {None, after.stage} else replace(after, stage=move.to, since=ask.at)
    yield _event(registry.number + 1, ask, move.name, moved)
    if moved.stage is Stage.COMPLETE:
        queued = replace(moved, stage=Stage.QUEUED)
        yield _event(registry.number + 2, replace(ask, reason="六项材料均已核对，自动排队"), "queue", queued)


def _event(number: int, ask: Ask, move: str, after: Application) -> Event:
    reason = "；".join(part for part in (ask.decision, ask.reason.strip()) if part)
    return Event(number=number, move=move, actor=ask.actor, at=ask.at, reason=reason, application=after)


def _is_second(after: Application, ask: Ask) -> bool:
    """Whether another operator proposed this move on the same grounds; MoveRefused for the same one again."""
    proposal = after.proposal
    if proposal is None or (proposal.move, proposal.grounds) != (ask.move, _grounds(after, ask)):
        return False
    if is_same_person(proposal.actor, ask.actor):
        raise MoveRefused(f"“{MOVES[ask.move].title}”已由 {proposal.actor} 提出，须由另一名操作员确认。")
    return True


def _grounds(after: Application, ask: Ask) -> str:
    """What both operators must mean: the decision that is cited, else the certificate."""
    return ask.decision or (after.certificate.digest if after.certificate else "")


def is_same_person(one: str, other: str) -> bool:
    """Whether two operators' names are one: a blank or a full-width letter makes nobody another person."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _propose(registry: Registry, ask: Ask, before: Application, after: Application) -> Event:
    proposal = Proposal(move=ask.move, actor=ask.actor, at=ask.at, grounds=_grounds(after, ask))
    return _event(registry.number + 1, ask, f"{ask.move}.proposed", replace(before, proposal=proposal))
