"""What an order's parties ask of each other beside its life: queries, inspection, service by other means."""

from __future__ import annotations

import json
from typing import Any

from tests.protocol.caller import Caller
from tests.situations.scene import AMEND, FULL, NOTICE, RESULT, Scene, money, outcomes, payees


async def ask(scene: Scene, who: str, number: str | None) -> Any:
    """GET /v1/guarantees as one party."""
    return (await Caller(scene.gateway, who, who).get(f"/v1/guarantees/{number}")).doc


async def listed(scene: Scene, who: str) -> list[str]:
    """The types that stand in a mailbox, in order."""
    return [json.loads(entry["body"])["type"] for entry in await Caller(scene.gateway, who, who).mailbox("?limit=100")]


async def test_the_endpoint_shows_what_the_messages_made(scene: Scene) -> None:
    """Amount, balance, end and ground follow claims, top-ups and replacement, for both parties alike."""
    await scene.guarantee()
    number = scene.order().guarantee_no
    await scene.pass_(NOTICE, noticeNo="N1", **payees(300))
    assert [(await ask(scene, "platform", number))[name] for name in ("state", "claimOpen")] == ["claimed", True]
    await scene.pass_(RESULT, noticeNo="N1", **outcomes(p0="paid"))
    await scene.pass_(AMEND, variant="topup", amount=money(FULL + 300), validTo=scene.order().valid_to)
    shown = await ask(scene, "xmccb", number)
    assert shown == await ask(scene, "platform", number)
    assert [shown[name]["fen"] for name in ("amount", "balance")] == [FULL + 300, FULL]
    await scene.guarantee("B", replaces={"orderNo": "A", "guaranteeNo": number})
    shown = await ask(scene, "platform", number)
    assert (shown["state"], shown["lapseGround"]) == ("lapsed", "replaced")
    assert (await ask(scene, "picc", number))["code"] == "NOT_FOUND"


async def test_queries_and_inspection_at_any_time(scene: Scene) -> None:
    """Query, authenticity and inspection go both ways before and after the order's end; strangers have no order."""
    pairs = (
        ("guarantee.query.v1", "guarantee.query_result.v1"),
        ("authenticity.query.v1", "authenticity.result.v1"),
        ("inspection.request.v1", "inspection.response.v1"),
    )
    await scene.clash(pairs[0][0])
    await scene.guarantee()
    for end in (None, "release.confirmation.v1", "release.completed.v1"):
        if end is not None:
            await scene.pass_(end)
        for question, answer in pairs:
            await scene.pass_(question)
            await scene.pass_(answer)
    assert [type_ for type_ in await listed(scene, "xmccb") if type_ in dict(pairs)] == [pair[0] for pair in pairs] * 3
    stranger = Caller(scene.gateway, "picc", "picc")
    assert (await stranger.post(stranger.event("inspection.response.v1", "A"))).code == "STATE_CONFLICT"


async def test_service_by_other_means_is_filed(scene: Scene) -> None:
    """A record of service gets its receipt, stands as delivered and goes to nobody."""
    await scene.guarantee()
    await scene.pass_(NOTICE, noticeNo="N1", **payees(300))
    before = await listed(scene, "xmccb")
    platform = Caller(scene.gateway, "platform", "platform")
    event = platform.event("service.record.v1", "A", recipient="gateway", id="S-1")
    assert (await platform.post(event)).status == 202
    shown = await platform.state("platform", "S-1")
    assert (shown["state"], shown["receipt"], shown["attempts"]) == ("delivered", None, [])
    assert await listed(scene, "xmccb") == before


async def test_an_unexplained_fall_is_alerted(scene: Scene) -> None:
    """A statement whose principal falls without a cause is accepted, and people hear of it once."""
    await scene.cash("C")
    closing = {"currency": "CNY", "fen": FULL - 4_000_000}
    await scene.pass_("deposit.statement.v1", "C", closing=closing)
    (alert,) = [about for code, about in await scene.gateway.alerts() if code == "STATEMENT_FALL"]
    assert alert.startswith("xmccb/")
    await scene.pass_("deposit.statement.v1", "C", closing={"currency": "CNY", "fen": FULL})
    assert len(await scene.gateway.alerts()) == 1
