"""The table of defects (issue "the conformance kit", point 7): that each is what its name says, and one at a time."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from gateway.core.errors import Problem
from gateway.core.wire.authorization import parse_authorization
from gateway.core.wire.response import parse_response_headers
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.diagnosis import diagnose
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import new_nonce, verify_request, verify_response
from gateway.simulator.defect_rows import Defect
from gateway.simulator.defects import DEFECTS
from gateway.simulator.defects_signing import SIGNING
from gateway.simulator.faulty_identity import FaultyIdentity, SigningFault
from gateway.simulator.habits import CHECKS, HONEST
from gateway.simulator.identity import KeyIdentity
from tests.cli.conftest import Wgg, wgg  # noqa: F401 - the fixture

KEY = PrivateKey.generate()
BODY = '{"id":"m-1","status":"ACCEPTED","digest":"张三"}'.encode()
NOW = 1_795_219_200


def test_the_table_is_wide_and_its_names_are_plain():
    """Forty at least, each with a name for the command line and a Chinese title."""
    assert len(DEFECTS) >= 40
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in DEFECTS)
    assert len({defect.title for defect in DEFECTS.values()}) == len(DEFECTS)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=lambda defect: defect.name)
def test_a_defect_changes_one_thing(defect: Defect):
    """Either the identity or one habit differs from an honest institution's, and what is skipped is a known check."""
    habits = defect.make_habits()
    changed = [field.name for field in fields(habits) if getattr(habits, field.name) != getattr(HONEST, field.name)]
    assert habits.skips <= CHECKS
    assert (len(changed), defect.identify is KeyIdentity) in {(1, True), (2, True), (0, False)}


def test_the_faulty_signer_without_a_fault_is_right():
    """Its own arithmetic signs what the gateway's crypto verifies; so a defect is the row's and nothing else's."""
    identity = FaultyIdentity("xmccb", KEY, SigningFault())
    nonce = new_nonce()
    value = identity.authorize(method="POST", target="/x?y=1", body=BODY, timestamp=NOW, nonce=nonce)
    verify_request(KEY.public, parse_authorization(value), method="POST", target="/x?y=1", body=BODY)
    sealed = parse_response_headers(identity.seal(body=BODY, timestamp=NOW, nonce=nonce))
    assert (sealed.timestamp, sealed.nonce) == (NOW, nonce)
    verify_response(KEY.public, sealed, body=BODY)


@pytest.mark.parametrize("defect", SIGNING, ids=lambda defect: defect.name)
def test_a_defect_of_signing_is_refused(defect: Defect):
    """What it signs is refused by the reader, by the clock, by the nonce or by the curve."""
    identity, nonce = defect.identify("xmccb", KEY), new_nonce()
    with pytest.raises((Problem, AssertionError)):
        _check(identity, nonce, pulls="push" not in defect.modes)


def _check(identity, nonce: str, *, pulls: bool) -> None:
    if pulls:
        value = identity.authorize(method="GET", target="/v1/mailbox?wait=1", body=b"", timestamp=NOW, nonce=nonce)
        verify_request(KEY.public, parse_authorization(value), method="GET", target="/v1/mailbox?wait=1", body=b"")
        return
    parse_authorization(identity.authorize(method="POST", target="/", body=BODY, timestamp=NOW, nonce=nonce))
    sealed = parse_response_headers(identity.seal(body=BODY, timestamp=NOW, nonce=nonce))
    assert (sealed.serial_no, sealed.timestamp, sealed.nonce) == (KEY.serial_no, NOW, nonce)
    verify_response(KEY.public, sealed, body=BODY)


@pytest.mark.parametrize(
    "defect", [row for row in SIGNING if row.name.startswith(("sign-", "signature-"))], ids=lambda defect: defect.name
)
def test_the_diagnosis_names_what_a_defect_signs(defect: Defect):
    """Kit and sandbox explain each of them; but a key that nobody knows looks like no mistake at all."""
    nonce, pulls = new_nonce(), "push" not in defect.modes
    identity = defect.identify("xmccb", KEY)
    if pulls:
        value = identity.authorize(method="GET", target="/v1/mailbox?wait=1", body=b"", timestamp=NOW, nonce=nonce)
        signing = Signing(method="GET", target="/v1/mailbox?wait=1", timestamp=NOW, nonce=nonce, body=b"")
        signature = parse_authorization(value).signature
    else:
        signing = Signing(timestamp=NOW, nonce=nonce, body=BODY, asked="/")
        signature = identity.seal(body=BODY, timestamp=NOW, nonce=nonce)["Gzbzj-Signature"]
    found = diagnose(signing, signature, [KEY.public])
    assert bool(found.mistakes) == (defect.name != "sign-other-key"), found.message


def test_the_command_lists_them(wgg: Wgg):  # noqa: F811 - pytest's way
    """`--list-defects` and `wgg simulate defects` show the same table; an unknown name is a usage error."""
    listed = wgg("simulate", "institution", "--list-defects")
    assert listed.code == 0
    assert all(name in listed.out for name in DEFECTS)
    assert wgg("simulate", "defects").out == listed.out
    rows = wgg("simulate", "defects", "--json").json
    assert [row["name"] for row in rows] == list(DEFECTS)
    assert wgg("simulate", "institution", "--json", "--list-defects").json == rows


def test_an_unknown_defect_is_refused(wgg: Wgg, tmp_path):  # noqa: F811 - pytest's way
    """The name is told, and where to find the right ones."""
    wgg("keys", "generate", tmp_path / "a.pem")
    ended = wgg(
        *("simulate", "institution", "--kind", "bank", "--id", "xmccb", "--url", "http://127.0.0.1:1"),
        *("--key", tmp_path / "a.pem", "--ledger", tmp_path / "l", "--defect", "lazy"),
    )
    assert (ended.code, "lazy" in ended.err) == (2, True)
