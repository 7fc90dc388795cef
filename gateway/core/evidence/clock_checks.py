"""The check of legal clocks: none of a clock's changes is missing, and they tell one course."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.core.evidence.leaves import CLOCK, CLOCK_EVENT
from gateway.core.evidence.opened import Findings, Opened, Tools
from gateway.core.legal_clock import ClockState

_MOST: Final = 10_000
_OVER: Final = frozenset({ClockState.ENDED.value, ClockState.WITHDRAWN.value})
_SAME: Final = ("rule", "subject")

Leaf = Mapping[str, Any]


def check_clocks(opened: Opened, _tools: Tools, found: Findings) -> None:
    """Of each clock the steps count up from 1 without a gap to the last one, and none follows its end."""
    made = {str(leaf.get("clock")): leaf for leaf in opened.of_kind(CLOCK).values()}
    steps: dict[str, dict[str, Leaf]] = defaultdict(dict)
    for path, leaf in opened.of_kind(CLOCK_EVENT).items():
        steps[str(leaf.get("clock"))][path] = leaf
    counted = None if opened.manifest is None else opened.manifest.clocks
    for number in sorted({*made, *steps, *(counted or ())}):
        found.examined += 1
        last = _highest(steps[number].values()) if counted is None else counted.get(number, 0)
        _check_count(number, steps[number].values(), last, found)
        _check_course(made.get(number), steps[number], found)


def _check_count(number: str, leaves: Iterable[Leaf], last: int, found: Findings) -> None:
    places = [step for leaf in leaves if isinstance(step := leaf.get("step"), int)]
    missing = sorted(set(range(1, min(last, _MOST) + 1)) - set(places))
    if missing:
        told = "、".join(map(str, missing[:10]))
        found.blame("leaves/", f"期限 {number} 共 {last} 次变动，缺少第 {told} 次")
    elif len(places) != last:
        found.blame("leaves/", f"期限 {number} 的变动多于 {last} 次，或次序重复")


def _check_course(made: Leaf | None, steps: Mapping[str, Leaf], found: Findings) -> None:
    """What a clock is about stays; once it is over nothing becomes of it any more."""
    before: Leaf | None = made
    over = False
    for path, leaf in sorted(steps.items(), key=lambda pair: _step(pair[1])):
        if before is None:
            found.blame(path, f"包内没有期限 {leaf.get('clock')} 的设立")
        elif any(leaf.get(name) != before.get(name) for name in _SAME):
            found.blame(path, "与期限设立时的规则或业务编号不符")
        if over:
            found.blame(path, "期限已办结或撤销，之后又有变动")
        before, over = leaf, over or leaf.get("state") in _OVER


def _highest(leaves: Iterable[Leaf]) -> int:
    return max((_step(leaf) for leaf in leaves), default=0)


def _step(leaf: Leaf) -> int:
    step = leaf.get("step")
    return step if isinstance(step, int) else 0
