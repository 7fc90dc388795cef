"""Suspending, restoring, stopping and letting go, through the accept path, on both databases."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from gateway.core.parameters import Parameters
from gateway.core.party import KeyStatus, Standing
from gateway.core.standing import Decision
from gateway.ports import Query
from gateway.store.clock_tables import CLOCKS
from tests.domain.flow import CATALOGUE, areas_with
from tests.harness.gateway import AUDIT, DAY, Gateway
from tests.protocol.caller import Caller
from tests.store.conftest import make_engine

APPLY, RESERVE, STATUS = "guarantee.application.v1", "account.reservation.v1", "order.status.v1"
TOLD = "institution.standing.v1"
DECISION = Decision(number="厦人社〔2026〕1号", authority="厦门市人力资源和社会保障局", region="350200", reason="逾期")


async def send(gateway: Gateway, type_: str, subject: str, variant: str | None = None) -> int:
    """The status of the answer to an example sent by its own sender."""
    row = CATALOGUE.row(type_)
    sender = "platform" if "platform" in row.sources else "xmccb"
    caller = Caller(gateway, sender, sender)
    return (await caller.post(caller.event(type_, subject, variant=variant))).status


async def move(gateway: Gateway, name: str) -> Standing | None:
    """Make the move and let the process notice it."""
    party = await gateway.parts.standing_desk.move("xmccb", name, DECISION, AUDIT)
    await gateway.parts.roster.refresh()
    return party.standing if party else None


async def told(gateway: Gateway, who: str, type_: str) -> list[dict]:
    """What stands in a mailbox of this type, checked against its schema: the payloads."""
    events = [json.loads(entry["body"]) for entry in await Caller(gateway, who, who).mailbox("?limit=100")]
    chosen = [event for event in events if event["type"] == type_ and event["source"] == "gateway"]
    for event in chosen:
        CATALOGUE.check(type_, event)
    return [event["data"] for event in chosen]


def clocks(gateway: Gateway, rule: str) -> list[tuple[str, str]]:
    """Subject and state of every clock of a rule."""
    engine = make_engine(gateway.settings.database)
    with engine.begin() as connection:
        rows = connection.execute(select(CLOCKS.c.subject, CLOCKS.c.state).where(CLOCKS.c.rule == rule)).all()
    engine.dispose()
    return sorted((subject, state) for subject, state in rows)


def let_return(gateway: Gateway) -> None:
    """The area gives untouched orders back."""
    areas = areas_with(Parameters(return_on_suspension=True))
    gateway.parts.standing_desk = replace(gateway.parts.standing_desk, areas=areas)


async def state(gateway: Gateway, subject: str) -> str:
    """The state of an order that the bank still holds, else "over"."""
    held = {order.subject: order.state for order in await gateway.store.held_orders("xmccb")}
    return held.get(subject, "over")


async def test_a_suspended_institution_takes_no_order_and_keeps_every_duty(either: Gateway) -> None:
    """Both sides are told once, with the decision; new orders are refused, old ones go on to their end."""
    assert await send(either, APPLY, "DD-1") == 202
    assert await move(either, "suspend") is Standing.SUSPENDED
    assert await move(either, "suspend") is None
    for who in ("platform", "xmccb"):
        (data,) = await told(either, who, TOLD)
        assert (data["standing"], data["decisionNo"], data["reason"]) == ("suspended", DECISION.number, "逾期")
        assert data["authority"] == {"name": DECISION.authority, "region": "350200"}
    assert [await send(either, type_, "DD-2") for type_ in (APPLY, RESERVE)] == [403, 403]
    for type_ in ("guarantee.issued.v1", "payment.notice.v1", "payment.result.v1", "release.confirmation.v1"):
        assert await send(either, type_, "DD-1") == 202
    assert await move(either, "restore") is Standing.LIVE
    assert [data["standing"] for data in await told(either, "xmccb", TOLD)] == ["suspended", "restored"]
    assert await send(either, APPLY, "DD-2") == 202


async def test_untouched_orders_go_back_where_the_area_says_so(either: Gateway) -> None:
    """Applied, under review and reserved ones are rejected, told to both sides in their order; accepted ones stay."""
    for subject in ("DD-1", "DD-2", "DD-3"):
        assert await send(either, APPLY, subject) == 202
    assert await send(either, RESERVE, "DD-4") == 202
    assert await send(either, STATUS, "DD-2") == 202
    assert await send(either, STATUS, "DD-3", "accepted") == 202
    let_return(either)
    assert await move(either, "suspend") is Standing.SUSPENDED
    assert {order.subject for order in await either.store.held_orders("xmccb")} == {"DD-3"}
    for who in ("platform", "xmccb"):
        back = await told(either, who, STATUS)
        assert {(data["orderNo"], data["status"]) for data in back} == {
            (subject, "rejected") for subject in ("DD-1", "DD-2", "DD-4")
        }
    states = dict(clocks(either, "issue"))
    assert (states["DD-1"], states["DD-2"], states["DD-3"]) == ("withdrawn", "withdrawn", "running")
    assert await send(either, "guarantee.issued.v1", "DD-1") == 409
    assert await send(either, "guarantee.issued.v1", "DD-3") == 202
    await either.parts.standing_desk.sweep()
    assert len(await told(either, "platform", STATUS)) == 3


async def test_orders_stay_where_the_area_does_not_say_so(gateway: Gateway) -> None:
    """By default a suspended institution keeps what it was asked for."""
    assert await send(gateway, APPLY, "DD-1") == 202
    await move(gateway, "stop")
    await gateway.parts.standing_desk.sweep()
    assert (await state(gateway, "DD-1"), await told(gateway, "platform", STATUS)) == ("applied", [])


async def test_an_order_accepted_while_the_move_was_made_goes_back_later(either: Gateway) -> None:
    """A process that has not noticed the suspension yet takes an order: the sweep gives it back, once."""
    let_return(either)
    await either.parts.standing_desk.move("xmccb", "suspend", DECISION, AUDIT)
    assert await send(either, APPLY, "DD-1") == 202
    for _ in range(2):
        await either.parts.standing_desk.sweep()
    assert await state(either, "DD-1") == "over"
    assert [data["orderNo"] for data in await told(either, "platform", STATUS)] == ["DD-1"]
    assert either.log.named("institution.orders_returned") == [{"party": "xmccb", "orders": ["DD-1"]}]


@pytest.mark.parametrize("name", ["stop", "exit"])
async def test_a_leaving_institution_lives_until_its_last_order_closed(either: Gateway, name: str) -> None:
    """Its keys and mailbox work until the last order is over and delivered; then it is terminated, its keys retired."""
    desk, bank = either.parts.standing_desk, Caller(either, "xmccb", "xmccb")
    assert await send(either, APPLY, "DD-1") == 202
    assert await move(either, name) is Standing.LEAVING
    assert [data["standing"] for data in await told(either, "xmccb", TOLD)] == ["stopped"]
    assert await send(either, APPLY, "DD-2") == 403
    await desk.sweep()
    assert await send(either, "guarantee.cancellation.v1", "DD-1") == 202
    await desk.sweep()
    assert (await either.store.directory()).parties["xmccb"].standing is Standing.LEAVING
    for entry in await bank.mailbox("?limit=100"):
        event = json.loads(entry["body"])
        shown = (
            await Caller(either, "platform", "platform").state(event["source"], event["id"])
            if (event["source"] == "platform")
            else (await bank.state(event["source"], event["id"]))
        )
        body = json.dumps({"id": event["id"], "digest": shown["digest"], "status": "ACCEPTED"}).encode()
        assert (await bank.call("POST", f"/v1/mailbox/{entry['deliveryId']}/receipt", body)).status == 200
    await desk.sweep()
    directory = await either.store.directory()
    assert directory.parties["xmccb"].standing is Standing.TERMINATED
    standings = {key.status for key in directory.keys.values() if key.owner_id == "xmccb"}
    assert standings <= {KeyStatus.RETIRED, KeyStatus.REVOKED}
    await either.parts.roster.refresh()
    assert (await bank.get("/v1/mailbox")).code == "KEY_NOT_ACTIVE"
    assert (await either.store.audits(limit=1))[0][1].action == "party.terminated"
    assert clocks(either, "confidentiality-term") == [("xmccb", "running")]


async def test_what_is_never_fetched_does_not_keep_an_institution(gateway: Gateway) -> None:
    """After the hours in which a push would be tried, a message in a mailbox holds nobody back."""
    await move(gateway, "exit")
    await gateway.parts.standing_desk.sweep()
    assert (await gateway.store.directory()).parties["xmccb"].standing is Standing.LEAVING
    gateway.clock.advance(3 * DAY / 1_000_000 + 1)
    await gateway.parts.standing_desk.sweep()
    assert (await gateway.store.directory()).parties["xmccb"].standing is Standing.TERMINATED


async def test_a_move_that_does_not_fit_leaves_no_trace(gateway: Gateway) -> None:
    """Who is not live cannot be suspended, who is not suspended cannot be restored; nothing is told."""
    assert await move(gateway, "restore") is None
    assert await gateway.parts.standing_desk.move("newbank", "suspend", DECISION, AUDIT) is None
    assert await gateway.store.find(Query(type=TOLD)) == []
