"""A day's reconciliation through a running gateway: drawn up, answered by the simulated bank, compared, alerted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from gateway.core.reconciliation import make_period
from gateway.observe import METRICS
from gateway.ports import Reconciliation
from tests.books.bank import Watched, run_bank
from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller

ANSWER = "reconciliation.answer.v1"
HOUR = 3600
DAY = 24 * HOUR
NUMBER = "DZ-xmccb-202611200001"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "bank.jsonl"


@pytest.fixture
async def bank(either: Gateway, ledger: Path) -> AsyncIterator[Watched]:
    """The bank after one guarantee was applied for and issued, on Saturday 2026-11-21."""
    platform = Caller(either, "platform", "platform")
    async with run_bank(either, ledger) as watched:
        assert (await platform.post(platform.event("guarantee.application.v1", "DD-1"))).status == 202
        await watched.sent("guarantee.issued.v1")
        yield watched


async def monday(gateway: Gateway) -> None:
    """The hour of the next working day's drawing up."""
    gateway.clock.advance(2 * DAY)
    await gateway.parts.reconciler.step()


async def shown(gateway: Gateway, institution: str = "xmccb") -> Reconciliation:
    return (await gateway.store.reconciliations(day=None, institution=institution, limit=9))[0]


def lose_received(ledger: Path) -> None:
    """As if the bank had never written down what came."""
    kept = [line for line in ledger.read_text().splitlines() if json.loads(line)["kind"] != "received"]
    ledger.write_text("\n".join(kept) + "\n")


def told() -> float:
    """How often the metric counted a difference with the bank."""
    return METRICS.value("wgg_reconciliations_total", institution="xmccb", result="differs") or 0


async def test_both_sides_agree(either: Gateway, bank: Watched) -> None:
    """The weekend's messages stand on Monday's list with digests, states and amounts; the bank finds them all."""
    await monday(either)
    await bank.sent(ANSWER)
    await either.parts.reconciler.step()
    row = await shown(either)
    assert (row.number, row.day, row.result, row.findings) == (NUMBER, "2026-11-20", "agreed", [])
    daily = await either.store.message("gateway", row.message_id)
    assert daily is not None
    data = json.loads(daily.message.body)["data"]
    assert (data["sent"], data["delivered"], data["undelivered"]) == (4, 1, 0)
    fen = {total["type"]: total.get("fen") for total in data["totals"]}
    assert fen["guarantee.application.v1"] == fen["guarantee.issued.v1"] > 0
    assert not [alert for alert in await either.alerts() if alert[1] == NUMBER]


async def test_nothing_is_drawn_up_twice(either: Gateway, bank: Watched) -> None:
    """Further rounds, and the same day on command, add no message."""
    await monday(either)
    period = make_period(either.parts.legal_time.calendar, date(2026, 11, 20))
    assert await either.parts.reconciler.draw_up([period]) == 0
    rows = await either.store.reconciliations(day=None, institution=None, limit=9)
    assert [(row.institution, row.day) for row in rows] == [("picc", "2026-11-20"), ("xmccb", "2026-11-20")]
    assert not await either.store.draw_up(rows[:1], [], now=either.clock.now())


async def test_what_the_bank_lost_is_named_with_its_cause(either: Gateway, bank: Watched, ledger: Path) -> None:
    """A message that the bank receipted and lost is a difference with advice, an alert, an event and a metric."""
    lose_received(ledger)
    before = told()
    await monday(either)
    await bank.sent(ANSWER)
    await either.parts.reconciler.step()
    row = await shown(either)
    assert row.result == "differs"
    assert [finding.cause for finding in row.findings] == ["receipted_then_lost"]
    assert ("RECONCILIATION_DIFFERS", NUMBER) in await either.alerts()
    assert either.log.named("reconciliation.answered")[-1]["differences"] == 1
    assert told() == before + 1


async def test_a_later_agreement_settles_the_difference(either: Gateway, bank: Watched, ledger: Path) -> None:
    """The newest answer counts: an agreement after a difference closes its alert."""
    await test_what_the_bank_lost_is_named_with_its_cause(either, bank, ledger)
    caller = Caller(either, "xmccb", "xmccb")
    either.clock.advance(1)
    event = caller.event(ANSWER, NUMBER, recipient="gateway")
    event["data"] = {"reconciliationNo": NUMBER, "result": "agreed"}
    assert (await caller.post(event)).status == 202
    await either.parts.reconciler.step()
    assert ((await shown(either)).result, (await shown(either)).findings) == ("agreed", [])
    assert ("RECONCILIATION_DIFFERS", NUMBER) not in await either.alerts()


async def test_a_missing_answer_is_alerted_once(either: Gateway) -> None:
    """An institution that does not answer within its working day raises one alert, which its answer closes."""
    await monday(either)
    about = "DZ-picc-202611200001"
    assert ("RECONCILIATION_UNANSWERED", about) not in await either.alerts()
    either.clock.advance(2 * DAY)
    await either.parts.reconciler.remind()
    await either.parts.reconciler.remind()
    (found,) = [each for each in await either.store.alerts() if each[0].about == about]
    assert (found[0].code, found[2]) == ("RECONCILIATION_UNANSWERED", 1)
    caller = Caller(either, "picc", "picc")
    event = caller.event(ANSWER, about, recipient="gateway")
    event["data"] = {"reconciliationNo": about, "result": "agreed"}
    assert (await caller.post(event)).status == 202
    await either.parts.reconciler.step()
    assert ("RECONCILIATION_UNANSWERED", about) not in await either.alerts()


async def test_an_outage_is_made_up_for(either: Gateway) -> None:
    """Working days that passed while nothing ran are drawn up later, each as a list of its own."""
    either.clock.advance(5 * DAY)
    await either.parts.reconciler.step()
    rows = await either.store.reconciliations(day=None, institution="picc", limit=9)
    assert [row.day for row in rows] == ["2026-11-25", "2026-11-24", "2026-11-23", "2026-11-20"]
