"""The port of retention: what has served its term is found and purged in slices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from gateway.core.retention import Dossier


class Retention(Protocol):
    """Purging. Every call may raise `StoreUnavailable`; each is one short transaction."""

    async def dossiers(self, *, after: str, limit: int) -> Sequence[Dossier]:
        """Of the business numbers behind `after`, in order, at most `limit`: what hangs together with each."""
        ...

    async def purge_bodies(self, subjects: Collection[str], *, limit: int) -> int:
        """Empty at most `limit` bodies of messages of these numbers that are in the chain, and what institutions wrote
        about them; how many. Digests, authorizations, receipts, states and the chain stay.
        """
        ...

    async def purge_alerts(self, *, before: int, limit: int) -> int:
        """Delete at most `limit` alerts that were closed before `before`; how many."""
        ...
