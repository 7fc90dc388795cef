"""The moves of onboarding as one table: from which stages, to which, whose they are (domain section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.core.onboarding import Hand, Stage
from gateway.core.onboarding_changes import (
    Change,
    attach_paper,
    check_paper,
    complete,
    extend_window,
    fall_back,
    go_live,
    keep,
    open_window,
    pass_test,
    send_back,
    submit,
    take_up_place,
    with_decision,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One row. `to` None keeps the stage; `standing` names the move of the institution's standing that goes with it."""

    name: str
    title: str
    hands: tuple[Hand, ...]
    start: tuple[Stage, ...]
    to: Stage | None
    change: Change
    two: bool = False
    standing: str | None = None
    clock: str | None = None


_BOTH: Final = (Hand.APPLICANT, Hand.OPERATOR)
_OPERATOR: Final = (Hand.OPERATOR,)
_BEFORE_LIVE: Final = (Stage.DRAFT, Stage.SUBMITTED, Stage.QUEUED, Stage.TESTING, Stage.PASSED)

_ROWS: Final = (
    Move(name="attach", title="提交材料", hands=_BOTH, start=(Stage.DRAFT,), to=None, change=attach_paper),
    Move(name="submit", title="提交申请", hands=_BOTH, start=(Stage.DRAFT,), to=Stage.SUBMITTED, change=submit),
    Move(name="check", title="核对材料", hands=_OPERATOR, start=(Stage.SUBMITTED,), to=None, change=check_paper),
    Move(name="return", title="退回补正", hands=_OPERATOR, start=(Stage.SUBMITTED,), to=Stage.DRAFT, change=send_back),
    Move(
        name="complete",
        title="材料齐全",
        hands=_OPERATOR,
        start=(Stage.SUBMITTED,),
        to=Stage.COMPLETE,
        change=complete,
    ),
    Move(
        name="open",
        title="开启测试窗口",
        hands=(Hand.OPERATOR, Hand.GATEWAY),
        start=(Stage.QUEUED,),
        to=Stage.TESTING,
        change=open_window,
        clock="onboarding.opened",
    ),
    Move(
        name="fail",
        title="测试未通过",
        hands=_OPERATOR,
        start=(Stage.TESTING,),
        to=Stage.QUEUED,
        change=fall_back,
        clock="onboarding.failed",
    ),
    Move(
        name="expire",
        title="测试窗口期满",
        hands=(Hand.GATEWAY,),
        start=(Stage.TESTING,),
        to=Stage.QUEUED,
        change=fall_back,
        clock="onboarding.failed",
    ),
    Move(
        name="reinstate",
        title="恢复排位",
        hands=_OPERATOR,
        start=(Stage.QUEUED,),
        to=None,
        change=take_up_place,
    ),
    Move(
        name="extend",
        title="延长测试窗口",
        hands=_OPERATOR,
        start=(Stage.TESTING,),
        to=None,
        change=extend_window,
        clock="onboarding.extended",
    ),
    Move(
        name="pass",
        title="测试通过",
        hands=_OPERATOR,
        start=(Stage.TESTING,),
        to=Stage.PASSED,
        change=pass_test,
        clock="onboarding.passed",
    ),
    Move(
        name="go-live",
        title="上线",
        hands=_OPERATOR,
        start=(Stage.PASSED,),
        to=Stage.LIVE,
        change=go_live,
        two=True,
        standing="live",
        clock="institution.live",
    ),
    Move(
        name="withdraw",
        title="撤回申请",
        hands=_BOTH,
        start=_BEFORE_LIVE,
        to=Stage.WITHDRAWN,
        change=keep,
        clock="onboarding.left",
    ),
    Move(
        name="suspend",
        title="暂停",
        hands=_OPERATOR,
        start=(Stage.LIVE,),
        to=Stage.SUSPENDED,
        change=with_decision,
        two=True,
        standing="suspend",
    ),
    Move(
        name="restore",
        title="恢复",
        hands=_OPERATOR,
        start=(Stage.SUSPENDED,),
        to=Stage.LIVE,
        change=with_decision,
        two=True,
        standing="restore",
    ),
    Move(
        name="terminate",
        title="终止",
        hands=_OPERATOR,
        start=(Stage.LIVE, Stage.SUSPENDED),
        to=Stage.TERMINATED,
        change=with_decision,
        two=True,
        standing="stop",
    ),
    Move(
        name="exit",
        title="退出",
        hands=_OPERATOR,
        start=(Stage.LIVE, Stage.SUSPENDED),
        to=Stage.TERMINATED,
        change=with_decision,
        two=True,
        standing="exit",
    ),
)

MOVES: Final[Mapping[str, Move]] = MappingProxyType({row.name: row for row in _ROWS})
