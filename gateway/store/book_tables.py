"""The part of the store that keeps books: alerts, the audit log, counts, and the database's clock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateway.ports import Alert, Audit, ClosedAlert, Tally
from gateway.store import books, posting
from gateway.store.runners import Runner


class BookTables:
    """Alerts, audits, counts, clock."""

    _runner: Runner

    async def raise_alert(self, alert: Alert, *, now: int) -> bool:
        """Write or count an alert."""
        return await self._runner.write(partial(posting.raise_alert, alert=alert, now=now))

    async def alerts(self) -> Sequence[tuple[Alert, int, int]]:
        """Open alerts."""
        return await self._runner.read(books.alerts)

    async def closed_alerts(self, *, limit: int) -> Sequence[ClosedAlert]:
        """Closed alerts."""
        return await self._runner.read(partial(books.closed_alerts, limit=limit))

    async def close_alert(self, code: str, about: str, *, now: int, audit: Audit) -> bool:
        """Close an open alert."""
        return await self._runner.write(partial(books.close_alert, code=code, about=about, now=now, audit=audit))

    async def record(self, audit: Audit, *, now: int) -> None:
        """Append one audit row."""
        await self._runner.write(partial(books.write_audit, audit=audit, now=now))

    async def audits(self, *, limit: int, about: str | None = None) -> Sequence[tuple[int, Audit]]:
        """The newest audit rows."""
        return await self._runner.read(partial(books.audits, limit=limit, about=about))

    async def tally(self) -> Tally:
        """What gauges show."""
        return await self._runner.read(books.tally)

    async def skew(self, now: int) -> int:
        """The process's clock minus the database's."""
        return await self._runner.read(partial(books.skew, now=now))
