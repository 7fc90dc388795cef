"""Steps that tests of delivery share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from gateway.core.wire.instants import parse_rfc3339
from gateway.crypto.digest import sm3_hex
from tests.harness.fake_clock import SECOND
from tests.harness.gateway import Gateway
from tests.protocol.caller import Answer, Caller, encode
from tests.protocol.recipient import Recipient

HOUR = 3600.0
PATIENCE = 60.0


def parties(gateway: Gateway) -> tuple[Caller, Caller]:
    """The platform and the bank."""
    return Caller(gateway, "platform", "platform"), Caller(gateway, "xmccb", "xmccb")


async def pushed(gateway: Gateway, recipient: Recipient, path: str = "/inbox") -> tuple[Caller, Caller]:
    """The platform and the bank, which is pushed to from now on."""
    await gateway.change("xmccb", adapter="native", endpoint=recipient.url(path))
    return parties(gateway)


async def apply(platform: Caller, subject: str = "DD-1", number: str = "m-1", *, pad: int = 0, **headers: str) -> bytes:
    """An application for the bank; its bytes, filled up with blanks to `pad`."""
    body = encode(platform.event("guarantee.application.v1", subject, id=number)).ljust(pad)
    answer = await platform.post(body, headers=list(headers.items()))
    assert answer.status == 202, answer
    return body


async def apply_all(platform: Caller, *subjects: str, pad: int = 0) -> list[bytes]:
    """Applications with ids of their own."""
    return [await apply(platform, subject, f"a-{subject}", pad=pad) for subject in subjects]


async def bring(caller: Caller, waiting: dict[str, Any], **fields: Any) -> Answer:
    """A receipt for a waiting message; `fields` replace or add members, None takes one away."""
    body = waiting["body"].encode()
    doc = {"id": json.loads(body)["id"], "digest": sm3_hex(body), "status": "ACCEPTED", **fields}
    raw = encode({name: value for name, value in doc.items() if value is not None})
    return await caller.call("POST", f"/v1/mailbox/{waiting['deliveryId']}/receipt", raw)


def outcomes(shown: dict[str, Any]) -> list[tuple[str, int | None, str | None]]:
    """Outcome, HTTP status and code of each attempt."""
    return [(attempt["outcome"], attempt["httpStatus"], attempt["code"]) for attempt in shown["attempts"]]


def due_in(gateway: Gateway, shown: dict[str, Any]) -> float:
    """Seconds from now to the next attempt."""
    return (parse_rfc3339(shown["nextAttemptTime"]) - gateway.clock.now()) / SECOND


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once something inside the gateway has come about that tells nobody."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - it sets no event of ours
            await asyncio.sleep(0.001)


async def delivered(caller: Caller, source: str, number: str) -> dict[str, Any]:
    """The message as it is shown once it is delivered."""
    async with asyncio.timeout(PATIENCE):
        while (shown := await caller.state(source, number))["state"] != "delivered":  # noqa: ASYNC110 - the same
            await asyncio.sleep(0)
    return shown
