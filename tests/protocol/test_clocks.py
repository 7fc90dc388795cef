"""Legal clocks through the whole gateway: what starts them, each threshold once, who is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.legal_clock import ClockState, LegalClock
from gateway.ports import ClockQuery, Query
from tests.harness.fake_clock import SECOND, START
from tests.harness.gateway import Founded, Gateway, run_gateway
from tests.harness.little_calendar import BEIJING, share_over
from tests.harness.postgres import create_database, drop_database
from tests.protocol.caller import Caller
from tests.protocol.recipient import Recipient, hang_up
from tests.protocol.steps import apply, parties, pushed

DAY = 86_400
TOLD = ("sla.warning.v1", "sla.breached.v1", "guarantee.lapsed.v1")


@pytest.fixture(params=["sqlite", "postgresql"])
async def either(request: pytest.FixtureRequest, founded: Founded, tmp_path: Path) -> AsyncIterator[Gateway]:
    """The same test on both databases; no wake-up matters here."""
    if request.param == "sqlite":
        env = {}
    else:
        server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("founded_database")
        env = {"DATABASE": create_database(server, template=template)}
    async with run_gateway(founded, tmp_path, **env) as running:
        yield running
    if env:
        drop_database(env["DATABASE"], server_url=server)


async def clock_of(gateway: Gateway, rule: str) -> LegalClock:
    """The one clock of a rule."""
    [found] = await gateway.store.find_clocks(ClockQuery(rule=rule))
    return found


async def told(gateway: Gateway, recipient: str, rule: str | None = "issue") -> list[tuple[str, Any]]:
    """What the gateway told somebody about clocks, in order: type and percent or ground."""
    views = [view for type_ in TOLD for view in await gateway.store.find(Query(recipient=recipient, type=type_))]
    bodies = [json.loads(view.message.body) for view in sorted(views, key=lambda view: view.delivery_id)]
    return [
        (body["type"].split(".")[1], body["data"].get("percent", body["data"].get("ground")))
        for body in bodies
        if body["data"].get("rule") == rule
    ]


async def sweep(gateway: Gateway) -> None:
    """Fire what is due."""
    while await gateway.parts.clock_keeper.sweep():
        continue


async def pass_days(gateway: Gateway, days: float) -> None:
    """Let days pass and sweep."""
    gateway.clock.advance(days * DAY)
    await gateway.parts.roster.refresh()
    await sweep(gateway)


async def test_a_pulled_application_starts_its_clock_with_its_acceptance(either: Gateway):
    """The mailbox is the designated system of whoever pulls: the message stands there from its commit."""
    platform, _ = parties(either)
    await apply(platform)
    clock = await clock_of(either, "issue")
    assert (clock.state, clock.start_at, clock.institution) == (ClockState.RUNNING, START, "xmccb")


async def test_a_pushed_application_starts_its_clock_with_its_receipt(either: Gateway, recipient: Recipient):
    """It waits while pushes fail, and runs from the answer that brought the good receipt."""
    recipient.script.append(hang_up)
    platform, _ = await pushed(either, recipient)
    await apply(platform)
    await either.deliver()
    assert (await clock_of(either, "issue")).state is ClockState.WAITING
    await either.after(3600)
    clock = await clock_of(either, "issue")
    assert (clock.state, clock.start_at) == (ClockState.RUNNING, START + 3600 * SECOND)


async def test_a_clock_runs_once_its_message_stands_in_the_mailbox(either: Gateway, recipient: Recipient):
    """An institution that stops taking pushes and pulls from now on has what waited for it from that moment."""
    recipient.script.append(hang_up)
    platform, _ = await pushed(either, recipient)
    await apply(platform)
    await either.deliver()
    await either.change("xmccb", adapter="mailbox")
    await either.after(3600)
    clock = await clock_of(either, "issue")
    assert (clock.state, clock.start_at) == (ClockState.RUNNING, START + 3600 * SECOND)


async def test_each_threshold_fires_once_to_both_sides(either: Gateway):
    """Warnings at 50, 80 and 95 percent of the working days, then the breach, with event, metric and alert."""
    platform, _ = parties(either)
    await apply(platform)
    for _ in range(16):
        await pass_days(either, 1)
        await sweep(either)
    expected = [("warning", 50), ("warning", 80), ("warning", 95), ("breached", None)]
    assert await told(either, "platform") == expected
    assert await told(either, "xmccb") == expected
    mine = [fields for fields in either.log.named("clock.warned") if fields["rule"] == "issue"]
    assert [fields["percent"] for fields in mine] == [50, 80, 95]
    assert [fields["rule"] for fields in either.log.named("clock.over")] == ["deposit", "issue"]
    clock = await clock_of(either, "issue")
    assert ("SLA_BREACHED", f"issue:{clock.number}") in await either.alerts()
    assert (clock.state, clock.breached_at) == (ClockState.RUNNING, clock.due_at)


async def test_a_duty_done_late_closes_its_alert(either: Gateway):
    """The breach stays on record; its alert is closed by the message that ends the clock, in the metrics too."""
    platform, bank = parties(either)
    await apply(platform)
    for _ in range(16):
        await pass_days(either, 1)
    assert b'wgg_alerts_open{code="SLA_BREACHED"} 2' in (await bank.get("/metrics")).body
    issued = bank.event("guarantee.issued.v1", "DD-1")
    assert (await bank.post(issued)).status == 202
    assert await either.alerts() == []
    assert b"wgg_alerts_open{" not in (await bank.get("/metrics")).body
    clock = await clock_of(either, "issue")
    assert (clock.state, clock.breached_at) == (ClockState.ENDED, clock.due_at)
    closed = {each.alert.about: each.reason for each in await either.store.closed_alerts(limit=9)}
    assert closed[f"issue:{clock.number}"] == f"超期后办结，依据 xmccb/{issued['id']}"


async def test_an_ended_clock_is_silent(either: Gateway):
    """What is issued in time is neither warned of nor breached."""
    platform, bank = parties(either)
    await apply(platform)
    assert (await bank.post(bank.event("guarantee.issued.v1", "DD-1"))).status == 202
    await pass_days(either, 20)
    assert await told(either, "platform") == []
    assert (await clock_of(either, "issue")).state is ClockState.ENDED


async def test_a_guarantee_lapses_when_its_end_is_over(either: Gateway):
    """A reminder a month before, then the order lapses by itself and both sides are told once."""
    platform, bank = parties(either)
    await apply(platform)
    issued = bank.event("guarantee.issued.v1", "DD-1")
    assert (await bank.post(issued)).status == 202
    clock = await clock_of(either, "expiry")
    await pass_days(either, (clock.start_at - either.clock.now()) / SECOND / DAY)
    assert await told(either, "xmccb", "expiry") == [("warning", 0)]
    await pass_days(either, 33)
    await sweep(either)
    assert await told(either, "xmccb", "expiry") == [("warning", percent) for percent in (0, 50, 80, 95)]
    assert await told(either, "xmccb", None) == await told(either, "platform", None) == [("lapsed", "expired")]
    [due] = await either.store.find_clocks(ClockQuery(rule="lapse-notice"))
    assert (due.state, due.start_at) == (ClockState.ENDED, clock.due_at)


async def test_service_by_other_means_starts_the_clock(either: Gateway, recipient: Recipient):
    """A record of service lets a message's clock run from the service on, though no push got through."""
    recipient.script.extend([hang_up] * 50)
    platform, _ = await pushed(either, recipient)
    await apply(platform, "DD-1", "m-1")
    await either.deliver()
    record = platform.event("service.record.v1", "DD-1", recipient="gateway")
    record["data"] |= {"businessNo": "DD-1", "messageSource": "platform", "messageId": "m-1"}
    record["data"]["deliveredTime"] = "2026-11-21T09:00:00+08:00"
    either.clock.advance(2 * DAY)
    assert (await platform.post(record)).status == 202
    clock = await clock_of(either, "issue")
    assert (clock.state, clock.start_at) == (ClockState.RUNNING, START + 3600 * SECOND)


