from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.files.filer import Filer
from tests.harness.gateway import Gateway

NUMBER = "闽银保〔2026〕7号/A?"


async def issue(gateway: Gateway, number: str, **data: Any) -> dict[str, Any]:
    """A guarantee of the bank's for DD-1 under this number; its message's data."""
    platform, bank = Filer(gateway, "platform", "platform"), Filer(gateway, "xmccb", "xmccb")
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-1"))).status == 202
    issued = bank.event("guarantee.issued.v1", "DD-1", data={"guaranteeNo": number, **data})
    assert (await bank.post(issued)).status == 202
    return dict(issued["data"])


def ask(number: str) -> str:
    return f"/v1/guarantees/{quote(number, safe='')}"


async def test_its_parties_see_a_guarantee_and_nobody_else(either: Gateway) -> None:
    """Platform and institution get the standing; any other party, and a number that is none, gets the same 404."""
    issued = await issue(either, NUMBER)
    platform, bank, insurer = (Filer(either, name, name) for name in ("platform", "xmccb", "picc"))
    for party in (platform, bank):
        shown = await party.get(ask(NUMBER))
        assert (shown.status, shown.signed) == (200, True)
        doc = shown.doc
        assert (doc["guaranteeNo"], doc["orderNo"], doc["institution"]) == (NUMBER, "DD-1", "xmccb")
        assert (doc["state"], doc["claimOpen"], doc["lapseGround"]) == ("in_force", False, None)
        assert doc["amount"] == doc["balance"] == {"currency": "CNY", "fen": issued["amount"]["fen"]}
        assert {doc[name] for name in ("validFrom", "validTo")} == {issued["validFrom"], issued["validTo"]}
        assert doc["document"] == issued["document"]
    strange, unknown = await insurer.get(ask(NUMBER)), await bank.get(ask("none"))
    assert (strange.status, unknown.status, strange.signed) == (404, 404, True)
    assert {**strange.doc, "requestId": ""} == {**unknown.doc, "requestId": ""}


async def test_the_standing_is_todays(gateway: Gateway, platform: Filer, bank: Filer) -> None:
    """A claim that was paid in part shows in state and balance."""
    issued = await issue(gateway, "BH-1")
    notice = platform.event("payment.notice.v1", "DD-1", data={"guaranteeNo": "BH-1"})
    assert (await platform.post(notice)).status == 202
    shown = (await platform.get(ask("BH-1"))).doc
    assert (shown["state"], shown["claimOpen"]) == ("claimed", True)
    assert shown["balance"]["fen"] == issued["amount"]["fen"]
    result = bank.event("payment.result.v1", "DD-1", data={"noticeNo": notice["data"]["noticeNo"]})
    assert (await bank.post(result)).status == 202
    shown = (await platform.get(ask("BH-1"))).doc
    assert shown["state"] == "drawn"
    assert shown["balance"]["fen"] == issued["amount"]["fen"] - notice["data"]["total"]["fen"]


async def test_two_institutions_may_use_one_number(
    gateway: Gateway, platform: Filer, bank: Filer, insurer: Filer
) -> None:
    """Each sees its own; the platform, a party to both, sees the latest."""
    await issue(gateway, "BH-1")
    gateway.clock.advance(1)
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-2", recipient="picc"))).status == 202
    second = insurer.event("guarantee.issued.v1", "DD-2", data={"guaranteeNo": "BH-1"})
    assert (await insurer.post(second)).status == 202
    seen = [(await party.get(ask("BH-1"))).doc["orderNo"] for party in (bank, insurer, platform)]
    assert seen == ["DD-1", "DD-2", "DD-2"]


async def test_odd_numbers_are_none(gateway: Gateway, bank: Filer) -> None:
    """Escapes that are no UTF-8, controls and overlong numbers are 404, never a fault of ours."""
    for number in ("%00", "%ff%fe", "x" * 5000, "%E4%BF", "a%2Fb", ".."):
        assert (await bank.get(f"/v1/guarantees/{number}")).status == 404, number
    assert (await bank.get("/v1/guarantees/%zz")).status == 404
    assert (await bank.get(ask("x"), authorizations=[])).code == "AUTH_MISSING"


async def test_a_purged_guarantee_still_has_its_standing(either: Gateway) -> None:
    """Once retention emptied its message its parties get state and amounts; what stood only in the bytes is null."""
    issued = await issue(either, NUMBER)
    await either.parts.roster.refresh()
    await either.parts.sealer.catch_up()
    assert await either.store.purge_bodies(["DD-1"], limit=99) == 2
    platform, insurer = (Filer(either, name, name) for name in ("platform", "picc"))
    shown = await platform.get(ask(NUMBER))
    doc = shown.doc
    assert (shown.status, doc["bodyPurged"], doc["guaranteeNo"], doc["state"]) == (200, True, NUMBER, "in_force")
    assert doc["balance"] == {"currency": "CNY", "fen": issued["amount"]["fen"]}
    purged = ("guaranteeKind", "validFrom", "document", "paymentVoucher", "replaces")
    assert {doc[name] for name in purged} == {None}
    assert (await insurer.get(ask(NUMBER))).status == 404
