"""Where a diagnosis is given: the sandbox's answers and `wgg verify`, never in production (protocol section 7)."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider
from tests.cli.conftest import Wgg, wgg  # noqa: F401 - the fixture
from tests.harness.gateway import found, run_gateway
from tests.protocol.caller import Caller, encode
from tests.protocol.recipient import Push, Recipient
from tests.protocol.steps import apply, pushed


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory):
    return found(tmp_path_factory.mktemp("diagnosis") / "home")


def sign_bytes(key: PrivateKey, string: bytes) -> str:
    return base64.b64encode(default_provider().sign(key, string)).decode()


def broken(platform: Caller, body: bytes) -> str:
    """An Authorization whose signed string lacks its last LF."""
    now, nonce = str(platform.gateway.clock.now() // 1_000_000), "n" * 20
    string = f"POST\n/v1/messages\n{now}\n{nonce}\n".encode() + body
    signature = sign_bytes(platform.gateway.keys["platform"], string)
    return platform.authorization("POST", "/v1/messages", body, nonce=nonce, signature=signature)


async def test_the_sandbox_names_the_mistake_and_accepts_nothing(founded, tmp_path: Path):
    """A failed signature's answer carries the diagnosis, unsigned; the same message signed rightly is a new one."""
    async with run_gateway(founded, tmp_path) as gateway:
        platform = Caller(gateway, "platform", "platform")
        event = platform.event("guarantee.application.v1", "DD-1")
        answer = await platform.post(event, authorizations=[broken(platform, encode(event))])
        assert (answer.status, answer.code, answer.signed) == (401, "SIGNATURE_INVALID", False)
        diagnosis = answer.doc["diagnosis"]
        assert diagnosis["mistake"] == "MISSING_LAST_LF"
        assert diagnosis["signedBytes"] == diagnosis["expectedBytes"] - 1
        assert diagnosis["expected"].startswith("POST\n/v1/messages\n")
        assert event["data"]["contractor"]["phone"] not in diagnosis["expected"]
        assert (await platform.post(event)).status == 202


async def test_malformed_signatures_are_diagnosed_other_refusals_are_not(founded, tmp_path: Path):
    """A signature without Base64 or DER has a diagnosis; an unknown key or a good signature's refusal has none."""
    async with run_gateway(founded, tmp_path) as gateway:
        platform = Caller(gateway, "platform", "platform")
        malformed = await platform.get("/v1/mailbox", signature="AAAA")
        assert (malformed.code, malformed.doc["diagnosis"]["mistake"]) == ("SIGNATURE_MALFORMED", None)
        for answer in (
            await platform.get("/v1/mailbox", serial_no="0" * 40),
            await platform.get("/v1/mailbox?limit=0"),
        ):
            assert "diagnosis" not in answer.doc


async def test_production_gives_no_diagnosis(founded, tmp_path: Path):
    """The same broken signature in production says its code and no more."""
    async with run_gateway(founded, tmp_path, ENVIRONMENT="production", DEVELOPMENT="false") as gateway:
        platform = Caller(gateway, "platform", "platform")
        body = encode(platform.event("guarantee.application.v1", "DD-1"))
        for answer in (
            await platform.post(body, authorizations=[broken(platform, body)]),
            await platform.get("/v1/mailbox", signature="AAAA"),
        ):
            assert answer.status == 401
            assert set(answer.doc) == {"code", "message", "requestId", "errors"}


async def test_a_receipt_that_does_not_verify_is_explained(founded, tmp_path: Path):
    """The attempt's text tells operators and the sender of the sandbox what the institution did wrongly."""
    async with (
        run_gateway(founded, tmp_path) as gateway,
        Recipient("xmccb", founded.keys).serving() as recipient,
    ):

        def without_last_lf(push: Push) -> bytes:
            body = json.dumps({"id": push.event["id"], "digest": sm3_hex(push.body), "status": "ACCEPTED"}).encode()
            timestamp, nonce = push.authorization["timestamp"], push.authorization["nonce_str"]
            signature = sign_bytes(founded.keys["xmccb"], f"{timestamp}\n{nonce}\n".encode() + body)
            return recipient.receipt(push, headers={"Gzbzj-Signature": signature})

        recipient.script.append(without_last_lf)
        platform, _ = await pushed(gateway, recipient)
        await apply(platform)
        await gateway.deliver()
        [attempt] = (await platform.state("platform", "m-1"))["attempts"]
        assert (attempt["outcome"], attempt["code"]) == ("retry", "RECEIPT_UNVERIFIED")
        assert "最后一行缺少换行符" in attempt["message"]


async def test_a_flood_of_bad_signatures_buys_no_work(founded, tmp_path: Path):
    """Beyond its allowance a sender gets the refusal without a diagnosis, until time has passed."""
    async with run_gateway(founded, tmp_path) as gateway:
        platform, bank = Caller(gateway, "platform", "platform"), Caller(gateway, "xmccb", "xmccb")
        gateway.parts.diagnoser._pace.burst = 2
        said = [(await platform.get("/v1/mailbox", over=b"x")).doc["diagnosis"] for _ in range(4)]
        assert ["expected" in diagnosis for diagnosis in said] == [True, True, False, False]
        assert "频繁" in said[-1]["message"]
        assert "expected" in (await bank.get("/v1/mailbox", over=b"x")).doc["diagnosis"]
        gateway.clock.advance(1)
        assert "expected" in (await platform.get("/v1/mailbox", over=b"x")).doc["diagnosis"]


def test_verify_shows_the_same_diagnosis(wgg: Wgg, tmp_path: Path):  # noqa: F811 - pytest's way
    """`wgg verify` names the mistake to people on stderr, and with --json to programs on stdout; exit code 3."""
    key, body = tmp_path / "a.pem", tmp_path / "body.json"
    wgg("keys", "generate", key)
    body.write_text('{"id": "m-1"}')
    line = ("--key", key, "--sender-id", "xmccb", "--target", "/v1/mailbox?limit=1")
    value = wgg("sign", body, *line).out.strip().replace("\n", "")
    ask = ("verify", body, "--authorization", value, "--public-key", tmp_path / "a.pub.pem")
    ended = wgg(*ask, "--target", "/v1/mailbox?limit=1", "--method", "GET")
    assert ended.code == 3
    assert "请求方法一行写成了“POST”" in ended.err
    assert "GET\n/v1/mailbox?limit=1\n" in ended.err
    told = json.loads(wgg(*ask, "--target", "/v1/mailbox?limit=1", "--method", "GET", "--json").out)
    assert (told["verified"], told["code"]) == (False, "SIGNATURE_INVALID")
    assert told["diagnosis"]["mistake"] == "WRONG_METHOD"
