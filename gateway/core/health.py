"""An institution's health: how many pushes it gets at once, by whether it answered the last ones.

healthy → degraded → paused (one probe at a time) → recovering (more and more) → healthy. Only silence counts: an
answer, whatever it says, comes from a system that is up. Source: architecture point 10, ADR 0011.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

SECOND: Final = 1_000_000
"""Microseconds: the pace of a recovery is doubled at most once in this time."""

DEGRADED_AFTER: Final = 3
PAUSED_AFTER: Final = 6
"""Pushes in a row without an answer."""


class Condition(StrEnum):
    """Where an institution stands."""

    HEALTHY = "healthy"
    RECOVERING = "recovering"
    DEGRADED = "degraded"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`silent` pushes in a row got no answer. While recovering, `lanes` pushes go at once and `answered` of them were.

    `since` is when condition or lanes changed last (microseconds UTC).
    """

    condition: Condition = Condition.HEALTHY
    since: int = 0
    silent: int = 0
    lanes: int = 1
    answered: int = 0


_SHARES: Final[Mapping[Condition, Callable[[Health, int], int]]] = {
    Condition.HEALTHY: lambda _, most: most,
    Condition.DEGRADED: lambda _, most: most // 2,
    Condition.PAUSED: lambda *_: 1,
    Condition.RECOVERING: lambda health, most: min(health.lanes, most),
}


def count_lanes(health: Health, most: int) -> int:
    """How many pushes may be under way at once, of the `most` that the institution takes; at least one."""
    return max(1, _SHARES[health.condition](health, most))


def observe(health: Health, *, answered: bool, most: int, now: int) -> Health:
    """The health after one more push, answered or not."""
    if not answered:
        return _hear_nothing(health, now)
    heard = replace(health, silent=0)
    return _ON_ANSWER[health.condition](heard, most, now)


def _hear_nothing(health: Health, now: int) -> Health:
    silent = health.silent + 1
    condition = health.condition
    if silent >= PAUSED_AFTER or condition is Condition.RECOVERING:
        condition = Condition.PAUSED
    elif silent >= DEGRADED_AFTER and condition is Condition.HEALTHY:
        condition = Condition.DEGRADED
    since = health.since if condition is health.condition else now
    return Health(condition=condition, since=since, silent=silent)


def _stay(health: Health, _most: int, _now: int) -> Health:
    return health


def _heal(_health: Health, _most: int, now: int) -> Health:
    return Health(since=now)


def _begin(_health: Health, most: int, now: int) -> Health:
    return _paced(2, most, now)


def _widen(health: Health, most: int, now: int) -> Health:
    """Twice as many once a whole round was answered and the last widening is a second old."""
    answered = health.answered + 1
    if answered < health.lanes or now - health.since < SECOND:
        return replace(health, answered=answered)
    return _paced(2 * health.lanes, most, now)


def _paced(lanes: int, most: int, now: int) -> Health:
    if lanes >= most:
        return Health(since=now)
    return Health(condition=Condition.RECOVERING, since=now, lanes=lanes)


_ON_ANSWER: Final[Mapping[Condition, Callable[[Health, int, int], Health]]] = {
    Condition.HEALTHY: _stay,
    Condition.DEGRADED: _heal,
    Condition.PAUSED: _begin,
    Condition.RECOVERING: _widen,
}
