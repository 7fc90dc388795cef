"""The facade over tenacity: the delivery schedule's strategy, and retries of passing faults within the process.

Source: architecture point 6: tenacity never runs the push itself; its due time is a row in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_chain, wait_exponential, wait_fixed, wait_random_exponential

T = TypeVar("T")

_FIRST_WAIT_S: Final = 0.02
_LONGEST_WAIT_S: Final = 1.0
_RANDOM: Final = SystemRandom().random


class _Scaled(wait_base):
    """Another strategy's wait, times a random factor between 1 - jitter and 1 + jitter."""

    def __init__(self, inner: wait_base, jitter: float, random: Callable[[], float]) -> None:
        self._inner = inner
        self._jitter = jitter
        self._random = random

    def __call__(self, retry_state: RetryCallState) -> float:
        return self._inner(retry_state) * (1 + self._jitter * (2 * self._random() - 1))


def delivery_wait(
    schedule: Sequence[float], repeat: float, jitter: float, random: Callable[[], float]
) -> Callable[[int], float]:
    """Seconds to wait after attempt n (from 1): the schedule's n-th, then `repeat` for ever, each ± `jitter`.

    `random` gives numbers from 0 up to 1. Source: protocol section 6.
    """
    steps = wait_chain(*(wait_fixed(seconds) for seconds in (*schedule, repeat)))
    strategy = _Scaled(steps, jitter, random)

    return lambda attempt: _after(strategy, attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Growing waits between connections that fail: `first` seconds, doubled each time up to `longest`, ± `jitter`."""

    first: float = 0.1
    longest: float = 5.0
    jitter: float = 0.2

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (from 1)."""
        return _after(_Scaled(wait_exponential(self.first, self.longest), self.jitter, _RANDOM), failures)


async def retry_transient(
    fn: Callable[[], Awaitable[T]],
    *,
    on: type[BaseException] | tuple[type[BaseException], ...],
    tries: int,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """What `fn` returns, called at most `tries` times while it raises `on`; the last error is raised as it is.

    Between the calls it waits a random time below 20 ms that doubles each time, up to one second.
    """
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(on),
        stop=stop_after_attempt(tries),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
        sleep=sleep,
        reraise=True,
    )
    return await attempts(fn)


def _after(strategy: wait_base, attempt: int) -> float:
    """Ask a strategy of tenacity outside of its loop."""
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = attempt
    return strategy(state)
