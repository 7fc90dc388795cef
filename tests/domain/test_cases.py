"""Cases: what is filed, what orders bring to them, when one is covered, and how release stands beside the state."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.core.case import Case, Share
from gateway.core.effects import Held, raise_event
from gateway.core.money import write_words
from gateway.core.parameters import DEFAULTS
from tests.domain.flow import NOW, decide, make, refusal_of
from tests.domain.test_effects import AMEND, APPLY, ISSUE, RESERVE, STORE, notice, results

FULL = 100_000_000
CONFIRM, COMPLETE = "release.confirmation.v1", "release.completed.v1"


class World:
    """One case with several orders, as the store keeps them: each message is judged with what its locks hold."""

    def __init__(self, *, required=FULL, cash_min=0):
        self.required, self.cash_min = required, cash_min
        self.orders, self.case, self.warnings = {}, None, ()

    def send(self, type_, order="A", variant=None, change=None, **ends):
        """Send an order's message; the problem that it meets, or None."""
        return self.take(self.envelope(type_, order, variant, change, **ends))

    def envelope(self, type_, order="A", variant=None, change=None, **ends):
        def shape(data):
            if type_ in {APPLY, RESERVE}:
                data["caseNo"] = "CASE"
                data["notice"]["requiredAmount"] |= amount(self.required)
                data["notice"]["cashMinimum"] = {"currency": "CNY", "fen": self.cash_min}
            if change is not None:
                change(data)

        return make(type_, variant, subject=order, change=shape, **ends)

    def take(self, envelope):
        held = self.hold(envelope)
        problem = refusal_of(held.order, envelope, case=held.case, others=held.others.values())
        if problem is None:
            effects = decide(held.order, envelope, case=held.case, others=held.others.values())
            self.case = effects.case or self.case
            self.orders |= effects.others | ({envelope.subject: effects.order} if effects.order else {})
        return problem

    def hold(self, envelope):
        named = envelope.data.get("replaces", {}).get("orderNo")
        others = {named: self.orders[named]} if named in self.orders else {}
        return Held(order=self.orders.get(envelope.subject), case=self.case, others=others)

    def file(self, type_, variant=None, change=None):
        return self.take(make(type_, variant, subject="CASE", change=change))

    def state(self, order="A"):
        return self.orders[order].state


def amount(fen):
    return {"currency": "CNY", "fen": fen, "words": write_words(fen)}


def of(fen):
    return lambda data: data.update(amount=amount(fen))


def guarantee(world, order, fen):
    assert world.send(APPLY, order, change=of(fen)) is None
    assert world.send(ISSUE, order, change=of(fen)) is None


def cash(world, order, fen):
    assert world.send(RESERVE, order, change=of(fen)) is None
    assert world.send("account.opened.v1", order) is None
    assert world.send(STORE, order, change=of(fen)) is None


def claim(order, number, fen):
    return replace(notice(number, fen), subject=order)


def pay(order, number, outcome="paid"):
    return replace(results(number, p0=outcome), subject=order)


def test_mixed_cash_and_guarantee_cover_a_case():
    """A cash part and a guarantee together cover the case; neither alone does."""
    world = World(cash_min=20_000_000)
    cash(world, "A", 20_000_000)
    assert (world.state("A"), world.case.covered) == ("in_force", False)
    guarantee(world, "B", 80_000_000)
    assert (world.case.covered, world.case.required_fen, world.case.cash_min_fen) == (True, FULL, 20_000_000)


def test_guarantees_alone_do_not_meet_the_cash_minimum():
    """A guarantee over the whole amount leaves a case with a cash minimum uncovered."""
    world = World(cash_min=1)
    guarantee(world, "A", FULL)
    assert not world.case.covered
    cash(world, "B", 1)
    assert world.case.covered


def test_cash_stored_in_parts_is_in_force_when_whole():
    """Deposits add up: one fen short the order stays opened, with it the deposit is in force."""
    world = World()
    world.send(RESERVE)
    world.send("account.opened.v1")
    world.send(STORE, change=of(FULL - 1))
    assert (world.state(), world.case.covered) == ("opened", False)
    world.send(STORE, change=of(1))
    assert (world.state(), world.orders["A"].balance_fen, world.case.covered) == ("in_force", FULL, True)


def test_an_account_that_is_refused_ends_the_order():
    """The bank's refusal rejects the reservation; a new order under the same case goes on."""
    world = World()
    world.send(RESERVE)
    assert world.send("account.opened.v1", variant="refused") is None
    assert world.state() == "rejected"
    guarantee(world, "B", FULL)
    assert world.case.covered


