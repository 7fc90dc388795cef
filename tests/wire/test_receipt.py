from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import FieldError, Problem
from gateway.core.wire.instants import format_beijing, parse_rfc3339
from gateway.core.wire.problem import encode_problem
from gateway.core.wire.receipt import Receipt, check_receipt, encode_acceptance, encode_receipt, parse_receipt
from tests.wire.refusals import refusal_of

DIGEST = "ab" * 32
ACCEPTED = Receipt(id="m-1", digest=DIGEST, status="ACCEPTED")
REFUSED = Receipt(id="m-1", digest=DIGEST, status="REFUSED", code="E01", message="账户不存在")
GOOD = {"id": "m-1", "digest": DIGEST, "status": "ACCEPTED"}
NO = {**GOOD, "status": "REFUSED"}


@pytest.mark.parametrize("receipt", [ACCEPTED, REFUSED], ids=lambda receipt: receipt.status)
def test_a_receipt_survives_its_bytes(receipt):
    """What a recipient writes is read back."""
    assert parse_receipt(encode_receipt(receipt)) == receipt


def test_further_members_are_tolerated():
    """A receipt may carry more than the protocol names, and an acceptance has no code."""
    assert parse_receipt(json.dumps({**GOOD, "code": "00", "note": {"a": 1}}).encode()) == ACCEPTED


@pytest.mark.parametrize(
    ("doc", "pointers"),
    [
        ({}, ["/id", "/digest", "/status"]),
        ({**GOOD, "digest": DIGEST.upper()}, ["/digest"]),
        ({**GOOD, "digest": DIGEST[:-1]}, ["/digest"]),
        ({**GOOD, "status": "accepted"}, ["/status"]),
        ({**GOOD, "status": ["ACCEPTED"]}, ["/status"]),
        ({**GOOD, "status": {}}, ["/status"]),
        ({**GOOD, "id": 1}, ["/id"]),
        (NO, ["/code", "/message"]),
        ({**NO, "code": "E01", "message": " "}, ["/message"]),
        ({**NO, "code": 5, "message": "x"}, ["/code"]),
    ],
)
def test_a_bad_receipt_names_its_members(doc, pointers):
    """Each missing or ill-formed member is named."""
    with pytest.raises(Problem) as caught:
        parse_receipt(json.dumps(doc).encode())
    assert caught.value.code == "RECEIPT_INVALID"
    assert [error.pointer for error in caught.value.errors] == pointers


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_receipt_or_refused(raw):
    """No body raises anything but RECEIPT_INVALID."""
    problem = refusal_of(parse_receipt, raw)
    assert problem is None or problem.code == "RECEIPT_INVALID"


def test_a_receipt_must_name_this_message():
    """A receipt of another id or digest is refused by the member that differs."""
    check_receipt(ACCEPTED, id="m-1", digest=DIGEST)
    for wanted, pointers in [
        ({"id": "m-2", "digest": DIGEST}, ["/id"]),
        ({"id": "m-1", "digest": "00" * 32}, ["/digest"]),
        ({"id": "m-2", "digest": "00" * 32}, ["/id", "/digest"]),
    ]:
        with pytest.raises(Problem) as caught:
            check_receipt(ACCEPTED, **wanted)
        assert [error.pointer for error in caught.value.errors] == pointers


def test_the_acceptance_is_the_protocols_body():
    """The 202's body is compact JSON in the protocol's order, its time in Beijing."""
    body = encode_acceptance(
        id="m-1", source="xmccb", receipt_no="R1", digest=DIGEST, received_us=parse_rfc3339("2026-11-21T01:30:00.5Z")
    )
    assert body.decode() == (
        f'{{"id":"m-1","source":"xmccb","receiptNo":"R1","digest":"{DIGEST}",'
        '"receivedTime":"2026-11-21T09:30:00.500000+08:00","status":"ACCEPTED"}'
    )


@given(st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000))
def test_an_instant_survives_its_text(us):
    """Microseconds written in Beijing time are read back exactly."""
    assert parse_rfc3339(format_beijing(us)) == us


def test_a_problem_is_written_whole():
    """Code, text, request id, field errors with their basis, and further members."""
    errors = [
        FieldError(pointer="/a", rule="r", message="改"),
        FieldError(pointer="", rule="XM-1", message="b", basis="第一条"),
    ]
    problem = Problem("RULE_VIOLATED", "违反规则", errors=errors, extra={"diagnosis": "none"})
    assert json.loads(encode_problem(problem, "r-1")) == {
        "code": "RULE_VIOLATED",
        "message": "违反规则",
        "requestId": "r-1",
        "errors": [
            {"pointer": "/a", "rule": "r", "message": "改"},
            {"pointer": "", "rule": "XM-1", "message": "b", "basis": "第一条"},
        ],
        "diagnosis": "none",
    }


def test_echoed_surrogates_do_not_break_a_problem():
    """A text that echoes a lone surrogate is still written as UTF-8."""
    assert b'"message":"?"' in encode_problem(Problem("NOT_FOUND", "\ud800"), "r-1")
