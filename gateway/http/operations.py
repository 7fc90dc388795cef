"""`/healthz`, `/readyz`, `/metrics`: for operators and their monitoring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from gateway.http.exchange import Call, Reply, reply_json

Checks = Mapping[str, Callable[[], Awaitable[str]]]
"""Name → a check that returns "" when all is well, else what is wrong in Chinese."""


class OperationCalls:
    """Says how the process is, honestly."""

    def __init__(self, checks: Checks, metrics: Callable[[], Awaitable[tuple[bytes, str]]]) -> None:
        self._checks = checks
        self._metrics = metrics

    async def health(self, _call: Call) -> Reply:
        """The process answers."""
        return reply_json({"status": "ok"})

    async def ready(self, _call: Call) -> Reply:
        """Ready only when every check is content; 503 names those that are not."""
        found = {name: await check() for name, check in self._checks.items()}
        ready = not any(found.values())
        body = {"ready": ready, "checks": {name: text or "ok" for name, text in found.items()}}
        return reply_json(body, status=200 if ready else 503)

    async def metrics(self, _call: Call) -> Reply:
        """Prometheus text."""
        body, content_type = await self._metrics()
        return Reply(status=200, body=body, content_type=content_type)
