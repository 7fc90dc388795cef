"""Years pass over a case, by retention's own judging: it stays as long as it must, then goes, and proves itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bootstrap.retaining import make_retainer
from gateway.core.calendar import local_date
from gateway.core.retention import DUE, judge
from gateway.flow.retain import Retainer
from tests.evidence.story import export, receipt_all, seal
from tests.evidence.test_purged import both, faults, founded_database, told, unpack_data, verify
from tests.harness.fake_clock import SECOND
from tests.harness.gateway import DAY, Gateway
from tests.protocol.steps import parties
from tests.situations.scene import APPLY, CASE, NOTICE, Scene, payees

__all__ = ["both", "founded_database"]

MONTH = 31 * DAY // SECOND
ASK = "authenticity.query.v1"
OTHER = "ZZ-1"
MINUTES = 24 * 60


def retain(gateway: Gateway) -> Retainer:
    """The retainer with the terms of the settings; slices of two bodies."""
    plan = gateway.settings.retention.model_copy(update={"rows": 2})
    settings = gateway.settings.model_copy(update={"retention": plan})
    return make_retainer(settings, gateway.store, gateway.clock, holder="test", log=gateway.log.info)


async def run_days(gateway: Gateway, retainer: Retainer) -> None:
    """The timers' steps, a minute apart, until the day's run has ended."""
    runs = len(gateway.log.named("retention.purged"))
    for _ in range(MINUTES):
        await retainer.step()
        if len(gateway.log.named("retention.purged")) > runs:
            return
        gateway.clock.advance(60)
    pytest.fail("no run in a day")


async def served(gateway: Gateway) -> None:
    """Everybody fetched and receipted what waited; all of it is sealed."""
    for caller in parties(gateway):
        await receipt_all(caller)
    await seal(gateway)


async def release(scene: Scene, *, asked: bool = False) -> None:
    """A guarantee from its application to its release; `asked` leaves a question about it open."""
    await scene.guarantee()
    if asked:
        await scene.pass_(ASK)
    await scene.file("release.application.v1")
    await scene.pass_("release.confirmation.v1")
    await scene.pass_("release.completed.v1")
    assert scene.state() == "released"
    await served(scene.gateway)


async def reasons(gateway: Gateway) -> set[str]:
    """Why what belongs to the case stays; `due` for what may go."""
    found = await gateway.store.dossiers(after="", limit=99)
    terms = retain(gateway)._terms
    return {judge(each, terms, gateway.clock.now()) for each in found if each.bodies and each.case_no == CASE}


async def bodies(gateway: Gateway) -> dict[str, int]:
    """How many messages of each number have their bytes."""
    return {each.subject: each.bodies for each in await gateway.store.dossiers(after="", limit=99)}


@pytest.mark.parametrize("months", [37, 48])
async def test_an_open_claim_keeps_its_case(both: Gateway, months: int) -> None:
    """However long ago its last service was, no byte goes while a payment is due."""
    scene = Scene(both)
    await scene.guarantee()
    await scene.pass_(NOTICE, noticeNo="N1", **payees(300))
    await served(both)
    before = await bodies(both)
    both.clock.advance(months * MONTH)
    assert await reasons(both) == {"order_open"}
    assert {each.claim_open for each in await both.store.dossiers(after="", limit=99) if each.case_no} == {True}
    await run_days(both, retain(both))
    assert await bodies(both) == before


async def test_an_open_clock_keeps_its_case(both: Gateway) -> None:
    """A duty that was breached and never done keeps the whole case, though its order is long released."""
    scene = Scene(both)
    await release(scene, asked=True)
    await scene.wait_until(local_date(both.clock.now()) + timedelta(days=60))
    await served(both)
    before = await bodies(both)
    both.clock.advance(48 * MONTH)
    assert await reasons(both) == {"clock_open"}
    await run_days(both, retain(both))
    assert await bodies(both) == before


async def test_a_case_goes_three_years_after_its_last_service_and_still_verifies(both: Gateway, tmp_path: Path) -> None:
    """Not a day before; then its bytes, in slices, and nobody else's; the bundle proves every digest without them."""
    scene = Scene(both)
    platform, _ = parties(both)
    assert (await platform.post(platform.event(APPLY, OTHER, id="other"))).status == 202
    await release(scene)
    last = local_date(both.clock.now())
    whole = unpack_data(tmp_path, await export(both, "case", CASE))
    retainer = retain(both)
    await scene.wait_until(last.replace(year=last.year + 3))
    assert await reasons(both) == {"term"}
    await run_days(both, retainer)
    assert (await bodies(both))["A"] == 4
    await scene.wait_until(last.replace(year=last.year + 3) + timedelta(days=1))
    assert await reasons(both) == {DUE}
    await run_days(both, retainer)
    left = await bodies(both)
    assert (left["A"], left[CASE], left[OTHER]) == (0, 0, 1)
    await check_proofs(both, whole, tmp_path)


async def check_proofs(gateway: Gateway, whole: dict[str, bytes], folder: Path) -> None:
    """The bundle of the purged case is the one of before without the bodies, and holds on its own."""
    data = await export(gateway, "case", CASE)
    files = unpack_data(folder, data)
    gone = {name for name in whole if name.startswith("messages/") and name.count(".") == 1}
    assert gone
    assert not gone & set(files)
    kept = {name for name in whole if name.startswith(("leaves/", "receipts/", "blocks/", "keys/"))}
    assert {name: files[name] for name in kept} == {name: whole[name] for name in kept}
    report = verify(folder, data, gateway.keys["gateway"].serial_no)
    assert faults(report) == []
    assert told(report, "messages") == [f"{name} 已按保存期限清除，只留摘要" for name in sorted(gone)]