def test_partial_payment():
    """A payment of a part leaves the rest of the guarantee, and the case uncovered until it is made up."""
    world = World()
    guarantee(world, "A", FULL)
    assert world.take(claim("A", "N1", 300)) is None
    assert (world.state(), world.case.claim_open) == ("claimed", True)
    assert world.take(pay("A", "N1")) is None
    assert (world.state(), world.orders["A"].balance_fen) == ("drawn", FULL - 300)
    assert (world.case.covered, world.case.claim_open) == (False, False)


def test_several_notices_on_one_guarantee():
    """Notices share the balance; the claim closes with the last of them."""
    world = World()
    guarantee(world, "A", FULL)
    world.take(claim("A", "N1", FULL - 100))
    assert world.take(claim("A", "N2", 101)).code == "STATE_CONFLICT"
    assert world.take(claim("A", "N2", 100)) is None
    world.take(pay("A", "N2"))
    assert world.state() == "claimed"
    world.take(pay("A", "N1"))
    assert (world.state(), world.orders["A"].lapse_ground) == ("lapsed", "performed")


def withdraw(number):
    return make("payment.notice_withdrawal.v1", subject="A", change=lambda data: data.update(noticeNo=number))


def test_a_withdrawn_notice_gives_its_money_free():
    """What was not paid when the notice was withdrawn can be claimed anew; nothing paid means in force again."""
    world = World()
    guarantee(world, "A", FULL)
    world.take(claim("A", "N1", FULL))
    assert world.take(withdraw("N1")) is None
    assert (world.state(), world.orders["A"].free_fen) == ("in_force", FULL)
    assert world.take(withdraw("N1")).code == "STATE_CONFLICT"
    assert world.take(claim("A", "N2", FULL)) is None


def test_crossing_messages():
    """A withdrawal and a payment that cross: the first accepted wins, the other one is told by a conflict."""
    first, second = World(), World()
    for world in (first, second):
        guarantee(world, "A", FULL)
        world.take(claim("A", "N1", 300))
        world.take(claim("A", "N2", 300))
    assert first.take(withdraw("N1")) is None
    assert first.take(pay("A", "N1")).code == "STATE_CONFLICT"
    assert second.take(pay("A", "N1")) is None
    assert second.take(withdraw("N1")).code == "STATE_CONFLICT"
    assert (first.orders["A"].paid_fen, second.orders["A"].paid_fen) == (0, 300)


def test_a_corrected_payee_is_paid_anew():
    """After a failure the correction opens the payee again; a payee that is paid cannot be corrected."""
    world = World()
    guarantee(world, "A", FULL)
    world.take(claim("A", "N1", 300))
    world.take(pay("A", "N1", "failed"))

    def correct(data):
        data |= {"noticeNo": "N1", "payees": [data["payees"][0] | {"payeeId": "0"}]}

    assert world.send("payment.payee_correction.v1", change=correct) is None
    assert world.orders["A"].notices["N1"].payees["0"].outcome == "open"
    world.take(claim("A", "N2", 1))
    world.take(pay("A", "N1"))
    assert world.send("payment.payee_correction.v1", change=correct).errors[0].pointer == "/data/payees/0/payeeId"


def amend(kind, fen, valid_to="2028-11-30"):
    def change(data):
        data |= {"amendmentKind": kind, "amount": amount(fen), "validTo": valid_to}

    return change


def test_top_up_of_a_guarantee():
    """A top-up restores the balance: one fen short stays drawn, whole is in force; less than before is refused."""
    world = World()
    guarantee(world, "A", FULL)
    world.take(claim("A", "N1", 300))
    world.take(pay("A", "N1"))
    assert world.send(AMEND, change=amend("topup", FULL)).code == "STATE_CONFLICT"
    assert world.send(AMEND, change=amend("topup", FULL + 300, "2028-05-30")).code == "STATE_CONFLICT"
    assert world.send(AMEND, change=amend("topup", FULL + 299)) is None
    assert (world.state(), world.case.covered) == ("drawn", False)
    assert world.send(AMEND, change=amend("topup", FULL + 300)) is None
    assert (world.state(), world.orders["A"].balance_fen, world.case.covered) == ("in_force", FULL, True)


