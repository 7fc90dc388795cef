"""The situations that the domain names, each through the real accept path on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.core.calendar import local_date
from tests.situations.scene import (
    AMEND,
    APPLY,
    FULL,
    ISSUE,
    NOTICE,
    RESULT,
    STORE,
    WITHDRAW,
    Scene,
    money,
    outcomes,
    payees,
)

QUARTER = FULL // 4
CONFIRM = "release.confirmation.v1"


async def test_mixed_cash_and_guarantee(scene: Scene) -> None:
    """A cash part that reaches its minimum and an insurer's policy together cover the case; neither alone does."""
    await scene.file("deposit.notice.v1", cashMinimum={"currency": "CNY", "fen": QUARTER})
    await scene.cash("C", QUARTER)
    assert (scene.state("C"), scene.case().covered) == ("in_force", False)
    await scene.guarantee("P-1", FULL - QUARTER)
    assert (scene.case().covered, set(scene.case().shares)) == (True, {"C", "P-1"})
    await scene.file("deposit.notice.v1", cashMinimum={"currency": "CNY", "fen": QUARTER + 1})
    assert not scene.case().covered


async def test_partial_payment(scene: Scene) -> None:
    """A payee that fails keeps the claim open; corrected and paid it leaves the balance drawn."""
    await scene.guarantee()
    await scene.pass_(NOTICE, noticeNo="N1", **payees(100, 200))
    await scene.pass_(RESULT, noticeNo="N1", **outcomes(p0="paid", p1="failed"))
    assert (scene.state(), scene.order().paid_fen) == ("claimed", 100)
    fix = [{"payeeId": "1", "account": "6222000000000000002", "bank": "示例银行"}]
    await scene.pass_("payment.payee_correction.v1", noticeNo="N1", payees=fix)
    await scene.clash("payment.payee_correction.v1", noticeNo="N1", payees=[fix[0] | {"payeeId": "0"}])
    await scene.pass_(RESULT, noticeNo="N1", **outcomes(p1="paid"))
    assert (scene.state(), scene.order().balance_fen) == ("drawn", FULL - 300)
    await scene.pass_(RESULT, noticeNo="N1", **outcomes(p1="returned"))
    assert (scene.state(), scene.order().paid_fen) == ("claimed", 100)


async def test_several_notices_on_one_guarantee(scene: Scene) -> None:
    """Open notices share the free balance; a withdrawn one gives it back; the last fen performs the guarantee."""
    await scene.guarantee()
    await scene.pass_(NOTICE, noticeNo="N1", **payees(QUARTER))
    await scene.pass_(NOTICE, noticeNo="N2", **payees(2 * QUARTER))
    await scene.clash(NOTICE, noticeNo="N1", **payees(1))
    await scene.clash(NOTICE, noticeNo="N3", **payees(QUARTER + 1))
    await scene.pass_(WITHDRAW, noticeNo="N1")
    await scene.pass_(NOTICE, noticeNo="N3", **payees(2 * QUARTER))
    await scene.pass_(RESULT, noticeNo="N2", **outcomes(p0="paid"))
    assert (scene.state(), scene.order().free_fen) == ("claimed", 0)
    await scene.pass_(RESULT, noticeNo="N3", **outcomes(p0="paid"))
    assert (scene.state(), scene.order().lapse_ground, scene.case().covered) == ("lapsed", "performed", False)


async def test_top_up(scene: Scene) -> None:
    """A guarantee's amendment or a deposit's new principal restores the balance; less leaves it drawn."""
    await scene.guarantee()
    await scene.cash()
    for order in ("A", "C"):
        await scene.pass_(NOTICE, order, noticeNo="N1", **payees(300))
        await scene.pass_(RESULT, order, noticeNo="N1", **outcomes(p0="paid"))
    amended = {"amount": money(FULL + 100), "validTo": scene.order().valid_to}
    await scene.pass_(AMEND, variant="topup", **amended)
    assert (scene.state(), scene.order().balance_fen) == ("drawn", FULL - 200)
    await scene.clash(AMEND, variant="topup", **amended)
    await scene.pass_(AMEND, variant="topup", **amended | {"amount": money(FULL + 300)})
    await scene.pass_(STORE, "C", "topup", amount=money(299))
    assert (scene.state("A"), scene.state("C")) == ("in_force", "drawn")
    await scene.pass_(STORE, "C", "topup", amount=money(1))
    assert (scene.state("C"), scene.case().covered) == ("in_force", True)


async def test_replacement(scene: Scene) -> None:
    """Another institution's guarantee takes the place of the one that the application names; its claim is settled."""
    await scene.guarantee("A")
    await scene.guarantee("B")
    for order in ("A", "B"):
        old = {"orderNo": order, "guaranteeNo": scene.order(order).guarantee_no}
        await scene.pass_(APPLY, f"P-{order}", replaces=old)
        if order == "B":
            await scene.pass_(NOTICE, "B", noticeNo="N1", **payees(300))
        await scene.pass_(ISSUE, f"P-{order}", replaces=old)
    assert (scene.state("A"), scene.order("A").lapse_ground) == ("lapsed", "replaced")
    assert (scene.state("B"), scene.order("B").flag) == ("claimed", "replaced")
    await scene.clash(NOTICE, "B", noticeNo="N2", **payees(1))
    await scene.pass_(RESULT, "B", noticeNo="N1", **outcomes(p0="paid"))
    assert (scene.state("B"), set(scene.case().shares)) == ("lapsed", {"P-A", "P-B"})


