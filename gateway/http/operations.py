"""`/healthz`, `/readyz`, `/metrics`: for operators and their monitoring."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.delivery import SECOND
from gateway.core.party import KeyStatus
from gateway.flow.roster import Roster
from gateway.http.exchange import Call, Reply, reply_json
from gateway.http.readiness import Readiness
from gateway.observe import METRICS, render_metrics
from gateway.observe.metric_table import (
    ALERTS,
    ALERTS_RAISED,
    BUS_BLOCKED,
    BUS_CONNECTED,
    CONSUMERS_SILENT,
    KEY_EXPIRY_SECONDS,
    OLDEST_HEAD_SECONDS,
    QUEUE_ROWS,
    QUEUES_FULL,
    READY,
)
from gateway.ports import Books, StoreUnavailable

_LATER = {"Retry-After": "2"}
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class OperationCalls:
    """Says how the process is, honestly."""

    def __init__(self, readiness: Readiness, books: Books, roster: Roster) -> None:
        self._readiness = readiness
        self._books = books
        self._roster = roster

    async def health(self, _call: Call) -> Reply:
        """The process answers."""
        return reply_json({"status": "ok"})

    async def ready(self, _call: Call) -> Reply:
        """Ready only when every check is content; 503 names those that are not."""
        found = await self._readiness.check()
        ready = not any(found.values())
        body = {"ready": ready, "checks": {name: text or "ok" for name, text in found.items()}}
        return reply_json(body) if ready else replace(reply_json(body, status=503), headers=_LATER)

    async def metrics(self, _call: Call) -> Reply:
        """Prometheus text, with gauges as of now."""
        METRICS.set(READY, not any((await self._readiness.check()).values()))
        self._gauge_bus()
        self._gauge_keys()
        await self._gauge_books()
        return Reply(status=200, body=render_metrics(), content_type=_PROMETHEUS)

    def _gauge_bus(self) -> None:
        """A process that needs no bus is not without one."""
        state = self._readiness.bus.state()
        METRICS.set(BUS_CONNECTED, state.connected or not self._readiness.with_bus)
        METRICS.set(BUS_BLOCKED, state.blocked)
        METRICS.set(CONSUMERS_SILENT, len(state.silent))
        METRICS.set(QUEUES_FULL, len(state.full))

    def _gauge_keys(self) -> None:
        now = self._readiness.clock.now()
        keys = (key for key in self._roster.directory.keys.values() if key.status is KeyStatus.ACTIVE)
        METRICS.replace(
            KEY_EXPIRY_SECONDS, {(key.owner_id, key.serial_no): (key.not_after - now) / SECOND for key in keys}
        )

    async def _gauge_books(self) -> None:
        """A database that is away leaves its gauges as they were; `wgg_ready` and the counters are still told."""
        try:
            tally, alerts = await self._books.tally(), await self._books.alerts()
        except StoreUnavailable:
            return
        now = self._readiness.clock.now()
        METRICS.replace(QUEUE_ROWS, {labels: float(count) for labels, count in tally.rows.items()})
        METRICS.replace(OLDEST_HEAD_SECONDS, {(name,): (now - at) / SECOND for name, at in tally.oldest.items()})
        codes = [alert.code for alert, _, _ in alerts]
        METRICS.replace(ALERTS, {(code,): float(codes.count(code)) for code in set(codes)})
        METRICS.replace(ALERTS_RAISED, {(code,): float(times) for code, times in tally.raised.items()})
