"""When pushes are tried again, and what a dead letter is worth (protocol section 6)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.catalogue import load_catalogue
from gateway.core.wire.instants import parse_rfc3339
from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller
from tests.protocol.recipient import Recipient, say
from tests.protocol.steps import HOUR, apply, bring, due_in, pushed


async def at(gateway: Gateway, instant: int) -> None:
    """Move the clock to an instant and do what is due then."""
    gateway.clock.set(instant)
    await gateway.deliver()


# Seconds between attempts, each ± 20 %.
STEPS = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800)


async def test_the_schedule_and_its_end(either: Gateway, recipient: Recipient):
    """Each step within 20 %; the last attempt 72 h after acceptance, then a dead letter, told once."""
    platform, bank = await pushed(either, recipient)
    recipient.script.extend([say(503)] * 100)
    body = await apply(platform)
    start = either.clock.now()
    await either.deliver()
    for count, step in enumerate(STEPS, 1):
        shown = await platform.state("platform", "m-1")
        assert (shown["state"], len(shown["attempts"])) == ("delivering", count)
        assert 0.8 * step <= due_in(either, shown) <= 1.2 * step
        due = parse_rfc3339(shown["nextAttemptTime"])
        await at(either, due - 1)
        assert len(recipient.pushes) == count
        await at(either, due)
    while (shown := await platform.state("platform", "m-1"))["state"] == "delivering":
        await at(either, parse_rfc3339(shown["nextAttemptTime"]))
    assert either.clock.now() - start == timedelta(hours=72) // timedelta(microseconds=1)
    assert (shown["state"], shown["nextAttemptTime"], shown["receipt"]) == ("failed", None, None)
    assert {attempt["outcome"] for attempt in shown["attempts"]} == {"retry"}
    [notice] = [json.loads(waiting["body"]) for waiting in await platform.mailbox()]
    load_catalogue().check(notice["type"], notice)
    assert (notice["type"], notice["data"]["code"]) == ("message.failed.v1", "HTTP_503")
    assert notice["data"]["attempts"] == len(recipient.pushes)
    assert [waiting["body"].encode() for waiting in await bank.mailbox()] == [body]
    assert ("DEAD_LETTER", "platform/m-1") in await either.alerts()
    await either.after(24 * HOUR)
    assert len(recipient.pushes) == notice["data"]["attempts"]


async def dead(gateway: Gateway, recipient: Recipient) -> tuple[Caller, Caller, dict[str, Any]]:
    """A dead letter m-1 with its entry in the bank's mailbox."""
    platform, bank = await pushed(gateway, recipient)
    recipient.script.extend([say(503)] * 2)
    await apply(platform)
    await gateway.deliver()
    await gateway.after(72 * HOUR)
    assert (await platform.state("platform", "m-1"))["state"] == "failed"
    recipient.script.clear()
    [waiting] = await bank.mailbox()
    return platform, bank, waiting


async def test_a_receipt_after_the_dead_letter_counts(either: Gateway, recipient: Recipient):
    """A good pulled ACCEPTED delivers what was given up."""
    platform, bank, waiting = await dead(either, recipient)
    assert (await bring(bank, waiting)).status == 200
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], shown["attempts"][-1]["outcome"]) == ("delivered", "delivered")
    assert shown["receipt"]["method"] == "POST"
    assert await bank.mailbox() == []
    assert len(await platform.mailbox()) == 1


async def test_a_refusal_after_the_dead_letter_is_told_too(either: Gateway, recipient: Recipient):
    """The sender had been told of the silence; the refusal is another cause and another message."""
    platform, bank, waiting = await dead(either, recipient)
    assert (await bring(bank, waiting, status="REFUSED", code="NO_CREDIT", message="额度不足")).status == 200
    notices = [json.loads(notice["body"]) for notice in await platform.mailbox()]
    assert [notice["data"]["code"] for notice in notices] == ["HTTP_503", "NO_CREDIT"]
    assert len({notice["id"] for notice in notices}) == 2
    assert (await platform.state("platform", "m-1"))["state"] == "failed"


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("0", 12, 18),
        ("5", 12, 18),
        ("20", 20, 20),
        ("3600", 24, 36),
        ("999999999", 24, 36),
        ("9999999999999", 12, 18),
        ("-5", 12, 18),
        ("soon", 12, 18),
        ("1.5", 12, 18),
        ("Sat, 21 Nov 2026 00:00:20 GMT", 20, 20),
        ("Sat, 21 Nov 2099 00:00:20 GMT", 24, 36),
        ("Sat, 21 Nov 1999 00:00:20 GMT", 12, 18),
    ],
)
async def test_retry_after_is_honoured_within_bounds(
    gateway: Gateway, recipient: Recipient, value: str, least: float, most: float
):
    """Between the schedule's step and twice it, seconds or a date; nonsense is ignored."""
    platform, _ = await pushed(gateway, recipient)
    recipient.script.append(say(503, Retry_After=value, Date="Sat, 21 Nov 2026 00:00:00 GMT"))
    await apply(platform)
    await gateway.deliver()
    assert least <= due_in(gateway, await platform.state("platform", "m-1")) <= most


async def test_retry_after_counts_beside_a_bad_receipt(gateway: Gateway, recipient: Recipient):
    """A receipt that does not verify changes nothing about the answer's other words."""
    platform, _ = await pushed(gateway, recipient)
    recipient.script.append(recipient.accept(late=-301, http=503, headers={"Retry-After": "20"}))
    await apply(platform)
    await gateway.deliver()
    assert due_in(gateway, await platform.state("platform", "m-1")) == 20
