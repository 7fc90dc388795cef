"""A delivery's states and the decision after each attempt.

Source: protocol section 6 (answer table, schedule), architecture point 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.core.exchange import Fault

SECOND: Final = 1_000_000
"""Microseconds."""

CLAIMS_BEFORE_PARKING: Final = 5
"""Claims without an outcome that park a row (architecture point 5)."""


class State(StrEnum):
    """What `GET /v1/messages` shows (protocol section 5)."""

    ACCEPTED = "accepted"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    HELD = "held"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE: Final = (State.ACCEPTED, State.DELIVERING, State.HELD)
"""A live row keeps later rows of its recipient and subject waiting."""

CLAIMABLE: Final = (State.ACCEPTED, State.DELIVERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Try again not before `due_at` (microseconds UTC)."""

    due_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Park the row: nothing is tried until an operator acts; it blocks its subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Die:
    """Give up: a dead letter; the sender is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """The message stands in the mailbox; no attempt is due until a receipt comes.

    `party` and `adapter` say who stands to be asked, and by what it was decided: where the party has another adapter by
    now, the claim is given back instead, so that nothing stands in a mailbox that nobody reads.
    """

    party: str | None = None
    adapter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """The claim is returned unused: it costs no attempt."""


Decision = RetryAt | Hold | Die | Stood | GiveBack

Wait = Callable[[int], float]
"""Seconds to wait after attempt n (from 1), jitter included."""


def decide_after_fault(fault: Fault, *, attempt: int, give_up_at: int, now: int, wait: Wait) -> RetryAt | Die:
    """Retry by the schedule until `give_up_at`; the last attempt falls on that instant, after it the row dies.

    `Retry-After` is honoured between the schedule's step and twice it.
    """
    if now >= give_up_at:
        return Die()
    step = wait(attempt)
    delay = step if fault.retry_after is None else min(max(fault.retry_after, step), 2 * step)
    return RetryAt(due_at=min(now + int(delay * SECOND), give_up_at))