async def test_two_sweeps_at_once_fire_once(either: Gateway):
    """Whoever comes second finds the threshold fired."""
    platform, _ = parties(either)
    for number in range(5):
        await apply(platform, f"DD-{number}", f"m-{number}")
    either.clock.advance(30 * DAY)
    keeper = either.parts.clock_keeper
    for _ in range(6):
        await asyncio.gather(*(keeper.sweep() for _ in range(3)))
    expected = [("warning", 50), ("warning", 80), ("warning", 95), ("breached", None)]
    assert sorted(map(str, await told(either, "xmccb"))) == sorted(map(str, expected * 5))


async def test_a_party_sees_its_own_clocks_and_no_others(either: Gateway):
    """Platform and institution list and show them; to anybody else a clock does not exist."""
    platform, bank = parties(either)
    await apply(platform)
    clock = await clock_of(either, "issue")
    for party, rules in ((platform, ["issue", "deposit"]), (bank, ["issue"])):
        listed = await party.get("/v1/clocks?subject=DD-1" if party is bank else "/v1/clocks")
        assert (listed.status, listed.signed) == (200, True)
        assert sorted(each["rule"] for each in listed.doc["clocks"]) == sorted(rules)
        shown = (await party.get(f"/v1/clocks/{clock.number}")).doc
        assert (shown["rule"], shown["state"], shown["remainingWorkingDays"]) == ("issue", "running", 10)
        assert (shown["due"], shown["dueDate"]) == ("2026-12-05T00:00:00.000000+08:00", "2026-12-04")
        assert (shown["clause"], shown["provisional"], shown["fired"]) == ("服务承诺书（XM）第 2 条", False, [])
    stranger = Caller(either, "picc", "picc")
    assert (await stranger.get(f"/v1/clocks/{clock.number}")).status == 404
    assert (await stranger.get("/v1/clocks")).doc == {"clocks": []}
    assert (await bank.get("/v1/clocks/none")).status == 404


