"""Who may ask: keys by their status, institutions by their standing (protocol sections 1, 3 and 7)."""

from __future__ import annotations

import pytest

from gateway.core.party import KeyStatus, Standing
from tests.harness.gateway import AUDIT
from tests.protocol.caller import Answer, Caller


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code if answer.status >= 400 else ""


@pytest.mark.parametrize("key", ["next", "retired", "revoked", "expired", "early"])
async def test_only_active_keys_sign(bank: Caller, key: str):
    """A key that is announced, ended, expired or not yet valid is KEY_NOT_ACTIVE, unsigned."""
    answer = await Caller(bank.gateway, "xmccb", key).get("/v1/mailbox")
    assert (answer.status, answer.code, answer.signed) == (401, "KEY_NOT_ACTIVE", False)


async def test_several_keys_of_one_owner_sign(bank: Caller):
    """During a rotation both active keys are good."""
    for key in ("xmccb", "second"):
        assert (await Caller(bank.gateway, "xmccb", key).get("/v1/mailbox")).status == 200


@pytest.mark.parametrize(
    ("sender", "key"), [("gateway", "gateway"), ("picc", "xmccb"), ("xmccb", "unknown"), ("nobody", "xmccb")]
)
async def test_a_key_is_looked_up_with_its_owner(bank: Caller, sender: str, key: str):
    """Sender and serial together name a key; the gateway's own name is nobody's."""
    answer = await Caller(bank.gateway, sender, key).get("/v1/mailbox")
    assert (answer.status, answer.code, answer.signed) == (401, "KEY_UNKNOWN", False)


async def test_a_revoked_key_dies_at_the_next_look(bank: Caller):
    """After revocation and one round of the roster the key signs no more; the other one does."""
    gateway = bank.gateway
    await gateway.store.end_key(
        "xmccb", gateway.keys["xmccb"].serial_no, KeyStatus.REVOKED, now=gateway.clock.now(), audit=AUDIT
    )
    await gateway.parts.roster.refresh()
    assert told(await bank.get("/v1/mailbox")) == (401, "KEY_NOT_ACTIVE")
    assert told(await Caller(gateway, "xmccb", "second").get("/v1/mailbox")) == (200, "")


async def test_a_suspended_bank_finishes_what_it_began(platform: Caller, bank: Caller):
    """No new application reaches it; everything on its orders goes on, both ways, and repeats keep their receipt."""
    application = platform.event("guarantee.application.v1", "DD-1")
    first = await platform.post(application)
    assert first.status == 202
    await platform.gateway.change("xmccb", standing=Standing.SUSPENDED)
    refused = await platform.post(platform.event("guarantee.application.v1", "DD-2"))
    assert (refused.status, refused.code, refused.signed) == (403, "INSTITUTION_SUSPENDED", True)
    repeat = await platform.post(application)
    assert (repeat.status, repeat.body) == (200, first.body)
    for sender, type_ in (
        (bank, "guarantee.issued.v1"),
        (platform, "authenticity.query.v1"),
        (bank, "authenticity.result.v1"),
        (platform, "payment.notice.v1"),
        (bank, "payment.result.v1"),
    ):
        assert told(await sender.post(sender.event(type_, "DD-1"))) == (202, ""), type_
    await platform.gateway.change("xmccb", standing=Standing.LIVE)
    assert told(await platform.post(platform.event("guarantee.application.v1", "DD-2"))) == (202, "")


async def test_an_institution_that_is_not_live_does_no_business(platform: Caller):
    """It neither receives nor sends; asking is allowed."""
    newbank = Caller(platform.gateway, "newbank", "newbank")
    to = await platform.post(platform.event("guarantee.application.v1", "DD-1", recipient="newbank"))
    assert (to.status, to.code, to.signed) == (403, "INSTITUTION_NOT_LIVE", True)
    sent = await newbank.post(newbank.event("guarantee.issued.v1", "DD-1"))
    assert (sent.status, sent.code, sent.signed) == (403, "INSTITUTION_NOT_LIVE", True)
    assert (await newbank.get("/v1/mailbox")).status == 200


PERMISSIONS = (
    ("platform", "guarantee.issued.v1", "xmccb", "TYPE_NOT_PERMITTED"),
    ("xmccb", "guarantee.application.v1", "platform", "TYPE_NOT_PERMITTED"),
    ("xmccb", "message.failed.v1", "platform", "TYPE_NOT_PERMITTED"),
    ("platform", "message.failed.v1", "xmccb", "TYPE_NOT_PERMITTED"),
    ("platform", "guarantee.application.v1", "platform", "RECIPIENT_NOT_PERMITTED"),
    ("platform", "guarantee.application.v1", "gateway", "RECIPIENT_NOT_PERMITTED"),
    ("platform", "guarantee.application.v1", "nobody", "RECIPIENT_NOT_PERMITTED"),
    ("xmccb", "guarantee.issued.v1", "picc", "RECIPIENT_NOT_PERMITTED"),
    ("xmccb", "guarantee.issued.v1", "xmccb", "RECIPIENT_NOT_PERMITTED"),
)


@pytest.mark.parametrize(("source", "type_", "recipient", "code"), PERMISSIONS)
async def test_types_go_where_the_catalogue_says(platform: Caller, source: str, type_: str, recipient: str, code: str):
    """The wrong sender is TYPE_NOT_PERMITTED, the wrong recipient RECIPIENT_NOT_PERMITTED."""
    sender = Caller(platform.gateway, source, source)
    event = sender.event("guarantee.application.v1", "DD-1", recipient=recipient)
    answer = await sender.post({**event, "type": type_})
    assert (answer.status, answer.code, answer.signed) == (403, code, True)


async def test_strangers_find_nothing(platform: Caller, bank: Caller, insurer: Caller):
    """A message is shown to its sender and its recipient; to others, and for no message, 404 in the same words."""
    event = platform.event("guarantee.application.v1", "DD-1")
    assert (await platform.post(event)).status == 202
    target = f"/v1/messages/platform/{event['id']}"
    assert (await platform.get(target)).status == 200
    assert (await bank.get(target)).status == 200
    stranger, nothing = await insurer.get(target), await insurer.get("/v1/messages/platform/none")
    assert told(stranger) == told(nothing) == (404, "NOT_FOUND")
    assert stranger.doc["message"] == nothing.doc["message"]
    assert stranger.signed


async def test_another_s_order_does_not_exist(platform: Caller, bank: Caller, insurer: Caller):
    """An institution that writes on another's order is told what it would be told of an unknown one."""
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-1"))).status == 202
    known = await insurer.post(insurer.event("guarantee.issued.v1", "DD-1"))
    unknown = await insurer.post(insurer.event("guarantee.issued.v1", "DD-9"))
    assert told(known) == told(unknown) == (409, "STATE_CONFLICT")
    assert known.doc["message"].replace("DD-1", "DD-9") == unknown.doc["message"]
    assert (await bank.post(bank.event("guarantee.issued.v1", "DD-1"))).status == 202
