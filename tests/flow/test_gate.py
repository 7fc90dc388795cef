"""The gate between the head of a request and its proof (protocol section 7, architecture point 8)."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.core.bucket import Buckets
from gateway.core.errors import Problem
from gateway.core.party import Directory, Key, KeyStatus, Party, Standing
from gateway.core.wire.authorization import format_authorization
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import CryptoPool
from gateway.crypto.signer import new_nonce, sign_request
from gateway.flow.gate import Gate, Head
from tests.harness.fake_clock import SECOND, FakeClock

PRIVATE = PrivateKey.generate()
BANK = Party(id="xmccb", role="institution", kind="bank", name="x", standing=Standing.LIVE, adapter="mailbox")
BODY = b"{}"


def directory(clock: FakeClock, status: KeyStatus) -> Directory:
    """The bank with its key in this status."""
    now, public = clock.now(), PRIVATE.public
    ended = None if status is KeyStatus.ACTIVE else now
    key = Key(
        owner_id="xmccb", serial_no=public.serial_no, public_pem=public.to_pem(), status=status,
        not_before=now - 600 * SECOND, not_after=now + 600 * SECOND, ended_at=ended,
    )  # fmt: skip
    return Directory(revision=1, parties={"xmccb": BANK}, keys={("xmccb", public.serial_no): key})


def head(clock: FakeClock) -> Head:
    """A signed request's head."""
    authorization = sign_request(
        PRIVATE, sender_id="xmccb", method="POST", target="/v1/messages", timestamp=clock.now() // SECOND,
        nonce=new_nonce(), body=BODY,
    )  # fmt: skip
    return Head(
        method="POST", target="/v1/messages", authorizations=[format_authorization(authorization)], peer="192.0.2.1"
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def crypto():
    pool = CryptoPool(default_provider(), 1)
    yield pool
    pool.close()


def make_gate(
    clock: FakeClock, crypto: CryptoPool, *, by_address: Buckets | None = None
) -> tuple[Gate, SimpleNamespace]:
    """A gate and the roster that it consults."""
    roster = SimpleNamespace(directory=directory(clock, KeyStatus.ACTIVE), public_key=lambda _: PRIVATE.public)
    wide = Buckets(rate=1000, burst=1000)
    return Gate(roster, crypto, clock, by_address=by_address or wide, by_sender=wide), roster


async def test_a_proof_names_its_caller(clock, crypto):
    """A signed request of an active key is proved, and costs its address nothing."""
    gate, _ = make_gate(clock, crypto, by_address=Buckets(rate=0.001, burst=1))
    for _ in range(3):
        asked = head(clock)
        caller = await gate.prove(gate.screen(asked, limit=1024), asked, BODY)
        assert (caller.party.id, caller.limited) == ("xmccb", None)


@pytest.mark.parametrize("status", [KeyStatus.REVOKED, KeyStatus.RETIRED])
async def test_a_key_that_ends_while_the_body_comes_in_proves_nothing(clock, crypto, status):
    """A body may take its time; the key is judged again when the signature has verified."""
    gate, roster = make_gate(clock, crypto)
    asked = head(clock)
    claimant = gate.screen(asked, limit=1024)
    roster.directory = directory(clock, status)
    with pytest.raises(Problem) as caught:
        await gate.prove(claimant, asked, BODY)
    assert caught.value.code == "KEY_NOT_ACTIVE"


async def test_what_proves_nothing_counts_for_its_address(clock, crypto):
    """Unproved requests and open calls empty the address's bucket; then it is RATE_LIMITED, whoever it claims to be."""
    gate, _ = make_gate(clock, crypto, by_address=Buckets(rate=1, burst=2))
    asked = head(clock)
    gate.screen(asked, limit=1024)
    gate.count(asked)
    with pytest.raises(Problem) as caught:
        gate.screen(replace(asked, authorizations=()), limit=1024)
    assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMITED", 1)
