"""The port of the public authenticity check: what may be shown on paper, found by what stands on it.

Every call may raise `StoreUnavailable`. Source: protocol section 5, `/verify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.core.authenticity import Paper


class Papers(Protocol):
    """Messages with the standing of their subject."""

    async def paper(self, source: str, message_id: str) -> Paper | None:
        """An accepted message by sender and id."""
        ...

    async def issued_papers(self, number: str) -> Sequence[Paper]:
        """The messages that issued a guarantee under this number (two institutions may use the same), latest first."""
        ...