def test_top_up_of_a_deposit():
    """Cash that was used is stored again: in part the deposit stays drawn, in whole it is in force."""
    world = World()
    cash(world, "A", FULL)
    world.take(claim("A", "N1", 300))
    assert world.send(STORE, change=of(100)) is None
    assert world.state() == "claimed"
    world.take(pay("A", "N1"))
    assert world.state() == "drawn"
    world.send(STORE, change=of(199))
    assert world.state() == "drawn"
    world.send(STORE, change=of(1))
    assert (world.state(), world.orders["A"].balance_fen) == ("in_force", FULL)


def test_only_the_principal_can_be_claimed():
    """Of a deposit no more than what was stored."""
    world = World()
    cash(world, "A", FULL)
    assert world.take(claim("A", "N1", FULL + 1)).code == "STATE_CONFLICT"
    assert world.take(claim("A", "N1", FULL)) is None
    world.take(pay("A", "N1"))
    assert world.state() == "drawn"


@pytest.mark.parametrize(
    ("fen", "valid_to", "passes"),
    [
        (FULL, "2028-05-31", True),
        (FULL, "2028-05-30", False),
        (FULL, "2028-05-29", False),
        (FULL - 1, "2028-11-30", False),
        (FULL + 1, "2028-11-30", False),
    ],
)
def test_extension(fen, valid_to, passes):
    """An extension moves the end, never back, and leaves the amount; the state stays."""
    world = World()
    world.send(APPLY)
    world.send(ISSUE, change=lambda data: data.update(validTo="2028-05-30"))
    problem = world.send(AMEND, change=amend("extension", fen, valid_to))
    assert (problem is None) is passes
    assert world.orders["A"].valid_to == ("2028-05-31" if passes else "2028-05-30")
    assert world.state() == "in_force"


@pytest.mark.parametrize(("end", "passes"), [("2026-11-21", True), ("2026-11-20", False)])
def test_an_extension_comes_before_the_end(end, passes):
    """On the last day an extension still passes, a day later it does not."""
    world = World()
    guarantee(world, "A", FULL)
    world.orders["A"] = replace(world.orders["A"], valid_to=end)
    assert (world.send(AMEND, change=amend("extension", FULL)) is None) is passes


def replacing(number, order="A"):
    return lambda data: data.update(replaces={"orderNo": order, "guaranteeNo": number})


def test_replacement():
    """A new guarantee of the same issuer in the same case lapses the old one, and the case stays covered."""
    world = World()
    guarantee(world, "A", FULL)
    old = world.orders["A"]
    world.send(APPLY, "B")
    assert world.send(ISSUE, "B", change=replacing(old.guarantee_no)) is None
    assert (world.state("A"), world.orders["A"].lapse_ground, world.state("B")) == ("lapsed", "replaced", "in_force")
    assert (world.case.covered, set(world.case.shares)) == (True, {"B"})


def test_replacement_during_a_claim():
    """A claim goes on under the old guarantee, flagged; when it closes the guarantee lapses as replaced."""
    world = World()
    guarantee(world, "A", FULL)
    world.take(claim("A", "N1", 300))
    world.send(APPLY, "B")
    assert world.send(ISSUE, "B", change=replacing(world.orders["A"].guarantee_no)) is None
    assert (world.state("A"), world.orders["A"].flag) == ("claimed", "replaced")
    assert world.case.shares["A"] == Share(cash=False, fen=0, claim_open=True)
    assert world.take(claim("A", "N2", 1)).code == "STATE_CONFLICT"
    world.take(pay("A", "N1"))
    assert (world.state("A"), world.orders["A"].lapse_ground) == ("lapsed", "replaced")
    world.take(pay("A", "N1", "returned"))
    assert (world.state("A"), world.orders["A"].flag) == ("claimed", "replaced")


def end(world, order="A"):
    world.orders[order] = raise_event(world.orders[order], "order.ended", now=NOW, parameters=DEFAULTS)


def test_expiry_with_a_claim_open():
    """The end date flags a claimed guarantee; no further notice passes, and closing the claim lapses it as expired."""
    world = World()
    guarantee(world, "A", FULL)
    world.take(claim("A", "N1", 300))
    end(world)
    assert (world.state(), world.orders["A"].flag) == ("claimed", "expired")
    assert world.take(claim("A", "N2", 1)).code == "STATE_CONFLICT"
    assert world.send(AMEND, change=amend("topup", FULL + 1)).code == "STATE_CONFLICT"
    world.take(pay("A", "N1", "failed"))
    assert world.state() == "claimed"
    world.take(pay("A", "N1"))
    assert (world.state(), world.orders["A"].lapse_ground, world.case.shares) == ("lapsed", "expired", {})