async def test_a_guarantee_that_nobody_named_is_not_replaced(scene: Scene) -> None:
    """An institution that names another's guarantee of itself is refused, and nothing is issued."""
    await scene.guarantee("A")
    await scene.pass_(APPLY, "P-1")
    await scene.clash(ISSUE, "P-1", replaces={"orderNo": "A", "guaranteeNo": scene.order("A").guarantee_no})
    assert (scene.state("A"), scene.state("P-1")) == ("in_force", "applied")


async def test_extension(scene: Scene) -> None:
    """Asked for and granted: a later end at the same amount; an earlier end or another amount is refused."""
    await scene.guarantee()
    end = date.fromisoformat(scene.order().valid_to or "")
    later, earlier = (str(end + timedelta(days=days)) for days in (1, -1))
    await scene.pass_("guarantee.extension_request.v1", validTo=later)
    await scene.clash(AMEND, amount=money(FULL), validTo=earlier)
    await scene.clash(AMEND, amount=money(FULL + 1), validTo=later)
    await scene.pass_(NOTICE, noticeNo="N1", **payees(300))
    await scene.pass_(AMEND, amount=money(FULL), validTo=later)
    assert (scene.state(), scene.order().valid_to) == ("claimed", later)


async def test_expiry_with_a_claim_open(scene: Scene) -> None:
    """The end of its last day lapses a guarantee; one that is claimed pays first, under the flag. Both are told of."""
    end = local_date(scene.gateway.clock.now()) + timedelta(days=60)
    for order in ("A", "B"):
        await scene.guarantee(order, ends=end)
    await scene.pass_(NOTICE, "B", noticeNo="N1", **payees(300))
    await scene.wait_until(end)
    assert (scene.state("A"), scene.state("B")) == ("in_force", "claimed")
    await scene.wait_until(end + timedelta(days=1))
    assert (scene.state("A"), scene.order("A").lapse_ground) == ("lapsed", "expired")
    assert (scene.state("B"), scene.order("B").flag) == ("claimed", "expired")
    await scene.clash(NOTICE, "B", noticeNo="N2", **payees(1))
    await scene.clash(AMEND, "B", amount=money(FULL), validTo=str(end + timedelta(days=30)))
    await scene.pass_(RESULT, "B", noticeNo="N1", **outcomes(p0="paid"))
    assert (scene.state("B"), scene.case().shares) == ("lapsed", {})
    await scene.wait_until(end + timedelta(days=2))
    for who in ("platform", "xmccb"):
        assert {data["orderNo"] for data in await scene.told(who, "guarantee.lapsed.v1")} == {"A", "B"}
    await scene.pass_(RESULT, "B", noticeNo="N1", **outcomes(p0="returned"))
    assert (scene.state("B"), scene.order("B").flag) == ("claimed", "expired")


async def test_crossing_messages(scene: Scene) -> None:
    """The first accepted wins: withdrawn against paid, paid against withdrawn, issued against cancelled."""
    await scene.guarantee()
    await scene.pass_(NOTICE, noticeNo="N1", **payees(100))
    await scene.pass_(WITHDRAW, noticeNo="N1")
    await scene.clash(RESULT, noticeNo="N1", **outcomes(p0="paid"))
    await scene.pass_(NOTICE, noticeNo="N2", **payees(100))
    await scene.pass_(RESULT, noticeNo="N2", **outcomes(p0="paid"))
    await scene.clash(WITHDRAW, noticeNo="N2")
    assert (scene.state(), scene.order().paid_fen) == ("drawn", 100)
    for order, first, second in (
        ("B", "guarantee.cancellation.v1", ISSUE),
        ("D", ISSUE, "guarantee.cancellation.v1"),
    ):
        await scene.pass_(APPLY, order)
        await scene.pass_(first, order)
        await scene.clash(second, order)
    assert (scene.state("B"), scene.state("D")) == ("cancelled", "in_force")


async def test_a_claim_in_the_case_holds_every_release(scene: Scene) -> None:
    """A notice on one order holds the release of another; a deferral holds it until it is applied for anew."""
    await scene.guarantee("A")
    await scene.guarantee("B")
    await scene.pass_(NOTICE, "B", noticeNo="N1", **payees(100))
    await scene.clash(CONFIRM, "A")
    await scene.pass_(RESULT, "B", noticeNo="N1", **outcomes(p0="paid"))
    for type_ in ("release.application.v1", "release.deferral.v1"):
        await scene.file(type_)
    await scene.clash(CONFIRM, "A")
    await scene.file("release.application.v1")
    await scene.pass_(CONFIRM, "A")
    await scene.pass_("release.completed.v1", "A")
    assert (scene.state("A"), set(scene.case().shares)) == ("released", {"B"})