async def test_clocks_are_found_by_filter_and_by_page(gateway: Gateway):
    """Each filter narrows the list; the last number of a page begins the next one; bad values are named."""
    platform, bank = parties(gateway)
    for number in range(3):
        await apply(platform, f"DD-{number}", f"m-{number}")
    first = (await bank.get("/v1/clocks?limit=2")).doc["clocks"]
    rest = (await bank.get(f"/v1/clocks?limit=2&after={first[-1]['clockNo']}")).doc["clocks"]
    assert [each["subject"] for each in first + rest] == ["DD-0", "DD-1", "DD-2"]
    for query, count in (
        ("subject=DD-1", 1),
        ("rule=pay", 0),
        ("state=running", 3),
        ("state=breached", 0),
        ("dueBefore=2026-12-04", 0),
        ("dueBefore=2026-12-05", 3),
        ("institution=picc", 0),
    ):
        assert len((await bank.get(f"/v1/clocks?{query}")).doc["clocks"]) == count, query
    refused = await bank.get("/v1/clocks?limit=0&state=late&dueBefore=soon")
    assert (refused.status, refused.code) == (400, "MALFORMED_REQUEST")
    assert [error["pointer"] for error in refused.doc["errors"]] == ["?dueBefore", "?limit", "?state"]


def expect(rule: str, subject: str, start: float, end: float | None) -> list[tuple[datetime, str, str, int]]:
    """When thresholds of a term must fire, in hours from the test's start, by a calendar of the tests' own."""
    zero = datetime.fromtimestamp(START / SECOND, BEIJING)
    begun, length = zero + timedelta(hours=start), {"issue": 10, "pay": 5}[rule]
    over = None if end is None else zero + timedelta(hours=end)
    instants = [(share_over(begun, length, percent), rule, subject, percent) for percent in (50, 80, 95, 100)]
    return [each for each in instants if over is None or each[0] <= over]


async def test_weeks_of_orders_agree_with_an_independent_computation(either: Gateway):
    """A second before its instant nothing fires, a second after it each threshold has fired, and nothing else."""
    platform, bank = parties(either)
    plain = dict(platform.event("payment.notice.v1", "DD-0")["data"])
    plain.pop("specialPayment", None)
    script = [
        (0.0, platform, lambda: platform.event("guarantee.application.v1", "DD-0")),
        (26.0, platform, lambda: platform.event("guarantee.application.v1", "DD-1")),
        (180.0, bank, lambda: bank.event("guarantee.issued.v1", "DD-0")),
        (200.0, platform, lambda: platform.event("payment.notice.v1", "DD-0") | {"data": plain}),
    ]
    expected = [*expect("issue", "DD-0", 0, 180), *expect("issue", "DD-1", 26, None), *expect("pay", "DD-0", 200, None)]
    steps: list[tuple[int, Any]] = [(START + int(hours * 3600) * SECOND, made) for hours, *made in script]
    steps += [(round(at.timestamp()) * SECOND, key) for at, *key in expected]
    fired: list[Any] = []
    for at in sorted({at for at, _ in steps}):
        either.clock.set(at - SECOND)
        await sweep(either)
        assert await found(either) == sorted(fired)
        either.clock.set(at)
        for step in [step for instant, step in steps if instant == at]:
            if isinstance(step[0], Caller):
                assert (await step[0].post(step[1]())).status == 202
            else:
                fired.append(tuple(step))
        await sweep(either)
        assert await found(either) == sorted(fired)


async def found(gateway: Gateway) -> list[tuple[str, str, int]]:
    """The thresholds of issuing and paying that were fired."""
    clocks = [clock for rule in ("issue", "pay") for clock in await gateway.store.find_clocks(ClockQuery(rule=rule))]
    rows = [(clock, percent) for clock in clocks for percent in await gateway.store.fired(clock.number)]
    return sorted((clock.rule, clock.subject, percent) for clock, percent in rows)
