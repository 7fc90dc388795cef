"""The order of checks (protocol section 7), by every pair of faults in one request."""

from __future__ import annotations

import secrets
from itertools import combinations

import pytest

from tests.protocol.caller import Answer, Caller
from tests.protocol.faults import FAULTS, SPENT_NONCE, Draft, Fault, draft, prepare, send

SINGLES = [fault for group in FAULTS for fault in group]
PAIRS = [(one, other) for early, late in combinations(FAULTS, 2) for one in early for other in late]


def _clash(one: Fault, other: Fault) -> bool:
    """Both choose the recipient: the later one would undo the earlier."""
    return {one.name, other.name} >= {"another's order"} and one.name in {"nobody", "not live"}


def _spoiled(platform: Caller, *faults: Fault) -> Draft:
    request = draft(platform)
    for fault in reversed(faults):
        fault.spoil(request)
    return request


def _check(answer: Answer, fault: Fault) -> None:
    assert (answer.code, answer.status, answer.signed) == (fault.code, fault.status, fault.proved), fault.name
    if fault.pointers is not None:
        assert tuple(answer.pointers) == fault.pointers, fault.name


async def _is_spent(platform: Caller, nonce: str) -> bool:
    answer = await platform.get("/v1/mailbox", nonce=nonce)
    return answer.status == 401 and answer.code == "NONCE_REPLAYED"


async def test_each_fault_earns_its_code(platform: Caller, bank: Caller):
    """Code, status and pointers; signed exactly when the signature had verified, and then the nonce is spent."""
    await prepare(platform, bank)
    for fault in SINGLES:
        nonce = secrets.token_hex(16)
        _check(await send(platform, _spoiled(platform, fault), nonce=nonce), fault)
        assert await _is_spent(platform, nonce) == (fault.proved and fault.code != "NONCE_REPLAYED"), fault.name


async def test_of_two_faults_the_earlier_is_named(platform: Caller, bank: Caller):
    """Every two faults of different checks in one request give the code of the earlier check."""
    await prepare(platform, bank)
    for one, other in PAIRS:
        if not _clash(one, other):
            _check(await send(platform, _spoiled(platform, one, other), nonce=secrets.token_hex(16)), one)


async def test_a_refused_message_keeps_its_id(platform: Caller, bank: Caller):
    """After any refusal the same id may be used for a good message, which is then accepted."""
    await prepare(platform, bank)
    request = draft(platform)
    for fault in SINGLES:
        if fault.name != "a used id":
            spoiled = _spoiled(platform, fault)
            spoiled.event["id"] = request.event["id"]
            assert (await send(platform, spoiled, nonce=secrets.token_hex(16))).status >= 400
    assert (await send(platform, request, nonce=secrets.token_hex(16))).status == 202


@pytest.mark.parametrize("shift", [-300, 300])
async def test_the_window_s_ends_belong_to_it(platform: Caller, bank: Caller, shift: int):
    """A timestamp exactly 300 s away is accepted."""
    await prepare(platform, bank)
    request = draft(platform)
    request.options["shift"] = shift
    assert (await send(platform, request, nonce=secrets.token_hex(16))).status == 202


async def test_a_nonce_belongs_to_its_key(platform: Caller, bank: Caller):
    """Another key may use the same nonce; the same key may not, even for another call."""
    await prepare(platform, bank)
    assert (await bank.get("/v1/mailbox", nonce=SPENT_NONCE)).status == 200
    assert (await Caller(bank.gateway, "xmccb", "second").get("/v1/mailbox", nonce=SPENT_NONCE)).status == 200
    assert (await bank.get("/v1/keys", nonce=SPENT_NONCE)).code == "NONCE_REPLAYED"
