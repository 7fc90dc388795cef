"""`wgg sign|verify`: signatures by hand, with the same code as the gateway's."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import CHECK, USAGE, Failure
from gateway.cli.homes import now_us
from gateway.cli.key_files import read_private_key, read_public_key
from gateway.cli.options import AnyHome, AsJson, PublicKeyFile
from gateway.cli.output import put_json, put_record
from gateway.core.errors import Problem
from gateway.core.wire.authorization import format_authorization, parse_authorization
from gateway.core.wire.response import parse_response_headers

if TYPE_CHECKING:
    from gateway.core.wire.wrong_strings import Signing
    from gateway.crypto.keys import PublicKey

BodyFile = Annotated[str, typer.Argument(metavar="FILE", help="报文体文件，- 为标准输入；空体用 /dev/null")]
PrivateKeyFile = Annotated[Path, typer.Option("--key", metavar="PEM", help="签名私钥文件")]
SenderId = Annotated[str, typer.Option("--sender-id", metavar="ID", help="签名方标识")]
Method = Annotated[str, typer.Option("--method", help="请求方法")]
Target = Annotated[str, typer.Option("--target", metavar="PATH", help="请求行上的路径与查询串，逐字照写")]


def attach(app: typer.Typer) -> None:
    """`wgg sign`, `wgg verify`."""
    app.command("sign")(sign)
    app.command("verify")(verify)


def read_body(file: str) -> bytes:
    """The raw bytes of a file or of the standard input."""
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def sign(
    *,
    file: BodyFile,
    key: PrivateKeyFile,
    sender_id: SenderId,
    method: Method = "POST",
    target: Target = "/v1/messages",
    timestamp: Annotated[int | None, typer.Option("--timestamp", help="Unix 秒，默认当前时间")] = None,
    nonce: Annotated[str | None, typer.Option("--nonce", help="随机串，默认随机生成")] = None,
    as_json: AsJson = False,
    home: AnyHome = None,
) -> None:
    """打印一个请求的 Authorization 请求头的值。"""
    from gateway.crypto.signer import new_nonce, sign_request

    del home
    authorization = sign_request(
        read_private_key(key),
        sender_id=sender_id,
        method=method.upper(),
        target=target,
        timestamp=timestamp if timestamp is not None else now_us() // 1_000_000,
        nonce=nonce or new_nonce(),
        body=read_body(file),
    )
    value = format_authorization(authorization)
    put_record({"Authorization": value}, as_json=as_json, text=value)


def verify(
    *,
    file: BodyFile,
    public_key: PublicKeyFile,
    authorization: Annotated[
        str | None, typer.Option("--authorization", metavar="值", help="请求的 Authorization 请求头的值")
    ] = None,
    headers: Annotated[
        Path | None, typer.Option("--headers", metavar="F", help="应答头文件，例如 curl -D 存下的")
    ] = None,
    method: Method = "POST",
    target: Target = "/v1/messages",
    as_json: AsJson = False,
    home: AnyHome = None,
) -> None:
    """用公钥核验请求签名（--authorization）或应答签名（--headers）；不通过时退出码为 3，并诊断是哪种常见错误。

    时间戳只显示、不核验。
    """
    del home
    if (authorization is None) == (headers is None):
        raise Failure(USAGE, "请给出 --authorization 或 --headers，二者择一。")
    body = read_body(file)
    try:
        if authorization is not None:
            record = _verify_request(public_key, authorization, method.upper(), target, body)
        else:
            record = _verify_response(public_key, headers or Path(), body, target)
    except Problem as problem:
        raise _refuse(problem, as_json=as_json) from problem
    put_record(record, as_json=as_json, text=f"验签通过，序列号 {record['serialNo']}，时间戳 {record['timestamp']}")


def _refuse(problem: Problem, *, as_json: bool) -> Failure:
    """The refusal and its diagnosis: for programs on the standard output, for people in the failure's text."""
    diagnosis = problem.extra.get("diagnosis")
    if as_json:
        put_json({"verified": False, "code": problem.code, "message": problem.message, "diagnosis": diagnosis})
    lines = [f"验签未通过：{problem}"]
    if isinstance(diagnosis, dict):
        lines += [f"诊断：{diagnosis['message']}", "应签的串（逐字节）：", diagnosis["expected"]]
    return Failure(CHECK, "\n".join(lines))


def _verify_request(public_key: Path, value: str, method: str, target: str, body: bytes) -> dict[str, object]:
    from gateway.core.wire.wrong_strings import Signing
    from gateway.crypto.signer import verify_request

    public, parsed = read_public_key(public_key), parse_authorization(value)
    _check_serial(parsed.serial_no, public.serial_no)
    signing = Signing(method=method, target=target, timestamp=parsed.timestamp, nonce=parsed.nonce, body=body)
    with _diagnosing(signing, parsed.signature, public):
        verify_request(public, parsed, method=method, target=target, body=body)
    return {"verified": True, "senderId": parsed.sender_id, "serialNo": parsed.serial_no, "timestamp": parsed.timestamp}


def _verify_response(public_key: Path, headers: Path, body: bytes, target: str) -> dict[str, object]:
    from gateway.core.wire.wrong_strings import Signing
    from gateway.crypto.signer import verify_response

    public, parsed = read_public_key(public_key), parse_response_headers(_read_headers(headers))
    _check_serial(parsed.serial_no, public.serial_no)
    signing = Signing(timestamp=parsed.timestamp, nonce=parsed.nonce, body=body, asked=target)
    with _diagnosing(signing, parsed.signature, public):
        verify_response(public, parsed, body=body)
    return {"verified": True, "serialNo": parsed.serial_no, "timestamp": parsed.timestamp, "nonce": parsed.nonce}


@contextmanager
def _diagnosing(signing: Signing, signature: str, public: PublicKey) -> Iterator[None]:
    """Give the refusal of a signature its diagnosis, as the sandbox does."""
    from gateway.crypto.diagnosis import diagnose

    try:
        yield
    except Problem as problem:
        problem.extra = {"diagnosis": diagnose(signing, signature, [public]).as_record()}
        raise


def _check_serial(named: str, own: str) -> None:
    if named != own:
        raise Failure(CHECK, f"签名所用公钥的序列号为 {named}，与所给公钥 {own} 不同，请换用对应的公钥。")


def _read_headers(path: Path) -> dict[str, str]:
    """Header lines as a client saved them; lines without a colon are skipped, the status line among them."""
    lines = path.read_text(encoding="latin-1").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith("HTTP/"))
    return {name.strip(): value.strip() for name, value in pairs}
