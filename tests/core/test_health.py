"""Health of an institution: who gets how many pushes at once (architecture point 10)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.health import SECOND, Condition, Health, count_lanes, observe

MOST = 16


def after(outcomes: str, *, most: int = MOST, seconds: float = 0.0) -> list[Health]:
    """The health after each push: `+` answered, `-` silent; `seconds` pass between two."""
    found = [Health()]
    for number, sign in enumerate(outcomes, start=1):
        now = int(number * seconds * SECOND)
        found.append(observe(found[-1], answered=sign == "+", most=most, now=now))
    return found


@pytest.mark.parametrize(
    ("outcomes", "condition", "lanes"),
    [
        ("", Condition.HEALTHY, 16),
        ("--", Condition.HEALTHY, 16),
        ("--+--+--", Condition.HEALTHY, 16),
        ("---", Condition.DEGRADED, 8),
        ("-----", Condition.DEGRADED, 8),
        ("---+", Condition.HEALTHY, 16),
        ("------", Condition.PAUSED, 1),
        ("-" * 100, Condition.PAUSED, 1),
        ("------+", Condition.RECOVERING, 2),
        ("------+++", Condition.RECOVERING, 4),
        ("------+++++++", Condition.RECOVERING, 8),
        ("------+-", Condition.PAUSED, 1),
        ("------++++++-", Condition.PAUSED, 1),
        ("------" + "+" * 15, Condition.HEALTHY, 16),
    ],
)
def test_a_run_of_outcomes_leads_to_a_condition(outcomes: str, condition: Condition, lanes: int):
    """Three silent pushes degrade, six pause, an answer begins a recovery that doubles, one silence ends it."""
    health = after(outcomes, seconds=1)[-1]
    assert (health.condition, count_lanes(health, MOST)) == (condition, lanes)


def test_a_recovery_takes_its_time():
    """However fast the answers come, the lanes double once a second at most."""
    health = after("------+")[-1]
    for now in range(0, 5 * SECOND, SECOND // 50):
        health = observe(health, answered=True, most=64, now=now)
        assert count_lanes(health, 64) <= 2 ** (1 + now // SECOND)


@pytest.mark.parametrize("most", [1, 2])
def test_who_takes_few_at_once_recovers_with_the_first_answer(most: int):
    """There is nothing to pace."""
    assert after("------+", most=most)[-1].condition is Condition.HEALTHY


@given(st.text("+-", max_size=60), st.integers(1, 64))
def test_lanes_stay_within_their_bounds(outcomes: str, most: int):
    """There is always one lane, never more than the institution takes; an answer never takes more than it gives."""
    walk = after(outcomes, most=most, seconds=1)
    lanes = [count_lanes(health, most) for health in walk]
    assert all(1 <= count <= most for count in lanes)
    for (before, then), sign in zip(pairwise(lanes), outcomes, strict=True):
        assert then >= before if sign == "+" else then <= before


@given(st.text("+-", max_size=60))
def test_whoever_answers_long_enough_is_healthy(outcomes: str):
    """No past is held against an institution."""
    assert after(outcomes + "+" * 40, seconds=1)[-1].condition is Condition.HEALTHY
