"""A process of the gateway: its role's services started in order, and stopped in order at SIGTERM.

Source: architecture point 9 and "Roles".
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.conf import check_conf
from gateway.bootstrap.face import make_application
from gateway.bootstrap.failpoints import arm_failpoints
from gateway.bootstrap.parts import Parts
from gateway.bootstrap.retaining import make_retainer
from gateway.bootstrap.sealing import unlock
from gateway.config import Settings, check_role
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.selftest import self_test
from gateway.flow.retain import Retainer
from gateway.flow.service import Loop
from gateway.net.server import Server, ServerLimits, start_server
from gateway.observe import METRICS, configure_logging, get_log
from gateway.observe.metric_table import BUILD_INFO
from gateway.store import lock_home, open_store

DISTRIBUTION: Final = "wage-guarantee-gateway"
LOCK_FILE: Final = "serve.lock"
PUSH_GRACE_SECONDS: Final = 15.0
ANSWER_GRACE_SECONDS: Final = 5.0

_YIELD: Final = 5
"""Degrees of niceness of a process that only keeps the time: what it does may wait a moment, what comes in may not."""

_UNDISTURBED: Final = 0.03
"""Seconds that the event loop keeps the interpreter where it would not let go by itself; a thread that signs asks for
it a thousand times a second, and each time it gets it by force costs both of them more than the wait."""

_COLLECT_AFTER: Final = 20_000
"""Objects made and not freed, a second's worth of messages."""

_ROSTER_SECONDS: Final = 1.0
_BEAT_SECONDS: Final = 1.0
_CLOCK_SECONDS: Final = 1.0
_BUS_SECONDS: Final = 5.0
_PURGE_SECONDS: Final = 60.0
_STANDINGS_SECONDS: Final = 15.0
_CHAIN_SECONDS: Final = 30.0
_TIDY_SECONDS: Final = 3600.0
_RECONCILE_SECONDS: Final = 60.0


