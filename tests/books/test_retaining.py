"""The day's purging through a running gateway: nothing before its term, then the bytes go and the proofs stay."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.bootstrap.retaining import find_old_logs, make_retainer
from gateway.crypto.digest import sm3_hex
from gateway.flow.retain import Retainer
from tests.files.filer import Filer, kept
from tests.harness.fake_clock import SECOND
from tests.harness.gateway import AUDIT, DAY, Gateway
from tests.protocol.caller import Caller

MONTH = 31 * DAY // SECOND
SCAN = b"a scanned commitment"


async def filed(gateway: Gateway) -> Retainer:
    """A commitment that was filed and sealed into the chain."""
    platform = Caller(gateway, "platform", "platform")
    event = platform.event("wage.commitment.v1", "AJ-1", id="m1", recipient="gateway")
    assert (await platform.post(event)).status == 202
    gateway.clock.advance(60)
    await gateway.parts.sealer.catch_up()
    return make_retainer(gateway.settings, gateway.store, gateway.clock, holder="test", log=gateway.log.info)


async def body(gateway: Gateway) -> bytes:
    view = await gateway.store.message("platform", "m1")
    assert view is not None
    return view.message.body


async def test_bytes_go_when_their_term_is_over(gateway: Gateway) -> None:
    """Three years keep them; then the day's run empties them once, tells so, and leaves an audit row."""
    retainer = await filed(gateway)
    assert (await retainer.plan()).kept == {"term": 1}
    gateway.clock.advance(35 * MONTH)
    assert sum((await retainer.plan()).purged.values()) == 0
    gateway.clock.advance(3 * MONTH)
    assert sum((await retainer.plan()).purged.values()) == 1
    for _ in range(4):
        await retainer.step()
    assert await body(gateway) == b""
    (told,) = gateway.log.named("retention.purged")
    assert sum(told["purged"].values()) == 1
    newest = (await gateway.store.audits(limit=1))[0][1]
    assert (newest.actor, newest.action, newest.reason) == ("gateway", "retention.purge", "每日清除")
    await retainer.step()
    assert len(gateway.log.named("retention.purged")) == 1


async def test_one_process_purges_at_a_time(gateway: Gateway) -> None:
    """While another process holds the lease nothing is purged here."""
    retainer = await filed(gateway)
    gateway.clock.advance(40 * MONTH)
    assert await gateway.store.lead("retention", holder="other", now=gateway.clock.now())
    await retainer.step()
    assert await body(gateway) != b""


async def test_a_command_purges_at_once(gateway: Gateway) -> None:
    """The command's run needs no hour, and its audit row names who asked."""
    retainer = await filed(gateway)
    gateway.clock.advance(40 * MONTH)
    gateway.clock.sleep = _no_wait  # type: ignore[method-assign]
    purged = (await retainer.run(pause=1, audit=AUDIT)).purged
    assert sum(purged.values()) == 1
    assert (await gateway.store.audits(limit=1))[0][1].actor == AUDIT.actor


async def test_files_go_with_the_messages_that_name_them(gateway: Gateway) -> None:
    """The run that purges the message closes the file to everybody, the next day's run removes its bytes."""
    platform = Filer(gateway, "platform", "platform")
    assert (await platform.put(SCAN)).status == 201
    event = platform.event("wage.commitment.v1", "AJ-2", recipient="gateway", data={"file": platform.naming(SCAN)})
    assert (await platform.post(event)).status == 202
    retainer = await filed(gateway)
    assert (await platform.take(sm3_hex(SCAN))).status == 200
    gateway.clock.advance(38 * MONTH)
    gateway.clock.sleep = _no_wait  # type: ignore[method-assign]
    assert (await retainer.run(pause=1, audit=AUDIT)).purged["file"] == 0
    assert kept(gateway) == {sm3_hex(SCAN)}
    assert await gateway.store.readable_files("platform", [sm3_hex(SCAN)]) == {}
    assert (await retainer.plan()).purged["file"] == 1
    gateway.clock.advance(DAY // SECOND)
    assert (await retainer.run(pause=1, audit=AUDIT)).purged["file"] == 1
    assert kept(gateway) == set()
    assert (await retainer.plan()).purged["file"] == 0


async def _no_wait(_seconds: float) -> None:
    """Time stands still while the command runs."""


def test_only_log_files_past_their_months_go(tmp_path: Path, gateway: Gateway) -> None:
    """Six calendar months at least; the log that is written, and files of other names, stay."""
    log = tmp_path / "gateway.log"
    settings = gateway.settings.model_copy(update={"log": gateway.settings.log.model_copy(update={"file": log})})
    now = gateway.clock.now()
    for name, days in (("gateway.log", 900), ("gateway.log.1", 190), ("gateway.log.2.gz", 170), ("other.log.1", 900)):
        path = tmp_path / name
        path.touch()
        at = (now - days * DAY) / SECOND
        os.utime(path, (at, at))
    assert [path.name for path in find_old_logs(settings, now)] == ["gateway.log.1"]
