"""Order of pushes, replays, and workers that die (protocol section 6, architecture points 3 and 5)."""

from __future__ import annotations

import asyncio
import json

from tests.harness.gateway import AUDIT, Gateway
from tests.protocol.caller import Caller, encode
from tests.protocol.recipient import Play, Push, Recipient, say
from tests.protocol.steps import HOUR, apply, bring, delivered, eventually, outcomes, pushed


async def ask(platform: Caller, subject: str, number: str) -> None:
    """A second message of an order."""
    event = platform.event("authenticity.query.v1", subject, id=number)
    assert (await platform.post(encode(event))).status == 202


async def states(platform: Caller, *numbers: str) -> list[str]:
    return [(await platform.state("platform", number))["state"] for number in numbers]


def arrived(recipient: Recipient) -> list[str]:
    return [push.event["id"] for push in recipient.pushes]


async def test_a_subject_is_pushed_in_order(either: Gateway, recipient: Recipient):
    """The second waits, without a due time, until the first is delivered; another subject passes it."""
    platform, bank = await pushed(either, recipient)
    recipient.script.append(say(503))
    await apply(platform, "DD-1", "m-1")
    await either.deliver()
    await ask(platform, "DD-1", "m-2")
    await apply(platform, "DD-2", "m-3")
    await either.deliver()
    assert arrived(recipient) == ["m-1", "m-3"]
    waiting = await platform.state("platform", "m-2")
    assert (waiting["state"], waiting["nextAttemptTime"], waiting["attempts"]) == ("accepted", None, [])
    assert [json.loads(one["body"])["id"] for one in await bank.mailbox()] == ["m-1", "m-2"]
    await either.after(18)
    assert arrived(recipient) == ["m-1", "m-3", "m-1", "m-2"]
    assert await states(platform, "m-1", "m-2", "m-3") == ["delivered"] * 3


async def test_two_recipients_of_one_subject_do_not_wait_for_each_other(either: Gateway, recipient: Recipient):
    """Order is kept per recipient and subject: what goes back to the platform passes what the bank does not take."""
    platform, bank = await pushed(either, recipient)
    recipient.script.extend([say(503)] * 5)
    await apply(platform, "DD-1", "m-1")
    await either.deliver()
    assert (await bank.post(bank.event("guarantee.issued.v1", "DD-1", id="i-1"))).status == 202
    await either.deliver()
    assert [json.loads(one["body"])["id"] for one in await platform.mailbox()] == ["i-1"]


async def test_a_dead_letter_frees_its_subject(either: Gateway, recipient: Recipient):
    """When the first is given up the second is pushed; the first still stands in the mailbox."""
    platform, bank = await pushed(either, recipient)
    recipient.script.extend([say(503)] * 2)
    await apply(platform, "DD-1", "m-1")
    await ask(platform, "DD-1", "m-2")
    await either.deliver()
    await either.after(72 * HOUR)
    assert await states(platform, "m-1", "m-2") == ["failed", "delivered"]
    assert [json.loads(one["body"])["id"] for one in await bank.mailbox()] == ["m-1"]


async def test_a_refusal_frees_its_subject(either: Gateway, recipient: Recipient):
    """The second of a subject follows at once when the first is refused."""
    platform, _ = await pushed(either, recipient)
    recipient.script.append(recipient.refuse("NO", "不办"))
    await apply(platform, "DD-1", "m-1")
    await ask(platform, "DD-1", "m-2")
    await either.deliver()
    assert arrived(recipient) == ["m-1", "m-2"]
    assert await states(platform, "m-1", "m-2") == ["failed", "delivered"]


async def test_a_held_message_blocks_its_subject_and_a_discard_frees_it(either: Gateway, recipient: Recipient):
    """Parked rows block; discarding one cancels it, takes it out of the mailbox and lets the next go."""
    platform, bank = await pushed(either, recipient)
    recipient.script.append(say(410))
    await apply(platform, "DD-1", "m-1")
    await ask(platform, "DD-1", "m-2")
    await either.deliver()
    [first, _] = await bank.mailbox()
    assert await states(platform, "m-1", "m-2") == ["held", "accepted"]
    assert await either.store.discard([int(first["deliveryId"])], now=either.clock.now(), audit=AUDIT) == 1
    await either.change("xmccb", gone=False)
    await either.deliver()
    assert await states(platform, "m-1", "m-2") == ["cancelled", "delivered"]
    assert arrived(recipient) == ["m-1", "m-2"]
    assert await bank.mailbox() == []


