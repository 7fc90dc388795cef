"""An accepted message: its receipt, its repeats, its life (protocol section 5)."""

from __future__ import annotations

import re

from gateway.crypto.digest import sm3_hex
from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller, encode


async def test_a_message_is_accepted_with_a_signed_receipt(either: Gateway):
    """202 with every field of the receipt; then it stands in the recipient's mailbox, byte for byte."""
    platform, bank = Caller(either, "platform", "platform"), Caller(either, "xmccb", "xmccb")
    event = platform.event("guarantee.application.v1", "DD-1")
    body = encode(event)
    answer = await platform.post(body)
    assert (answer.status, answer.signed) == (202, True)
    receipt = answer.doc
    assert receipt["id"] == event["id"]
