"""Every queue, pool and buffer has an end, and whoever finds it full is told (issue: back-pressure is 429 or 503)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.bus import LocalSettings
from gateway.core.errors import Problem
from gateway.core.party import Link
from gateway.core.wire.authorization import Authorization
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import CryptoPool
from gateway.flow.mailroom import Mailroom
from gateway.flow.pulse import Bell
from gateway.ports import StoreUnavailable
from gateway.store.engine import parse_url
from gateway.store.gathering import Gathering
from gateway.store.runners import PostgresRunner, Runner, SqliteRunner
from gateway.store.upgrade import upgrade
from tests.harness.fake_clock import FakeClock
from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller, encode
from tests.resilience.institutions import Sluice, ask, banks


async def errors_of(count: int, call: Callable[[], Awaitable[Any]]) -> list[str]:
    """What so many calls at once came to: the code or class of each error, empty where there was none."""
    results = await asyncio.gather(*(call() for _ in range(count)), return_exceptions=True)
    return [_name(result) for result in results]


def _name(result: object) -> str:
    if isinstance(result, Problem):
        return result.code
    return type(result).__name__ if isinstance(result, BaseException) else ""


async def test_the_crypto_pool_refuses_requests_that_would_wait_too_long():
    """Requests beyond the bound are UNAVAILABLE at once; signatures of what was let in are made all the same."""
    key = PrivateKey.generate()
    pool = CryptoPool(default_provider(), threads=1, bound=2)
    request: dict[str, Any] = {"method": "POST", "target": "/v1/messages", "body": b"{}"}
    sign = {"sender_id": "xmccb", "timestamp": 1, "nonce": "n" * 32}
    signed: Authorization = await pool.sign_request(key, **sign, **request)
    found = await errors_of(5, lambda: pool.verify_request(key.public, signed, **request))
    assert found == ["", "", "", "UNAVAILABLE", "UNAVAILABLE"]
    assert await errors_of(9, lambda: pool.sign_request(key, **sign, **request)) == [""] * 9
    pool.close()


async def test_a_crowded_crypto_pool_is_503_to_the_sender(gateway: Gateway):
    """With Retry-After, and nothing is spent: the same request may come again."""
    platform = Caller(gateway, "platform", "platform")
    body = encode(platform.event("guarantee.application.v1", "DD-1"))
    gateway.parts.crypto._bound = 0
    answer = await platform.post(body, nonce="n" * 32)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "UNAVAILABLE", "1")
    gateway.parts.crypto._bound = 2000
    assert (await platform.post(body, nonce="n" * 32)).status == 202


async def test_receipts_that_find_no_room_are_told_at_once():
    """Those who wait are served; one more than the bound is StoreUnavailable."""
    gate = asyncio.Event()

    async def run(batch: Sequence[int]) -> Sequence[int]:
        await gate.wait()
        return batch

    gathering = Gathering(run, most=1, bound=2)
    calls = asyncio.gather(errors_of(1, lambda: gathering.ask(1)))
    await asyncio.sleep(0)
    more = asyncio.ensure_future(errors_of(4, lambda: gathering.ask(2)))
    for _ in range(3):
        await asyncio.sleep(0)
    gate.set()
    assert await calls == [[""]]
    assert sorted(await more) == ["", "", "StoreUnavailable", "StoreUnavailable"]


@pytest.fixture(params=["sqlite", "postgresql"])
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Runner:
    """A runner with room for three calls."""
    if request.param == "postgresql":
        return PostgresRunner(parse_url(request.getfixturevalue("postgres_url")), size=1, bound=3)
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    upgrade(url)
    return SqliteRunner(parse_url(url), bound=3)


@pytest.mark.parametrize("kind", ["read", "write", "write_hot"])
async def test_calls_that_the_database_cannot_keep_up_with_are_told_at_once(runner: Runner, kind: str):
    """Places are given back: after the crowd there is room again."""
    call: Callable[..., Awaitable[Any]] = getattr(runner, kind)
    found = await errors_of(5, lambda: call(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()))
    assert found == ["", "", "", *[StoreUnavailable.__name__] * 2]
    assert await call(lambda connection: connection.exec_driver_sql("SELECT 2").scalar()) == 2
    await runner.close()


class EmptyMailbox:
    """A mailbox with nothing in it."""

    async def waiting(self, *_: object, **__: object) -> Sequence[Any]:
        return []


async def test_long_polls_of_one_recipient_are_bounded():
    """One more is RATE_LIMITED; another recipient, and whoever does not wait, is served."""
    clock = FakeClock()
    room = Mailroom(EmptyMailbox(), Bell(clock), clock, polls=2)  # type: ignore[arg-type]
    polls = [asyncio.create_task(room.collect("xmccb", limit=1, after=None, wait=30)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="RATE_LIMITED"):
        await room.collect("xmccb", limit=1, after=None, wait=30)
    assert await room.collect("xmccb", limit=1, after=None, wait=0) == []
    other = asyncio.create_task(room.collect("picc", limit=1, after=None, wait=30))
    await asyncio.sleep(0)
    room.close()
    assert await asyncio.gather(*polls, other) == [[], [], []]
    assert not room._waiting.total()


async def test_a_full_queue_keeps_nobody_else_waiting(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    """The relay passes over a recipient whose queue takes no more, however many of its messages stand before others."""
    monkeypatch.setattr("gateway.flow.relay.BATCH", 4)
    gateway.parts.bus._bus._settings = LocalSettings(queue_limit=2)
    sluice = Sluice()
    async with banks(gateway, "sick", "well", link=Link(concurrency=1, answer_timeout=60)) as (sick, well):
        sluice.attach(sick)
        await ask(gateway, "sick", 12)
        await ask(gateway, "well", 1)
        for _ in range(3):
            await gateway.turn()
        await well.has(1)
        await sluice.holds(1)
        assert await gateway.parts.bus.depth("sick") == 2
        sluice.let(12)
        for _ in range(6):  # two find room in each round
            await gateway.parts.bus.idle()
            await gateway.turn()
        await sick.has(12)
