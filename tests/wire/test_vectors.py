from __future__ import annotations

import base64
from dataclasses import asdict

import pytest

from gateway.core.errors import Problem
from gateway.core.wire.authorization import format_authorization, parse_authorization
from gateway.core.wire.der import decode_signature, encode_signature
from gateway.core.wire.signed import request_string, response_string
from gateway.core.wire.strict_json import parse_object
from tests.wire.vectors import VECTORS, cases, load


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.json")), ids=lambda path: path.name)
def test_every_group_states_its_origin(path):
    """A vector without an origin proves nothing: each group names where its cases come from, and has some."""
    for group in load(path.name)["groups"]:
        assert group["origin"]
        assert group["tests"]


@pytest.mark.parametrize("case", cases("authorization.json"))
def test_authorization_header(case):
    """Each header gives its fields or its code, and what was read is written back to an equal value."""
    if case["result"] == "valid":
        authorization = parse_authorization(case["header"])
        assert asdict(authorization) == case["fields"]
        assert parse_authorization(format_authorization(authorization)) == authorization
    else:
        with pytest.raises(Problem) as caught:
            parse_authorization(case["header"])
        assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", cases("signed_strings.json"))
def test_signed_string(case):
    """The bytes that are signed are those of the protocol, line feeds included."""
    body = case["body"].encode()
    if case["kind"] == "request":
        signed = request_string(case["method"], case["target"], case["timestamp"], case["nonce"], body)
    else:
        signed = response_string(case["timestamp"], case["nonce"], body)
    assert signed == case["signed"].encode()


@pytest.mark.parametrize("case", cases("strict_der.json"))
def test_strict_der(case):
    """A signature has one spelling; any other is malformed, and the refusal names what is wrong."""
    if case["result"] == "valid":
        assert encode_signature(decode_signature(case["text"])) == case["text"]
    else:
        with pytest.raises(Problem) as caught:
            decode_signature(case["text"])
        assert caught.value.code == "SIGNATURE_MALFORMED"
        assert case["names"] in caught.value.message


@pytest.mark.parametrize("case", cases("strict_json.json"))
def test_strict_json(case):
    """Strict JSON is read; all else is MALFORMED_REQUEST with the rule and, where it can be known, the place."""
    raw = base64.b64decode(case["raw"])
    if case["result"] == "valid":
        assert isinstance(parse_object(raw), dict)
    else:
        with pytest.raises(Problem) as caught:
            parse_object(raw)
        assert caught.value.code == "MALFORMED_REQUEST"
        assert (caught.value.errors[0].rule, caught.value.errors[0].pointer) == (case["rule"], case["pointer"])
