"""Named points of the code at which a test may let a process die; a point that nothing was armed for does nothing.

Arming is the work of `bootstrap`, which refuses it in production.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

ACCEPT_COMMITTED: Final = "accept.committed"
"""Messages are durable, their senders have no answer yet."""

RELAY_PUBLISHED: Final = "relay.published"
"""Wake-ups are confirmed by the bus, their rows are not marked yet."""

DELIVER_CLAIMED: Final = "deliver.claimed"
"""A row is claimed, nothing is sent yet."""

DELIVER_ANSWERED: Final = "deliver.answered"
"""A recipient has answered, nothing is written yet."""

SWEEP_DONE: Final = "sweep.done"
"""A sweep has taken rows back, nobody was told yet."""

CLOCKS_FIRED: Final = "clocks.fired"
"""Thresholds of legal clocks are fired and committed, nobody was told yet."""

NAMES: Final = frozenset(
    {ACCEPT_COMMITTED, RELAY_PUBLISHED, DELIVER_CLAIMED, DELIVER_ANSWERED, SWEEP_DONE, CLOCKS_FIRED}
)

_ARMED: Final[dict[str, Callable[[], None]]] = {}


def reach(name: str) -> None:
    """The code is at this point."""
    action = _ARMED.get(name)
    if action is not None:
        action()


def arm(name: str, action: Callable[[], None]) -> None:
    """Do something each time the code is at this point. ValueError for a point that does not exist."""
    if name not in NAMES:
        raise ValueError(f"没有名为 {name} 的故障点，可选：{'、'.join(sorted(NAMES))}")
    _ARMED[name] = action


def disarm() -> None:
    """All points are inert again."""
    _ARMED.clear()