@dataclass
class Process:
    """One running process: `role` decides which services it holds."""

    parts: Parts
    role: str
    stopping: bool = False
    _loops: list[Loop] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _server: Server | None = None

    def holds(self, *roles: str) -> bool:
        """Whether this process plays one of the roles."""
        return self.role == "all" or self.role in roles

    @property
    def moves_wakeups(self) -> bool:
        """Whether this process needs the bus."""
        return self.holds("relay", "worker", "timers")

    async def start(self) -> int:
        """Start everything; the port that the HTTP server got."""
        parts = self.parts
        if parts.settings.embedded:
            await parts.store.void_leases(parts.clock.now())
        if parts.settings.bus == "local":
            await parts.store.forget()
        await parts.roster.refresh()
        if self.moves_wakeups:
            await parts.bus.start()
        port = await self._listen()
        if self.holds("worker"):
            await parts.deliverer.beat()
        if self.holds("timers"):
            await parts.clock_keeper.adopt()
        for loop in self._make_loops():
            self._loops.append(loop)
            self._tasks.append(asyncio.create_task(loop.run(), name=loop.name))
        return port

    async def stop(self) -> None:
        """Not ready; polls end; accepts drain; consumers cancel, pushes get their grace; leases go back; flush.

        The server stays until the pushes have ended, so that `/readyz` says that this process is stopping.
        """
        parts, self.stopping = self.parts, True
        parts.mailroom.close()
        if self.holds("worker"):
            await self._try(parts.deliverer.close(PUSH_GRACE_SECONDS))
        if self._server is not None:
            await self._try(self._server.stop(ANSWER_GRACE_SECONDS))
        await parts.acceptor.drain()
        await asyncio.gather(*(loop.stop() for loop in self._loops))
        await asyncio.gather(*self._tasks)
        for closing in (parts.bus.stop(), parts.transport.close(), parts.store.close()):
            await self._try(closing)
        parts.crypto.close()

    async def _try(self, closing: Coroutine[Any, Any, None]) -> None:
        """One step of stopping; what fails is told and does not keep the others. A lease ends by itself in 5 s."""
        try:
            await closing
        except Exception as error:
            self.parts.log.exception("process.stop_failed", error=repr(error))

    def _make_loops(self) -> Sequence[Loop]:
        parts, seconds = self.parts, self.parts.settings.sweeps.interval_seconds
        table = (
            ("roster", parts.roster.refresh, _ROSTER_SECONDS, ()),
            ("skew", self._watch_clock, _CLOCK_SECONDS, ()),
            ("beat", parts.deliverer.beat, _BEAT_SECONDS, ("worker",)),
            ("consume", parts.deliverer.consume, _BEAT_SECONDS, ("worker",)),
            ("health", parts.paces.report, _BEAT_SECONDS, ("worker",)),
            ("tidy-files", parts.file_desk.tidy, _TIDY_SECONDS, ("api",)),
            ("sweep", parts.timers.sweep, seconds, ("timers",)),
            ("clocks", parts.clock_keeper.sweep, seconds, ("timers",)),
            ("reckon", parts.clock_keeper.reckon, _PURGE_SECONDS, ("timers",)),
            ("wake-again", parts.timers.wake_again, seconds, ("timers",)),
            ("seal", parts.sealer.step, parts.settings.evidence.seal_seconds, ("timers",)),
            ("stamp", self._stamp, parts.settings.evidence.timestamp_seconds, ("timers",)),
            ("watch-chain", parts.sealer.watch, _CHAIN_SECONDS, ("timers",)),
            ("purge", parts.timers.purge, _PURGE_SECONDS, ("timers",)),
            ("standings", parts.standing_desk.sweep, _STANDINGS_SECONDS, ("timers",)),
            ("onboarding", parts.onboarding_desk.sweep, _STANDINGS_SECONDS, ("timers",)),
            ("retain", self._make_retainer().step, parts.settings.retention.pause_seconds, ("timers",)),
            ("reconcile", parts.reconciler.step, _RECONCILE_SECONDS, ("timers",)),
            ("watch-bus", parts.timers.watch_bus, _BUS_SECONDS, ("timers", "worker")),
        )
        loops = [
            Loop(name, step, clock=parts.clock, seconds=pause, log=parts.log.error)
            for name, step, pause, roles in table
            if not roles or self.holds(*roles)
        ]
        return [*loops, parts.relay] if self.holds("relay") else loops

    def _make_retainer(self) -> Retainer:
        parts = self.parts
        return make_retainer(parts.settings, parts.store, parts.clock, holder=parts.holder, log=parts.log.info)

    async def _stamp(self) -> bool:
        return False if self.parts.stamper is None else await self.parts.stamper.step()

    async def _watch_clock(self) -> bool:
        await self.parts.clock_watch.step()
        self.parts.deliverer.may_claim = self.parts.clock_watch.ok
        return False

    async def _listen(self) -> int:
        settings = self.parts.settings
        application = make_application(
            self.parts, is_stopping=lambda: self.stopping, with_calls=self.holds("api"), with_bus=self.moves_wakeups
        )
        limits = ServerLimits(body_timeout=settings.limits.body_seconds, connections=settings.limits.connections)
        self._server = await start_server(
            application.handle, host=settings.listen.host, port=settings.listen.port, limits=limits
        )
        return self._server.port


async def serve(settings: Settings, *, role: str, ready: Callable[[int], None]) -> int:
    """Run a process until SIGTERM or SIGINT; 0. `ready` is told the port.

    Raises ConfigError, CatalogueError, SecretExposed or KeyFormatError for a key, CryptoUnavailable, StoreUnavailable,
    OSError, or ValueError for another schema version or a home that is in use.
    """
    check_role(settings, role)
    log = settings.log
    configure_logging(level=log.level, form=log.format, file=log.file, deployment=settings.deployment)
    METRICS.set(BUILD_INFO, 1, version=version(DISTRIBUTION), deployment=settings.deployment)
    self_test(default_provider())
    arm_failpoints(settings, os.environ)
    with lock_home(settings.home / LOCK_FILE) if settings.embedded else nullcontext():
        store = open_store(settings.database)
        parts = Parts(settings, store, SystemClock(), get_log())
        check_conf(parts)
        _ = parts.key  # whatever the role: a key that must not be used is told before anything is begun
        await store.open()
        if await unlock(settings, store, now=SystemClock().now()) is None:
            get_log().warning("seal.off", file=str(settings.seal_key_file))
        await _run(Process(parts, role), ready)
    return 0


def _settle_in(role: str) -> None:
    if role == "timers":
        os.nice(_YIELD)
    if role == "api":
        sys.setswitchinterval(_UNDISTURBED)


def _calm_collector() -> None:
    """What stands now stands till the end, and what messages leave is seldom a cycle: look at less, less often."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


async def _run(process: Process, ready: Callable[[int], None]) -> None:
    over = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, over.set)
    try:
        _settle_in(process.role)
        port = await process.start()
        _calm_collector()
        ready(port)
        await over.wait()
    finally:
        await process.stop()
