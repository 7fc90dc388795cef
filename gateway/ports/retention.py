"""The port of retention: what has served its term is found and purged in slices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from gateway.core.retention import Dossier, Leaving


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

    async def leave_files(self, *, after: str, before: int, now: int, limit: int) -> Leaving:
        """Look at the next `limit` files behind the digest `after`.

        One that was named by messages which are all purged, or was a paper of onboarding that nobody holds any more,
        and that nobody put since `before`, is marked, and read by nobody from then on; it is `gone` in a call an hour
        later, unless it was put or named again meanwhile.
        """
        ...

    async def forget_files(self, digests: Collection[str]) -> int:
        """Forget who put these files, whose bytes are removed; who put one again meanwhile keeps it. How many."""
        ...

    async def idle_files(self, *, before: int) -> int:
        """How many files `leave_files` would let go with this `before`."""
        ...

    async def purge_people(self, *, before: int, limit: int) -> int:
        """Empty whom at most `limit` application forms of onboarding name, and let go of the applications' papers.

        A form goes that was replaced before `before`, or whose application ended then, with no clock of its institution
        open and the institution not in business. How many forms; the events stay.
        """
        ...

    async def idle_people(self, *, before: int) -> int:
        """How many forms `purge_people` would empty with this `before`."""
        ...

    async def purge_alerts(self, *, before: int, limit: int) -> int:
        """Delete at most `limit` alerts that were closed before `before`; how many."""
        ...