def test_expiry_without_a_claim():
    """A guarantee lapses with its end date, a deposit has none; the gateway's event elsewhere changes nothing."""
    world = World()
    guarantee(world, "A", FULL)
    cash(world, "B", FULL)
    end(world)
    assert (world.state(), world.orders["A"].lapse_ground) == ("lapsed", "expired")
    assert isinstance(raise_event(world.orders["B"], "order.ended", now=NOW, parameters=DEFAULTS), str)
    assert raise_event(world.orders["A"], "order.ended", now=NOW, parameters=DEFAULTS) == ""


def test_nobody_replaces_another_institutions_guarantee_unasked():
    """An institution ends another's guarantee only where the platform's application names it."""
    for named, passes in ((False, False), (True, True)):
        world = World()
        guarantee(world, "A", FULL)
        change = replacing(world.orders["A"].guarantee_no)
        world.send(APPLY, "B", recipient="other", change=change if named else None)
        assert (world.send(ISSUE, "B", source="other", change=change) is None) is passes
        assert world.state("A") == ("lapsed" if passes else "in_force")


@pytest.mark.parametrize(("number", "order"), [("BH-0", "A"), (None, "Z"), (None, "B")])
def test_a_replacement_names_a_guarantee_of_the_case(number, order):
    """A wrong number, an unknown order or the order itself is refused, and nothing is issued."""
    world = World()
    guarantee(world, "A", FULL)
    world.send(APPLY, "B")
    problem = world.send(ISSUE, "B", change=replacing(number or world.orders["A"].guarantee_no, order))
    assert (problem.code, problem.errors[0].pointer) == ("STATE_CONFLICT", "/data/replaces/orderNo")
    assert (world.state("A"), world.state("B")) == ("in_force", "applied")


@pytest.mark.parametrize(("type_", "variant"), [("deposit.review.v1", "refused"), ("deposit.exemption.v1", None)])
def test_no_order_in_a_case_that_is_refused_or_exempted(type_, variant):
    """After a refusal or an exemption no application passes; after approval or revocation it does."""
    world = World()
    assert world.file(type_, variant) is None
    assert world.send(APPLY).code == "STATE_CONFLICT"
    assert world.file("deposit.exemption_revoked.v1" if variant is None else "deposit.review.v1") is None
    assert world.send(APPLY) is None


def test_what_is_filed_sets_what_the_case_needs():
    """The review's amounts count before those that an application carries."""
    world = World(required=FULL)

    def change(data):
        data["requiredAmount"] = amount(150_000_000)
        data["cashMinimum"] = {"currency": "CNY", "fen": 5}

    world.file("deposit.declaration.v1")
    assert world.case.standing == "declared"
    world.file("deposit.review.v1", change=change)
    guarantee(world, "A", FULL)
    assert (world.case.standing, world.case.required_fen, world.case.cash_min_fen) == ("approved", 150_000_000, 5)
    assert not world.case.covered


def test_release_stands_beside_the_state():
    """Applied, deferred, applied again, approved: a deferred order stays in force and can be claimed."""
    world = World()
    guarantee(world, "A", FULL)
    world.file("release.application.v1")
    assert (world.case.release, world.state()) == ("applied", "in_force")
    world.file("release.deferral.v1")
    assert world.send(CONFIRM).code == "STATE_CONFLICT"
    assert world.take(claim("A", "N1", 300)) is None
    world.take(pay("A", "N1"))
    world.file("release.application.v1")
    assert world.send(CONFIRM) is None
    assert (world.case.release, world.state(), world.case.shares) == ("approved", "releasing", {})
    world.send(COMPLETE)
    assert world.state() == "released"


def test_no_release_while_a_claim_is_open_in_the_case():
    """A claim on one order holds the release of the other one."""
    world = World()
    guarantee(world, "A", FULL)
    guarantee(world, "B", FULL)
    world.take(claim("B", "N1", 300))
    assert world.send(CONFIRM, "A").code == "STATE_CONFLICT"
    world.take(pay("B", "N1"))
    assert world.send(CONFIRM, "A") is None


def test_a_case_survives_the_store():
    """A case reads back equal from JSON text."""
    world = World(cash_min=3)
    cash(world, "A", 20_000_000)
    guarantee(world, "B", 80_000_000)
    world.take(claim("B", "N1", 300))
    world.file("release.deferral.v1")
    assert Case.from_json(json.loads(json.dumps(world.case.to_json()))) == world.case
