"""Arms failpoints from the variable WGG_FAILPOINTS, for the kill harness: `accept.committed=20,relay.published=3`.

The process ends at the n-th time that it is at the point, as SIGKILL would end it. Nothing is ever armed in production.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from gateway.config import Settings
from gateway.core.failpoints import arm

VARIABLE: Final = "WGG_FAILPOINTS"
KILLED: Final = 137


def arm_failpoints(settings: Settings, env: Mapping[str, str]) -> None:
    """Arm what the variable names. ValueError for a point that does not exist or a count that is no number."""
    text = env.get(VARIABLE)
    if not text or settings.environment == "production":
        return
    for part in text.split(","):
        name, _, times = part.partition("=")
        arm(name, _Fuse(int(times or 1), lambda: os._exit(KILLED)))


class _Fuse:
    """Acts at the n-th call."""

    def __init__(self, times: int, act: Callable[[], object]) -> None:
        self._left = times
        self._act = act

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()
