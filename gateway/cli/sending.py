"""`wgg send`: a message signed, sent, and the answer's signature checked before it is believed."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli.exits import CHECK, CONNECTION, TIMEOUT, Failure
from gateway.cli.homes import now_us
from gateway.cli.key_files import read_private_key, read_public_key
from gateway.cli.options import AsJson, Url
from gateway.cli.output import put_json, put_record, say
from gateway.cli.signing import BodyFile, PrivateKeyFile, SenderId, read_body
from gateway.core.errors import Problem
from gateway.core.exchange import Answer
from gateway.core.wire.authorization import check_timestamp, format_authorization
from gateway.core.wire.response import ResponseSignature, parse_response_headers

if TYPE_CHECKING:
    from gateway.crypto.keys import PrivateKey, PublicKey
    from gateway.net.client import HttpClient

_TARGET: Final = "/v1/messages"
_ACCEPTED: Final = (200, 202)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is sent, where to, and whose answer is believed."""

    url: str
    body: bytes
    private: PrivateKey
    sender_id: str
    gateway_key: PublicKey | None
    timeout: float


def attach(app: typer.Typer) -> None:
    """`wgg send`."""
    app.command("send")(send)


def send(
    *,
    file: BodyFile,
    url: Url,
    key: PrivateKeyFile,
    sender_id: SenderId,
    gateway_key: Annotated[
        Path | None,
        typer.Option("--gateway-key", metavar="PUB.pem", help="网关公钥；不给则取自 /v1/keys（仅供联调）"),
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="等待应答的秒数")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """签名并发送一份报文，核验网关应答的签名，打印回执；被拒时退出码为 3。"""
    parcel = Parcel(
        url=url.rstrip("/"),
        body=read_body(file),
        private=read_private_key(key),
        sender_id=sender_id,
        gateway_key=read_public_key(gateway_key) if gateway_key else None,
        timeout=timeout,
    )
    answer, verified = asyncio.run(_send(parcel))
    _report(answer, verified=verified, as_json=as_json)


async def _send(parcel: Parcel) -> tuple[Answer, bool]:
    from gateway.crypto.signer import new_nonce, sign_request
    from gateway.net.client import HttpClient

    client, nonce = HttpClient(), new_nonce()
    authorization = sign_request(
        parcel.private,
        sender_id=parcel.sender_id,
        method="POST",
        target=_TARGET,
        timestamp=now_us() // 1_000_000,
        nonce=nonce,
        body=parcel.body,
    )
    headers = {
        "Authorization": format_authorization(authorization),
        "Content-Type": "application/cloudevents+json",
        "Accept": "application/json",
    }
    try:
        answer = await _call(client, parcel, _TARGET, headers=headers, body=parcel.body)
        return answer, await _verify(client, parcel, answer, nonce)
    finally:
        await client.close()


async def _call(
    client: HttpClient, parcel: Parcel, target: str, *, headers: dict[str, str], body: bytes | None = None
) -> Answer:
    """The answer; Failure when none came: whether the message was accepted is then unknown."""
    began = time.monotonic()
    answer = await client.request(
        "GET" if body is None else "POST",
        parcel.url + target,
        headers=headers,
        body=body or b"",
        timeout=parcel.timeout,
    )
    if answer.status is None:
        late = time.monotonic() - began >= parcel.timeout
        raise Failure(TIMEOUT if late else CONNECTION, f"没有得到应答，请用原文件重发（不会重复受理）：{answer.error}")
    return answer


async def _verify(client: HttpClient, parcel: Parcel, answer: Answer, nonce: str) -> bool:
    """Whether the answer is signed and good; a refusal before the signature was verified bears none."""
    from gateway.crypto.signer import verify_response

    if "gzbzj-signature" not in answer.headers and answer.status not in _ACCEPTED:
        return False
    try:
        signature = parse_response_headers(answer.headers)
        check_timestamp(signature.timestamp, now_us())
        public = parcel.gateway_key or await _fetch_key(client, parcel, signature.serial_no)
        _check_tie(signature, nonce, public.serial_no)
        verify_response(public, signature, body=answer.body)
    except Problem as problem:
        text = "网关应答的签名不可信，不能作为回执，请用原文件重发（不会重复受理）："
        raise Failure(CHECK, f"{text}{problem}") from problem
    return True


def _check_tie(signature: ResponseSignature, nonce: str, serial_no: str) -> None:
    """The echoed nonce ties the answer to its question (protocol section 4)."""
    if signature.nonce != nonce or signature.serial_no != serial_no:
        raise Problem("SIGNATURE_INVALID", "应答的随机串或公钥序列号与预期不符。")


async def _fetch_key(client: HttpClient, parcel: Parcel, serial_no: str) -> PublicKey:
    from gateway.crypto.keys import PublicKey

    answer = await _call(client, parcel, "/v1/keys", headers={"Accept": "application/json"})
    keys = json.loads(answer.body).get("keys", []) if answer.status == _ACCEPTED[0] else []
    for key in keys:
        if key["ownerId"] == "gateway" and key["serialNo"] == serial_no:
            say("提示：网关公钥取自 /v1/keys，仅供联调；正式使用请以 --gateway-key 指定线下取得的公钥。")
            return PublicKey.from_pem(key["publicKey"])
    raise Failure(CHECK, f"/v1/keys 中没有网关公钥 {serial_no}，请用 --gateway-key 指定。")


def _report(answer: Answer, *, verified: bool, as_json: bool) -> None:
    body = _read(answer.body)
    if answer.status in _ACCEPTED:
        put_record(body, as_json=as_json, text=answer.body.decode())  # the receipt as it was signed
        say("已受理，回执签名核验通过。" if answer.status != _ACCEPTED[0] else "此前已受理，回执签名核验通过。")
        return
    if as_json:
        put_json(body)
    signed = "" if verified else "（此应答未签名）"
    details = [f"  {error.get('pointer', '')}：{error.get('message', '')}" for error in body.get("errors", [])]
    lead = f"网关拒绝了报文{signed}：HTTP {answer.status} {body.get('code', '')}：{body.get('message', '')}"
    raise Failure(CHECK, "\n".join([lead, *details]))


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
