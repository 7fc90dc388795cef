"""What was promised holds after a stop and a new start on the same home."""

from __future__ import annotations

import secrets

from tests.harness.gateway import Gateway, run_gateway
from tests.protocol.caller import Caller, encode
from tests.protocol.recipient import Recipient, say
from tests.protocol.steps import apply, delivered, outcomes, pushed


async def restart(gateway: Gateway) -> None:
    """Stop as SIGTERM would; the next process starts when the last one's leases are over."""
    await gateway.stop()
    gateway.clock.advance(6)
    await gateway.start()


async def test_nonces_stay_spent(either: Gateway):
    """What was spent before the restart is replayed after it, accepted or refused."""
    platform = Caller(either, "platform", "platform")
    good, bad = secrets.token_hex(16), secrets.token_hex(16)
    body = encode(platform.event("guarantee.application.v1", "DD-1"))
    assert (await platform.post(body, nonce=good)).status == 202
    assert (await platform.post(b"{}", nonce=bad)).status == 400
    await restart(either)
    for nonce in (good, bad):
        assert (await platform.post(body, nonce=nonce)).code == "NONCE_REPLAYED"


async def test_messages_and_receipts_stay(either: Gateway):
    """The same bytes get the first receipt again; the mailbox and the standing are as they were."""
    platform, bank = Caller(either, "platform", "platform"), Caller(either, "xmccb", "xmccb")
    body = encode(platform.event("guarantee.application.v1", "DD-1", id="m-1"))
    first = await platform.post(body)
    before = await bank.mailbox(), await bank.state("platform", "m-1")
    await restart(either)
    again = await platform.post(body)
    assert (again.status, again.body) == (200, first.body)
    assert (await bank.mailbox(), await bank.state("platform", "m-1")) == before
    assert (await platform.post(body + b" ")).code == "MESSAGE_ID_CONFLICT"
    assert (await bank.post(bank.event("guarantee.issued.v1", "DD-1"))).status == 202


async def test_deliveries_go_on(either: Gateway, recipient: Recipient):
    """What was published, and what waits for its next attempt, is delivered by the next process."""
    platform, _ = await pushed(either, recipient)
    recipient.script.append(say(503))
    await apply(platform, "DD-1", "m-1")
    await either.deliver()
    either.lose(1.0)
    await apply(platform, "DD-2", "m-2")
    await either.deliver()
    await restart(either)
    await either.after(60)
    shown = [await platform.state("platform", number) for number in ("m-1", "m-2")]
    assert [one["state"] for one in shown] == ["delivered", "delivered"]
    assert outcomes(shown[0]) == [("retry", 503, "HTTP_503"), ("delivered", 200, None)]
    assert outcomes(shown[1]) == [("delivered", 200, None)]


async def test_a_stop_gives_back_what_it_holds(either: Gateway, recipient: Recipient):
    """A push under way at the stop is finished; its receipt is there after the start."""
    platform, _ = await pushed(either, recipient)
    await apply(platform)
    await either.turn()
    await recipient.has(1)
    await restart(either)
    await either.deliver()
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], outcomes(shown)) == ("delivered", [("delivered", 200, None)])
    assert len(recipient.pushes) == 1


async def test_services_run_by_themselves(founded, tmp_path, recipient: Recipient):
    """Unsteered, an accepted message is delivered without anybody moving the clock."""
    async with run_gateway(founded, tmp_path, steered=False) as gateway:
        platform, _ = await pushed(gateway, recipient)
        await gateway.parts.deliverer.consume()
        body = await apply(platform)
        await recipient.has(1)
        assert recipient.pushes[0].body == body
        assert (await delivered(platform, "platform", "m-1"))["receipt"] is not None
