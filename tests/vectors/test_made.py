"""The made vectors of schemas/vectors: reproducible, kept by our code, and by an implementation that is not ours."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path

import holidays
import pytest

from gateway.catalogue import load_calendar
from gateway.core.errors import Problem
from gateway.core.money import MoneyError, verify_words
from gateway.core.wire.authorization import Authorization
from gateway.core.wire.receipt import check_receipt, parse_receipt
from gateway.core.wire.response import ResponseSignature
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.diagnosis import diagnose
from gateway.crypto.keys import PublicKey
from gateway.crypto.signer import verify_request, verify_response
from tests.crypto.others import OpensslCommand
from tests.vectors.make import FOLDER, files, render
from tests.vectors.receipts import judge
from tests.vectors.words import value
from tests.wire.vectors import cases, load

RESULTS = {"valid", "invalid", "acceptable"}
SIGNATURES = ("request_signatures.json", "response_signatures.json")
CALENDAR = load_calendar()
UNKNOWN_TO_ONE_KEY = {"OTHER_KEY"}


def test_the_files_are_what_the_script_writes():
    """`python -m tests.vectors` gives the committed bytes again."""
    for name, document in files():
        assert (FOLDER / name).read_text(encoding="utf-8") == render(document), name


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_every_file_has_the_one_form(path: Path):
    """A rule or an algorithm, groups with an origin, tests with their own comment, one of three verdicts and flags."""
    document = load(path.name)
    assert document.get("rule") or document.get("algorithm")
    for group in document["groups"]:
        comments = [test["comment"] for test in group["tests"]]
        assert len(set(comments)) == len(comments)
        assert all(test["result"] in RESULTS for test in group["tests"])
        assert all(isinstance(test["flags"], list) for test in group["tests"])
        assert all(test["flags"] for test in group["tests"] if test["result"] != "valid")


def _verify(case: dict) -> None:
    public = PublicKey(bytes.fromhex(case["publicKey"]))
    if "request" in case:
        request = case["request"]
        authorization = Authorization(
            sender_id="xmccb", serial_no=case["serialNo"], timestamp=request["timestamp"], nonce=request["nonce"],
            signature=case["signature"],
        )  # fmt: skip
        body = base64.b64decode(request["body"])
        verify_request(public, authorization, method=request["method"], target=request["target"], body=body)
        return
    answer = case["answer"]
    sealed = ResponseSignature(
        serial_no=case["serialNo"], timestamp=answer["timestamp"], nonce=answer["nonce"], signature=case["signature"]
    )
    verify_response(public, sealed, body=base64.b64decode(answer["body"]))


@pytest.mark.parametrize("case", [case for name in SIGNATURES for case in cases(name)])
def test_signatures_by_our_code(case: dict):
    """Valid ones verify; every other is refused with its code, and the diagnosis names its flag."""
    assert PublicKey(bytes.fromhex(case["publicKey"])).serial_no == case["serialNo"]
    if case["result"] == "valid":
        _verify(case)
        return
    with pytest.raises(Problem) as caught:
        _verify(case)
    assert caught.value.code == case["code"]
    if not UNKNOWN_TO_ONE_KEY & set(case["flags"]):
        signing = Signing(**_fields(case), host="gateway.example:8443")
        found = diagnose(signing, case["signature"], [PublicKey(bytes.fromhex(case["publicKey"]))], sender_id="xmccb")
        assert [mistake.code for mistake in found.mistakes] == case["flags"]


def _fields(case: dict) -> dict:
    given = dict(case.get("request") or case["answer"])
    return {**given, "body": base64.b64decode(given["body"])}


@pytest.mark.parametrize("case", [case for name in SIGNATURES for case in cases(name)])
def test_signatures_by_openssl(case: dict, tmp_path: Path):
    """The openssl command agrees on every one: it takes the valid ones only, as strictly as the protocol wants."""
    public, signed = PublicKey(bytes.fromhex(case["publicKey"])), base64.b64decode(case["signed"])
    try:
        written = base64.b64decode(case["signature"], validate=True)
    except ValueError:
        assert case["code"] == "SIGNATURE_MALFORMED"
        return
    assert OpensslCommand(tmp_path).verifies(public, written, signed) == (case["result"] == "valid")


@pytest.mark.parametrize("case", cases("receipts.json"))
def test_receipts(case: dict):
    """Our reader and a second one come to the stated verdict; ours names the member at fault."""
    body = base64.b64decode(case["body"])
    assert judge(body, case["id"], case["digest"]) == (case["result"] == "valid")
    if case["result"] == "valid":
        check_receipt(parse_receipt(body), id=case["id"], digest=case["digest"])
        return
    with pytest.raises(Problem) as caught:
        check_receipt(parse_receipt(body), id=case["id"], digest=case["digest"])
    assert caught.value.code == "RECEIPT_INVALID"
    assert caught.value.errors[0].pointer == case["pointer"]


@pytest.mark.parametrize("case", cases("money_words.json"))
def test_words(case: dict):
    """Right forms are taken and a second reader finds their value; all others are refused."""
    if case["result"] != "invalid":
        verify_words(case["words"], case["fen"])
        assert value(case["words"]) == case["fen"]
        return
    with pytest.raises(MoneyError):
        verify_words(case["words"], case["fen"])
    if "OtherAmount" in case["flags"]:
        assert value(case["words"]) != case["fen"]


@pytest.mark.parametrize("case", cases("working_days.json"))
def test_working_days(case: dict):
    """Our calendar and another library agree with what was written from the notice."""
    other = holidays.country_holidays("CN", years=[2026])
    if case["kind"] == "day":
        day = date.fromisoformat(case["day"])
        assert CALENDAR.is_working(day) == other.is_working_day(day) == case["working"]
        return
    start = date.fromisoformat(case["start"])
    due = CALENDAR.due(start, case["days"])
    assert str(due.date) == str(other.get_nth_working_day(start, case["days"])) == case["last"]
