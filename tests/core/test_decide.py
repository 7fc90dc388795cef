"""What is decided after a fault (protocol section 6)."""

from __future__ import annotations

import pytest

from gateway.core.delivery import SECOND, Die, RetryAt, decide_after_fault
from gateway.core.exchange import Fault
from gateway.retrying import delivery_wait

HOUR = 3600
SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600)
WAIT = delivery_wait(SCHEDULE, 3 * HOUR, 0.2, lambda: 0.5)  # the middle of the jitter: the step itself
GIVE_UP = 72 * HOUR * SECOND


def decide(attempt: int, *, now: int = 0, retry_after: int | None = None) -> RetryAt | Die:
    """The decision after attempt `attempt` at `now`."""
    fault = Fault(code="HTTP_503", message="", retry_after=retry_after)
    return decide_after_fault(fault, attempt=attempt, give_up_at=GIVE_UP, now=now, wait=WAIT)


@pytest.mark.parametrize(("attempt", "seconds"), [*enumerate(SCHEDULE, 1), (11, 3 * HOUR), (30, 3 * HOUR)])
def test_the_schedule(attempt: int, seconds: int):
    """Each attempt that failed is followed by the schedule's next step."""
    assert decide(attempt) == RetryAt(due_at=seconds * SECOND)


@pytest.mark.parametrize(("said", "kept"), [(1, 30), (45, 45), (60, 60), (61, 60), (10**9, 60)])
def test_retry_after_is_kept_between_the_step_and_twice_it(said: int, kept: int):
    """Retry-After moves the third step of 30 s to at most 60 s, never below 30 s."""
    assert decide(3, retry_after=said) == RetryAt(due_at=kept * SECOND)


def test_the_last_attempt_falls_on_the_end():
    """A step that would pass the 72nd hour is cut to it: one last attempt, then the row dies."""
    assert decide(40, now=GIVE_UP - SECOND) == RetryAt(due_at=GIVE_UP)
    assert decide(41, now=GIVE_UP) == Die()


@pytest.mark.parametrize(("drawn", "factor"), [(0.0, 0.8), (0.5, 1.0), (0.999999, 1.2)])
def test_jitter_is_a_fifth_either_way(drawn: float, factor: float):
    """Each step is spread by ±20 %."""
    wait = delivery_wait(SCHEDULE, 3 * HOUR, 0.2, lambda: drawn)
    assert wait(1) == pytest.approx(15 * factor, rel=1e-4)
