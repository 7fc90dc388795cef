from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core.errors import Problem


def refusal_of(read: Callable[..., Any], *values: Any) -> Problem | None:
    """The Problem that reading raised, None if it read; any other exception passes and fails the test."""
    try:
        read(*values)
    except Problem as problem:
        return problem
    return None
