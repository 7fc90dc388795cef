"""The moves of onboarding made: each becomes events of an append-only history (domain section 6).

A move that takes two operators is proposed by the first and made by the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from gateway.core.onboarding import (
    STAGES,
    Application,
    Details,
    MoveRefused,
    Proposal,
    Registry,
    Stage,
    Terms,
)
from gateway.core.onboarding_changes import Ask, Scene
from gateway.core.onboarding_table import MOVES, Move

GATEWAY_ACTOR: Final = "gateway"


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
    """The events that a move makes, numbered on from the registry's last. Raises MoveRefused."""
    move = MOVES[ask.move]
    before = registry.applications.get(ask.institution)
    if before is None:
        raise MoveRefused(f"没有机构 {ask.institution} 的对接申请，请先用 wgg onboarding apply 建立。")
    if before.stage not in move.start:
        allowed = "、".join(STAGES[stage] for stage in move.start)
        raise MoveRefused(f"{ask.institution} 当前“{STAGES[before.stage]}”，“{move.title}”只用于：{allowed}。")
    scene = Scene(before, ask, registry, terms)
    after = replace(move.change(scene), proposal=None)
    if move.two and not _is_second(before, ask):
        return [_propose(scene)]
    return [*_follow(registry, ask, move, after)]


def begin(registry: Registry, institution: str, details: Details, ask: Ask) -> Event:
    """The event that opens an application; one that was withdrawn or terminated may apply anew. Raises MoveRefused."""
    before = registry.applications.get(institution)
    if before is not None and before.stage not in {Stage.DRAFT, Stage.WITHDRAWN, Stage.TERMINATED}:
        raise MoveRefused(f"{institution} 已有对接申请（{STAGES[before.stage]}），不能重新填报；如需更改请先撤回。")
    papers = before.papers if before is not None and before.stage is Stage.DRAFT else MappingProxyType({})
    opened = Application(institution=institution, details=details, stage=Stage.DRAFT, since=ask.at, papers=papers)
    return _event(registry.number + 1, ask, "apply", opened)


def find_due(registry: Registry, now: int, terms: Terms) -> Iterator[Ask]:
    """What the clock asks for: windows that are over, then a window for the next in the queue."""
    testing = registry.at(Stage.TESTING)
    over = [each for each in testing if each.window_due is not None and each.window_due <= now]
    for each in over:
        yield Ask(move="expire", institution=each.institution, actor=GATEWAY_ACTOR, at=now, reason="测试窗口期满")
    if not over and registry.queue and len(testing) < terms.windows:
        first = registry.queue[0].institution
        yield Ask(move="open", institution=first, actor=GATEWAY_ACTOR, at=now, reason="按申请顺序")


def _follow(registry: Registry, ask: Ask, move: Move, after: Application) -> Iterator[Event]:
    """The move's event; papers that are complete put the application into the queue at once."""
    moved = after if move.to in {None, after.stage} else replace(after, stage=move.to, since=ask.at)
    yield _event(registry.number + 1, ask, move.name, moved)
    if moved.stage is Stage.COMPLETE:
        yield _event(registry.number + 2, ask, "queue", replace(moved, stage=Stage.QUEUED))


def _event(number: int, ask: Ask, move: str, after: Application) -> Event:
    return Event(number=number, move=move, actor=ask.actor, at=ask.at, reason=ask.reason, application=after)


def _is_second(before: Application, ask: Ask) -> bool:
    """Whether another operator proposed this move; MoveRefused for the same one again."""
    proposal = before.proposal
    if proposal is None or proposal.move != ask.move:
        return False
    if proposal.actor == ask.actor:
        raise MoveRefused(f"“{MOVES[ask.move].title}”已由 {ask.actor} 提出，须由另一名操作员确认。")
    return True


def _propose(scene: Scene) -> Event:
    ask = scene.ask
    proposal = Proposal(move=ask.move, actor=ask.actor, at=ask.at)
    proposed = replace(scene.before, proposal=proposal)
    return _event(scene.registry.number + 1, ask, f"{ask.move}.proposed", proposed)