async def test_a_receipt_by_hand_frees_its_subject(either: Gateway, recipient: Recipient):
    """The next of the subject is pushed as soon as the mailbox brought the first one's receipt."""
    platform, bank = await pushed(either, recipient)
    recipient.script.append(say(503))
    await apply(platform, "DD-1", "m-1")
    await ask(platform, "DD-1", "m-2")
    await either.deliver()
    assert (await bring(bank, (await bank.mailbox())[0])).status == 200
    await either.deliver()
    assert arrived(recipient) == ["m-1", "m-2"]


async def test_a_replay_goes_to_the_tail(either: Gateway, recipient: Recipient):
    """A dead letter replayed is pushed after what is live of its subject, with its attempts numbered on in the view."""
    platform, bank = await pushed(either, recipient)
    recipient.script.extend([say(503)] * 2)
    await apply(platform, "DD-1", "m-1")
    await either.deliver()
    await either.after(72 * HOUR)
    [old] = await bank.mailbox()
    recipient.script.append(say(503))
    await ask(platform, "DD-1", "m-2")
    await either.deliver()
    [fresh] = await either.store.replay([int(old["deliveryId"])], now=either.clock.now(), audit=AUDIT)
    assert await either.store.replay([int(old["deliveryId"])], now=either.clock.now(), audit=AUDIT) == []
    await either.deliver()
    assert await states(platform, "m-1", "m-2") == ["accepted", "delivering"]
    listed = [(one["deliveryId"], json.loads(one["body"])["id"]) for one in await bank.mailbox()]
    assert ("m-1" in dict(listed).values(), (str(fresh), "m-1") in listed, len(listed)) == (True, True, 2)
    await either.after(18)
    assert arrived(recipient) == ["m-1", "m-1", "m-2", "m-2", "m-1"]
    assert recipient.pushes[-1].headers["gzbzj-delivery"] == str(fresh)
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], [attempt["number"] for attempt in shown["attempts"]]) == ("delivered", [1, 2, 3])


def _hold(released: asyncio.Event, then: Play) -> Play:
    async def play(push: Push) -> bytes:
        await released.wait()
        answer = then(push)
        return answer if isinstance(answer, bytes) else await answer

    return play


async def test_a_lost_worker_s_message_is_pushed_again(either: Gateway, recipient: Recipient):
    """A claim whose worker stops beating ends as WORKER_LOST after 5 s; and the message goes out anew."""
    platform, _ = await pushed(either, recipient)
    released = asyncio.Event()
    recipient.script.append(_hold(released, say(503)))
    await apply(platform)
    await either.turn()
    await recipient.has(1)
    started = await platform.state("platform", "m-1")
    assert (started["state"], outcomes(started)) == ("delivering", [("started", None, None)])
    either.clock.advance(4)
    await either.parts.timers.sweep()
    assert outcomes(await platform.state("platform", "m-1")) == [("started", None, None)]
    either.clock.advance(2)
    await either.parts.timers.sweep()
    lost = await platform.state("platform", "m-1")
    assert outcomes(lost) == [("retry", None, "WORKER_LOST")]
    assert lost["nextAttemptTime"] is not None
    await either.turn()
    await recipient.has(2)
    released.set()
    await either.deliver()
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], outcomes(shown)) == (
        "delivered",
        [("retry", None, "WORKER_LOST"), ("delivered", 200, None)],
    )
    assert [push.headers["gzbzj-attempt"] for push in recipient.pushes] == ["1", "2"]


async def test_a_late_receipt_of_a_lost_worker_counts(either: Gateway, recipient: Recipient):
    """What a recipient proved is taken from whoever brings it, also after the claim was taken away."""
    platform, _ = await pushed(either, recipient)
    released = asyncio.Event()
    recipient.script.append(_hold(released, recipient.accept()))
    await apply(platform)
    await either.turn()
    await recipient.has(1)
    either.clock.advance(6)
    await either.parts.timers.sweep()
    released.set()
    await either.parts.bus.idle()
    assert (await platform.state("platform", "m-1"))["state"] == "delivered"
    await either.deliver()
    assert len(recipient.pushes) == 1


