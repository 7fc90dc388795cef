from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Wgg


@pytest.fixture
def keys(wgg: Wgg, tmp_path: Path) -> Path:
    for name in ("a", "b"):
        wgg("keys", "generate", tmp_path / f"{name}.pem")
    (tmp_path / "body.json").write_bytes('{"金额": 1}\r\n'.encode())
    return tmp_path


def test_what_is_signed_verifies(wgg: Wgg, keys: Path) -> None:
    """A header made by `wgg sign` passes `wgg verify` for the same method, target and bytes, and for nothing else."""
    body, line = keys / "body.json", ("--method", "put", "--target", "/v1/files/ab?x=1")
    signed = wgg("sign", body, "--key", keys / "a.pem", "--sender-id", "xmccb", *line)
    header = signed.out.strip()
    good = ("verify", body, "--authorization", header)
    assert wgg(*good, "--public-key", keys / "a.pub.pem", *line).code == 0
    assert wgg(*good, "--public-key", keys / "a.pub.pem").code == 3
    assert wgg(*good, "--public-key", keys / "b.pub.pem", *line).code == 3
    body.write_bytes('{"金额": 1}\n'.encode())
    ended = wgg(*good, "--public-key", keys / "a.pub.pem", *line)
    assert (ended.code, "验签未通过" in ended.err) == (3, True)


def test_given_nonce_and_timestamp_are_used(wgg: Wgg, keys: Path) -> None:
    """Both may be fixed, to compare with one's own program."""
    ended = wgg(
        *("sign", keys / "body.json", "--key", keys / "a.pem", "--sender-id", "xmccb", "--json"),
        *("--timestamp", 1795219200, "--nonce", "0123456789abcdef"),
    )
    value = ended.json["Authorization"]
    assert 'timestamp="1795219200"' in value
    assert 'nonce_str="0123456789abcdef"' in value


def test_a_saved_answer_verifies(wgg: Wgg, keys: Path) -> None:
    """Headers as curl saves them verify with the body; a changed body does not."""
    from gateway.core.wire.response import format_response_headers
    from gateway.crypto.keys import PrivateKey
    from gateway.crypto.signer import sign_response

    body = keys / "body.json"
    private = PrivateKey.from_pem((keys / "a.pem").read_bytes())
    signature = sign_response(private, timestamp=1795219200, nonce="0" * 32, body=body.read_bytes())
    lines = [f"{name}: {value}" for name, value in format_response_headers(signature).items()]
    (keys / "headers").write_text("\r\n".join(["HTTP/1.1 202 Accepted", "Date: x", *lines, "", ""]))
    line = ("verify", body, "--headers", keys / "headers", "--public-key", keys / "a.pub.pem")
    assert wgg(*line, "--json").json["nonce"] == "0" * 32
    body.write_bytes(b"{}")
    assert wgg(*line).code == 3
    assert wgg("verify", body, "--public-key", keys / "a.pub.pem").code == 2


def test_a_key_that_others_may_read_is_refused(wgg: Wgg, keys: Path) -> None:
    """A private key with open permissions is a permission fault that says how to close it."""
    (keys / "a.pem").chmod(0o644)
    ended = wgg("sign", keys / "body.json", "--key", keys / "a.pem", "--sender-id", "xmccb")
    assert (ended.code, "chmod 600" in ended.err) == (4, True)


def test_an_example_is_a_whole_event(wgg: Wgg) -> None:
    """An example has the attributes that were asked for; an unknown type or variant ends with 5."""
    ended = wgg(
        *("example", "guarantee.application.v1", "--source", "platform", "--recipient", "xmccb"),
        *("--subject", "DD1", "--id", "m1"),
    )
    event = json.loads(ended.out)
    assert [event[name] for name in ("source", "recipient", "subject", "id", "type")] == [
        "platform",
        "xmccb",
        "DD1",
        "m1",
        "guarantee.application.v1",
    ]
    assert event["data"]["orderNo"] == "DD1"
    assert wgg("example", "nonsense.v1").code == 5
    assert wgg("example", "guarantee.application.v1", "--variant", "none").code == 5
