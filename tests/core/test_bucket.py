"""Token buckets (protocol section 7, RATE_LIMITED)."""

from __future__ import annotations

import pytest

from gateway.core.bucket import Buckets
from gateway.core.errors import Problem

SECOND = 1_000_000


def take_all(buckets: Buckets, key: str, now: int) -> int:
    """How many tokens `key` gets at `now` before it is refused."""
    for count in range(1000):
        try:
            buckets.take(key, now)
        except Problem:
            return count
    raise AssertionError("the bucket never empties")


def test_a_burst_then_the_rate():
    """A sender gets its burst at once, then as many as the rate refills."""
    buckets = Buckets(rate=2, burst=5)
    assert take_all(buckets, "xmccb", 0) == 5
    assert take_all(buckets, "xmccb", SECOND) == 2
    assert take_all(buckets, "xmccb", 100 * SECOND) == 5


def test_the_refusal_names_the_seconds_to_wait():
    """RATE_LIMITED carries Retry-After in whole seconds, at least one, enough for the next token."""
    buckets = Buckets(rate=0.25, burst=1)
    buckets.take("xmccb", 0)
    with pytest.raises(Problem) as caught:
        buckets.take("xmccb", 0)
    assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMITED", 4)
    buckets.take("xmccb", 4 * SECOND)


def test_keys_do_not_share():
    """One sender's rush costs another nothing."""
    buckets = Buckets(rate=1, burst=3)
    assert take_all(buckets, "a", 0) == 3
    assert take_all(buckets, "b", 0) == 3


def test_a_token_given_back_can_be_taken_again():
    """What turned out to be a proved sender's does not count against its address; never more than the burst."""
    buckets = Buckets(rate=1, burst=1)
    buckets.take("127.0.0.1", 0)
    buckets.give("127.0.0.1", 0)
    buckets.give("127.0.0.1", 0)
    assert take_all(buckets, "127.0.0.1", 0) == 1


def test_memory_is_bounded():
    """The key that was silent longest is forgotten when too many are kept."""
    buckets = Buckets(rate=1, burst=1, keys=2)
    for key in ("a", "b", "c"):
        buckets.take(key, 0)
    assert take_all(buckets, "c", 0) == 0
    assert take_all(buckets, "a", 0) == 1


def test_a_clock_that_steps_back_gives_nothing():
    """Time that runs backwards refills nothing and breaks nothing."""
    buckets = Buckets(rate=1, burst=1)
    buckets.take("a", 10 * SECOND)
    assert take_all(buckets, "a", 0) == 0