async def test_five_lost_claims_park_a_message(either: Gateway, recipient: Recipient):
    """After the fifth claim without an outcome the row is held with an alert; resuming tries it again."""
    platform, _ = await pushed(either, recipient)
    released = asyncio.Event()
    recipient.script.extend([_hold(released, say(503))] * 5)
    await apply(platform)
    for count in range(1, 6):
        assert (await platform.state("platform", "m-1"))["state"] != "held"
        await either.turn()
        await recipient.has(count)
        either.clock.advance(6)
        await either.parts.timers.sweep()
    held = await platform.state("platform", "m-1")
    assert (held["state"], held["nextAttemptTime"]) == ("held", None)
    assert outcomes(held) == [("retry", None, "WORKER_LOST")] * 5
    assert [code for code, _ in await either.alerts()] == ["DELIVERY_PARKED"]
    released.set()
    await either.deliver()
    assert (await platform.state("platform", "m-1"))["state"] == "held"
    await either.change("xmccb", paused=False)
    await either.deliver()
    assert (await platform.state("platform", "m-1"))["state"] == "delivered"


async def test_a_wake_up_that_got_lost_is_given_again(either: Gateway, recipient: Recipient):
    """Published and never claimed for 30 s: published again, and delivered."""
    platform, _ = await pushed(either, recipient)
    either.lose(1.0)
    await apply(platform)
    await either.deliver()
    assert recipient.pushes == []
    either.lose(0.0)
    await either.after(29)
    assert recipient.pushes == []
    await either.after(2)
    assert (await platform.state("platform", "m-1"))["state"] == "delivered"


async def test_a_worker_whose_clock_is_off_spends_no_wake_up(either: Gateway, recipient: Recipient):
    """What comes to it goes back, what comes later is left to others; nothing waits for a sweep once it is right."""
    platform, _ = await pushed(either, recipient)
    await either.deliver()
    either.parts.deliverer.may_claim = False
    await apply(platform, "DD-1", "m-1")
    assert not await either.parts.relay._step()
    await eventually(lambda: either.parts.bus.finished == 1)
    await either.parts.deliverer.consume()
    await apply(platform, "DD-2", "m-2")
    assert not await either.parts.relay._step()
    assert recipient.pushes == []
    either.parts.deliverer.may_claim = True
    await either.parts.deliverer.consume()
    await recipient.has(2)
    assert {await end_of(platform, number) for number in ("m-1", "m-2")} == {"delivered"}


async def test_nothing_moves_by_a_clock_that_is_off(either: Gateway, recipient: Recipient):
    """Such a process publishes nothing and takes no worker for dead; once it is right, all goes on."""
    platform, _ = await pushed(either, recipient)
    released = asyncio.Event()

    async def wait(push: Push) -> bytes:
        await released.wait()
        return recipient.receipt(push)

    recipient.script.append(wait)
    await apply(platform, "DD-1", "m-1")
    await either.turn()
    await recipient.has(1)
    either.parts.clock_watch.ok = False
    either.clock.advance(60)
    await apply(platform, "DD-2", "m-2")
    for step in (either.parts.timers.sweep, either.parts.timers.wake_again, either.parts.relay._step):
        assert not await step()
    released.set()
    await either.parts.bus.idle()
    assert len(recipient.pushes) == 1
    either.parts.clock_watch.ok = True
    await either.deliver()
    assert {await end_of(platform, number) for number in ("m-1", "m-2")} == {"delivered"}
    assert len(recipient.pushes) == 2


async def end_of(platform: Caller, number: str) -> str:
    """The state of a message of the platform that is delivered."""
    state: str = (await delivered(platform, "platform", number))["state"]
    return state


async def test_a_paused_institution_gets_nothing_until_it_is_resumed(either: Gateway, recipient: Recipient):
    """Pausing stops pushes and costs no attempt; others are served meanwhile."""
    platform, _ = await pushed(either, recipient)
    await either.change("xmccb", paused=True)
    await apply(platform)
    await either.after(80 * HOUR)
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], shown["attempts"]) == ("accepted", [])
    await either.change("xmccb", paused=False)
    await either.deliver()
    assert (await platform.state("platform", "m-1"))["state"] == "delivered"
