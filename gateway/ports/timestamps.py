"""A timestamp authority: whoever it is, and however it is reached."""

from __future__ import annotations

from typing import Protocol


class TimestampAuthority(Protocol):
    """Puts its time on bytes."""

    async def stamp(self, data: bytes) -> bytes:
        """The authority's answer over `data`, verified. Raises OSError where none came, ValueError for a bad one."""
        ...
