"""The collected vectors of schemas/vectors, held against an implementation that is not ours.

openssl judges keys, digests, signatures and their DER; gmssl makes the valid signatures again; the sample client of
examples/python judges Base64, headers, signed strings and JSON. What one of them cannot judge stands in `ELSEWHERE`.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from gmssl import func, sm3

from gateway.crypto.keys import PublicKey
from tests.crypto.others import Gmssl, OpensslCommand, openssl
from tests.vectors.sample import SAMPLE
from tests.wire.vectors import cases, load

PUBLISHED = PublicKey(bytes.fromhex(load("sm2_verify.json")["groups"][0]["publicKey"]))
ELSEWHERE = {
    ("signed_strings.json", "a timestamp keeps its ten digits"): (
        "the sample takes the timestamp as the header's text and never writes it from a number, so that the zeros are "
        "put in here; that it wants ten digits is judged by `a timestamp of 9 digits` of authorization.json"
    ),
    (
        "strict_der.json",
        "s is zero",
    ): "to openssl a number out of range, refused when it verifies, and no fault of form",
    ("strict_der.json", "r beyond 256 bits"): "the same",
}
"""Rows whose point the second implementation cannot tell from the row alone, and why."""


def test_what_is_judged_elsewhere_is_there():
    """Each row that is excused is a row, and has its reason."""
    for (name, comment), reason in ELSEWHERE.items():
        assert reason
        assert comment in {test["comment"] for group in load(name)["groups"] for test in group["tests"]}


@pytest.mark.parametrize("case", cases("sm3.json"))
def test_sm3(case: dict):
    """The openssl command and gmssl compute the digest; both are `valid`: there is no wrong message."""
    message = bytes.fromhex(case["message"])
    assert case["result"] == "valid"
    assert openssl("dgst", "-sm3", "-r", stdin=message).split()[0].decode() == case["digest"]
    assert sm3.sm3_hash(func.bytes_to_list(message)) == case["digest"]


@pytest.mark.parametrize("encoding", ["standard", "compressed", "explicit", "explicitCompressed"])
@pytest.mark.parametrize("case", cases("serials.json"))
def test_serials(case: dict, encoding: str):
    """Each encoding is read by openssl, which writes the standard one; the digest over that begins with the serial."""
    form = ("-conv_form", "uncompressed", "-param_enc", "named_curve", "-pubout", "-outform", "DER")
    spki = openssl("ec", "-pubin", "-inform", "DER", *form, stdin=bytes.fromhex(case[encoding]))
    assert case["result"] == "valid"
    assert spki.hex() == case["standard"]
    assert openssl("dgst", "-sm3", "-r", stdin=spki)[:40].decode().upper() == case["serialNo"]


@pytest.mark.parametrize("case", cases("sm2_verify.json"))
def test_sm2_verify(case: dict, tmp_path: Path):
    """The valid signatures and no other are taken by openssl; what is flagged `Encoding` it finds no strict DER."""
    public = PublicKey(bytes.fromhex(case["publicKey"]))
    found = OpensslCommand(tmp_path).judge(public, bytes.fromhex(case["signature"]), bytes.fromhex(case["message"]))
    assert (found == "verified") == (case["result"] == "valid")
    assert (found == "form") == ("Encoding" in case["flags"])


@pytest.mark.parametrize("case", [case for case in cases("sm2_verify.json") if case.values[0]["result"] == "valid"])
def test_the_valid_signatures_are_made_again(case: dict):
    """From the private key and k of the standard, gmssl makes the very signature."""
    made = Gmssl.sign_with(case["privateKey"], case["publicKey"], bytes.fromhex(case["message"]), case["k"])
    assert made.hex() == case["signature"]


def _finds_form_faulty(text: str, folder: Path) -> bool:
    """The sample judges Base64 and length, openssl the DER; the signature need not verify."""
    try:
        SAMPLE.verify(PUBLISHED.to_pem(), text, b"message digest")
    except SAMPLE.Refused as refused:
        if refused.code == "SIGNATURE_MALFORMED":
            return True
    return OpensslCommand(folder).judge(PUBLISHED, base64.b64decode(text), b"message digest") == "form"


@pytest.mark.parametrize("case", cases("strict_der.json"))
def test_strict_der(case: dict, tmp_path: Path):
    """What is valid is well-formed to them too, what is invalid is not."""
    if ("strict_der.json", case["comment"]) in ELSEWHERE:
        assert OpensslCommand(tmp_path).judge(PUBLISHED, base64.b64decode(case["text"]), b"message digest") == "value"
        return
    assert _finds_form_faulty(case["text"], tmp_path) == (case["result"] == "invalid")


@pytest.mark.parametrize("case", cases("signed_strings.json"))
def test_signed_strings(case: dict):
    """The sample writes the same bytes."""
    timestamp, body = f"{case['timestamp']:010}", case["body"].encode()
    if case["kind"] == "request":
        signed = SAMPLE.request_string(case["method"], case["target"], timestamp, case["nonce"], body)
    else:
        signed = SAMPLE.response_string(timestamp, case["nonce"], body)
    assert case["result"] == "valid"
    assert signed == case["signed"].encode()


@pytest.mark.parametrize("case", cases("authorization.json"))
def test_authorization(case: dict):
    """The sample reads the same fields, or refuses with the same code."""
    if case["result"] == "valid":
        fields = case["fields"]
        written = {"timestamp": f"{fields['timestamp']:010}", "nonce_str": fields["nonce"]}
        same = {name: fields[name] for name in ("sender_id", "serial_no", "signature")}
        assert SAMPLE.read_authorization(case["header"]) == {**same, **written}
        return
    with pytest.raises(SAMPLE.Refused) as caught:
        SAMPLE.read_authorization(case["header"])
    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", cases("strict_json.json"))
def test_strict_json(case: dict):
    """The sample reads the strict and refuses the rest."""
    raw = base64.b64decode(case["raw"])
    if case["result"] == "valid":
        assert isinstance(SAMPLE.read_json(raw), dict)
        return
    with pytest.raises(SAMPLE.Refused) as caught:
        SAMPLE.read_json(raw)
    assert caught.value.code == "MALFORMED_REQUEST"
