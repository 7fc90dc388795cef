"""Recipients that are pushed to may pull as well, and both sides may be either (protocol sections 5 and 6)."""

from __future__ import annotations

from tests.harness.gateway import Founded, Gateway
from tests.protocol.caller import encode
from tests.protocol.recipient import Push, Recipient, plain, say
from tests.protocol.steps import HOUR, apply, bring, parties, pushed


async def test_a_recipient_that_changes_to_push_gets_what_stood(either: Gateway, recipient: Recipient):
    """What stood in the mailbox is pushed once the party is registered with an address."""
    platform, bank = parties(either)
    body = await apply(platform)
    await either.deliver()
    assert len(await bank.mailbox()) == 1
    await pushed(either, recipient)
    await either.deliver()
    assert [push.body for push in recipient.pushes] == [body]
    assert (await platform.state("platform", "m-1"))["state"] == "delivered"


async def test_a_push_recipient_may_pull(either: Gateway, recipient: Recipient):
    """A receipt by hand between two attempts ends the pushing; the same verdict pushed later changes nothing."""
    platform, bank = await pushed(either, recipient)
    recipient.script.append(say(503))
    await apply(platform)
    await either.deliver()
    [waiting] = await bank.mailbox()
    assert waiting["attempt"] == 1
    assert (await bring(bank, waiting)).status == 200
    await either.after(HOUR)
    assert len(recipient.pushes) == 1
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], shown["receipt"]["path"]) == ("delivered", f"/v1/mailbox/{waiting['deliveryId']}/receipt")


async def test_a_receipt_by_hand_overtakes_the_push(gateway: Gateway, recipient: Recipient):
    """While a push is under way the receipt by hand decides; the push's own changes nothing."""
    platform, bank = await pushed(gateway, recipient)

    async def by_hand(push: Push) -> bytes:
        [waiting] = await bank.mailbox()
        assert (await bring(bank, waiting)).status == 200
        return recipient.receipt(push, status="REFUSED", more={"code": "LATE", "message": "迟了"})

    recipient.script.append(by_hand)
    await apply(platform)
    await gateway.deliver()
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], shown["receipt"]["method"]) == ("delivered", "POST")
    assert await platform.mailbox() == []


async def test_the_platform_may_be_pushed_to(either: Gateway, founded: Founded):
    """Both directions are one code path: the bank's message reaches the platform's own server."""
    async with Recipient("platform", founded.keys).serving() as server:
        await either.change("platform", adapter="native", endpoint=server.url())
        platform, bank = parties(either)
        await apply(platform)
        issued = encode(bank.event("guarantee.issued.v1", "DD-1", id="i-1"))
        assert (await bank.post(issued)).status == 202
        await either.deliver()
        assert [push.body for push in server.pushes] == [issued]
        assert (await bank.state("xmccb", "i-1"))["state"] == "delivered"


def test_the_scripted_answers_are_what_they_say():
    """The recipient of these tests writes plain HTTP."""
    assert plain(204) == b"HTTP/1.1 204 Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
