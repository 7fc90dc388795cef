"""`wgg send`: a message signed, sent, and the answer's signature checked before it is believed."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli.exits import CHECK, CONNECTION, TIMEOUT, Failure
from gateway.cli.homes import now_us, open_home
from gateway.cli.key_files import public_path, read_private_key, read_public_key
from gateway.cli.options import AsJson, OptionalHome, Url
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
_ACCEPTED: Final = (200, 201, 202)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is sent, where to, and whose answer is believed."""

    url: str
    body: bytes
    files: tuple[bytes, ...]
    private: PrivateKey
    sender_id: str
    gateway_key: PublicKey | None
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One request of the way: a file, the message, or the list of keys."""

    method: str
    target: str
    media: str = ""
    body: bytes = b""


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
    files: Annotated[
        list[Path] | None, typer.Option("--file", metavar="PATH", help="先上传的文件，例如保函正本；可给多个")
    ] = None,
    home: OptionalHome = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="等待应答的秒数")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """签名并发送一份报文，核验网关应答的签名，打印回执；被拒时退出码为 3。"""
    parcel = Parcel(
        url=url.rstrip("/"),
        body=read_body(file),
        files=tuple(path.read_bytes() for path in files or ()),
        private=read_private_key(key),
        sender_id=sender_id,
        gateway_key=_find_gateway_key(gateway_key, home),
        timeout=timeout,
    )
    answer, verified = asyncio.run(_send(parcel))
    _report(answer, verified=verified, as_json=as_json)


def _find_gateway_key(file: Path | None, home: Path | None) -> PublicKey | None:
    """The key whose answers are believed: the file's, else that of the gateway whose home this is."""
    if file is not None or home is None:
        return read_public_key(file) if file else None
    return read_public_key(public_path(open_home(home).key_file))


async def _send(parcel: Parcel) -> tuple[Answer, bool]:
    """The answer to the message, or to the first file that was not taken; and whether it verified."""
    from gateway.crypto.digest import sm3_hex
    from gateway.net.client import HttpClient

    client = HttpClient()
    try:
        for data in parcel.files:
            put = Errand(method="PUT", target=f"/v1/files/{sm3_hex(data)}", media="application/octet-stream", body=data)
            answer, verified = await _ask(client, parcel, put, signed=b"")
            if answer.status != HTTPStatus.CREATED:
                return answer, verified
            say(f"已上传文件 {sm3_hex(data)}（{len(data)} 字节）。")
        message = Errand(method="POST", target=_TARGET, media="application/cloudevents+json", body=parcel.body)
        return await _ask(client, parcel, message, signed=parcel.body)
    finally:
        await client.close()


async def _ask(client: HttpClient, parcel: Parcel, errand: Errand, *, signed: bytes) -> tuple[Answer, bool]:
    """One signed request; `signed` is the body of its signed string: file bytes are in none (protocol section 3)."""
    from gateway.crypto.signer import new_nonce, sign_request

    nonce = new_nonce()
    authorization = sign_request(
        parcel.private,
        sender_id=parcel.sender_id,
        method=errand.method,
        target=errand.target,
        timestamp=now_us() // 1_000_000,
        nonce=nonce,
        body=signed,
    )
    headers = {"Authorization": format_authorization(authorization), "Content-Type": errand.media}
    answer = await _call(client, parcel, errand, headers=headers)
    return answer, await _verify(client, parcel, answer, nonce)


async def _call(client: HttpClient, parcel: Parcel, errand: Errand, *, headers: dict[str, str]) -> Answer:
    """The answer; Failure when none came: whether the message was accepted is then unknown."""
    began = time.monotonic()
    answer = await client.request(
        errand.method,
        parcel.url + errand.target,
        headers={"Accept": "application/json"} | headers,
        body=errand.body,
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

    answer = await _call(client, parcel, Errand(method="GET", target="/v1/keys"), headers={})
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
    details = [_tell_error(error) for error in body.get("errors", [])]
    lead = f"网关拒绝了报文{signed}：HTTP {answer.status} {body.get('code', '')}：{body.get('message', '')}"
    raise Failure(CHECK, "\n".join([lead, *details]))


def _tell_error(error: dict[str, Any]) -> str:
    """One place that is wrong; a broken rule of the domain with its id and legal basis."""
    rule = f"（规则 {error.get('rule')}，依据：{error['basis']}）" if error.get("basis") else ""
    return f"  {error.get('pointer', '')}：{error.get('message', '')}{rule}"


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
