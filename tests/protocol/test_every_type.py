"""Every type's example, sent to a fresh gateway in a legal sequence: what is filed, a guarantee's life, a deposit's."""

from __future__ import annotations

from gateway.catalogue import example, load_catalogue
from gateway.ports import Query
from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller

GUARANTEE, CASH = "DD-1", "DD-2"
FILED = (
    "deposit.reminder.v1",
    "deposit.declaration.v1",
    "deposit.review.v1",
    "wage.commitment.v1",
    "deposit.exemption.v1",
    "deposit.exemption_revoked.v1",
    "deposit.notice.v1",
)
LIFE = (
    "guarantee.application.v1",
    "guarantee.supplement.v1",
    "order.status.v1",
    "guarantee.issued.v1",
    "invoice.requested.v1",
    "invoice.issued.v1",
    "authenticity.query.v1",
    "authenticity.result.v1",
    "guarantee.query.v1",
    "guarantee.query_result.v1",
    "guarantee.extension_request.v1",
    "guarantee.amended.v1",
    "payment.notice.v1",
    "payment.payee_correction.v1",
    "payment.result.v1",
    "service.record.v1",
    "inspection.request.v1",
    "inspection.response.v1",
    "release.confirmation.v1",
    "release.completed.v1",
)
DEPOSIT = (
    "account.reservation.v1",
    "account.opened.v1",
    "deposit.stored.v1",
    "payment.notice.v1",
    "payment.notice_withdrawal.v1",
    "deposit.usage.v1",
    "deposit.statement.v1",
)
LATER = (
    "deposit.agreement.v1",
    "payment.application.v1",
    "deposit.topup_request.v1",
    "release.deferral.v1",
    "release.application.v1",
)


async def send_all(gateway: Gateway, types: tuple[str, ...], subject: str) -> None:
    """Send the examples of one subject, each by its own sender."""
    callers = {name: Caller(gateway, name, name) for name in ("platform", "xmccb")}
    for type_ in types:
        event = example(type_, subject=subject, now_us=gateway.clock.now())
        answer = await callers[event["source"]].post(event)
        assert answer.status == 202, (type_, answer.doc)


async def test_examples_of_every_type_are_accepted_in_a_legal_sequence(either: Gateway) -> None:
    """From the reminder to the release, with a guarantee and a deposit; only the gateway's own types are left out."""
    case = example("guarantee.application.v1", subject=GUARANTEE, now_us=either.clock.now())["data"]["caseNo"]
    for types, subject in ((FILED, case), (DEPOSIT, CASH), (LATER[:3], case), (LIFE, GUARANTEE), (LATER[3:], case)):
        await send_all(either, types, subject)
    platform = Caller(either, "platform", "platform")
    cancelled = ("guarantee.application.v1", "guarantee.cancellation.v1")
    await send_all(either, cancelled, "DD-3")
    await send_all(either, ("reconciliation.answer.v1",), "DZ-1")
    sent = {*FILED, *LIFE, *DEPOSIT, *LATER, *cancelled, "reconciliation.answer.v1"}
    rows = load_catalogue().types.values()
    assert sent == {row.type for row in rows if row.sources != {"gateway"}}
    await check_filed(either, platform)


async def check_filed(gateway: Gateway, platform: Caller) -> None:
    """Whatever was filed has a receipt, is delivered at once without an attempt, and stands in nobody's mailbox."""
    filed = [view.message for view in await gateway.store.find(Query(recipient="gateway"))]
    types = {row.type for row in load_catalogue().types.values() if row.filed}
    assert {message.type for message in filed} == types
    for message in filed:
        caller = platform if message.source == "platform" else Caller(gateway, message.source, message.source)
        shown = await caller.state(message.source, message.id)
        assert (shown["state"], shown["receipt"], shown["attempts"]) == ("delivered", None, [])
        assert shown["receiptNo"]
    for name in ("platform", "xmccb"):
        bodies = [entry["body"] for entry in await Caller(gateway, name, name).mailbox("?limit=100")]
        assert not any('"recipient":"gateway"' in body.replace(" ", "") for body in bodies)


async def test_a_violation_names_its_rule_and_basis(gateway: Gateway) -> None:
    """A rule that is broken is a 422 with the rule's id, the basis and what to correct."""
    await send_all(gateway, LIFE[:4], GUARANTEE)
    platform = Caller(gateway, "platform", "platform")
    event = example("payment.notice.v1", subject=GUARANTEE, now_us=gateway.clock.now())
    event["data"]["total"]["words"] = "人民币伍万元整"
    answer = await platform.post(event)
    assert (answer.status, answer.code) == (422, "RULE_VIOLATED")
    (fault,) = answer.doc["errors"]
    assert (fault["rule"], fault["pointer"]) == ("words-equal-figures", "/data/total/words")
    assert "接口协议" in fault["basis"]
    event["data"]["total"]["words"] = "肆万元整"
    assert (await platform.post(event)).status == 202
