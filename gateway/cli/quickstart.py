"""`wgg quickstart`: keys, a sandbox gateway with one institution, the platform's counterpart, and a first request.

For the institution's engineer: the platform has sent an order, and the lines that are printed answer it with nothing
but `openssl` and `curl`.
"""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.exits import CHECK, OK
from gateway.cli.homes import leave_alone, now_us
from gateway.cli.institutions import Kind
from gateway.cli.options import AsJson, OwnHome
from gateway.cli.output import put_line, say

if TYPE_CHECKING:
    from gateway.cli.demo.home import DemoHome
    from gateway.simulator import PlatformSimulator

_ORDER: Final = "QS-0001"
_ASKED: Final = "guarantee.application.v1"
_ANSWER: Final = "order.status.v1"
_SCRIPT: Final = """\
#!/bin/sh
# {name} 的第一份签名报文：受理订单 {order}。逐行照做即可，只用 openssl 与 curl。
set -eu
cd "$(dirname "$0")"
# 公钥序列号：公钥 DER 的 SM3，取前 40 位，大写
serial=$(openssl pkey -pubin -in {name}.pub.pem -outform DER | openssl dgst -sm3 -r | cut -c1-40 | tr a-f A-F)
timestamp=$(date +%s)
nonce=$(openssl rand -hex 16)
# 待签名串：五行，每行以 LF 结尾；报文体用原文，一个字节也不能改
{{ printf 'POST\\n/v1/messages\\n%s\\n%s\\n' "$timestamp" "$nonce"; cat message.json; printf '\\n'; }} >signed
signature=$(openssl dgst -sm3 -sign {name}.pem -sigopt distid:1234567812345678 signed | openssl base64 -A)
who="sender_id=\\"{name}\\",serial_no=\\"$serial\\""
what="timestamp=\\"$timestamp\\",nonce_str=\\"$nonce\\",signature=\\"$signature\\""
curl -sS -D headers -o receipt.json --data-binary @message.json -H 'Content-Type: application/cloudevents+json' \\
  -H "Authorization: GZBZJ1-SM2-WITH-SM3 $who,$what" {url}/v1/messages
head -n 1 headers && cat receipt.json && echo
# 受理凭证的签名：时间戳、本次的随机串、凭证原文，各一行
header() {{ tr -d '\\r' <headers | sed -n "s/^$1: //p"; }}
{{ printf '%s\\n%s\\n' "$(header Gzbzj-Timestamp)" "$(header Gzbzj-Nonce)"; cat receipt.json; printf '\\n'; }} >answered
header Gzbzj-Signature | openssl base64 -d -A >receipt.sig
openssl dgst -sm3 -verify home/keys/gateway.pub.pem -sigopt distid:1234567812345678 -signature receipt.sig answered
"""


def attach(app: typer.Typer) -> None:
    """`wgg quickstart`."""
    app.command("quickstart")(quickstart)


def quickstart(
    *,
    folder: Annotated[Path | None, typer.Option("--dir", metavar="目录", help="工作目录，默认用临时目录")] = None,
    party_id: Annotated[str, typer.Option("--id", metavar="标识", help="本机构的标识")] = "mybank",
    kind: Annotated[Kind, typer.Option("--kind", help="机构类别")] = Kind.BANK,
    check: Annotated[bool, typer.Option("--check", help="替您执行一遍所打印的命令，然后结束")] = False,
    as_json: AsJson = False,
    home: OwnHome = None,
) -> int:
    """从零开始：生成密钥，建立沙箱网关与平台，打印第一份签名报文的 openssl 与 curl 命令。"""
    leave_alone(home)
    where = folder or Path(tempfile.mkdtemp(prefix="wgg-quickstart-"))
    where.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(_play(where.resolve(), party_id, kind.value, check=check, as_json=as_json))
    finally:
        if folder is None:
            shutil.rmtree(where)


async def _play(folder: Path, party_id: str, kind: str, *, check: bool, as_json: bool) -> int:
    from gateway.cli.demo.home import DemoHome, Member

    demo = DemoHome(folder)
    await demo.found([Member(id=party_id, kind=kind, name="我方机构", port=None)])
    async with demo.serve() as url, _platform(demo, url) as platform:
        _, reply = await platform.send(_ASKED, party_id, _ORDER, kind=kind)
        script = _write(demo, url, party_id)
        _tell(url, folder, script, as_json=as_json)
        if not check:
            say("网关与平台正在运行，按 Ctrl-C 结束。")
            await _until_told()
            return OK
        return OK if reply.status in {200, 202} and await _execute(script) else CHECK


async def _until_told() -> None:
    """Until Ctrl-C or SIGTERM: the gateway's own process is to end with this one."""
    over = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, over.set)
    await over.wait()


@asynccontextmanager
async def _platform(demo: DemoHome, url: str) -> AsyncIterator[PlatformSimulator]:
    from gateway.crypto.keys import PublicKey
    from gateway.simulator import KeyIdentity, Options, PlatformSimulator, SystemClock

    platform = PlatformSimulator(
        Options(
            identity=KeyIdentity("platform", demo.key("platform")),
            gateway=url,
            ledger=demo.ledger("platform"),
            pinned=(PublicKey.from_pem((demo.home / "keys" / "gateway.pub.pem").read_bytes()),),
            wait=5,
        ),
        SystemClock(),
    )
    await platform.start()
    try:
        yield platform
    finally:
        await platform.stop()


def _write(demo: DemoHome, url: str, party_id: str) -> Path:
    """The answer to the order, and the lines that send it."""
    from gateway.catalogue import example

    now = now_us()
    event = example(_ANSWER, source=party_id, recipient="platform", subject=_ORDER, now_us=now)
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    (demo.folder / "message.json").write_text(text, encoding="utf-8")
    script = demo.folder / "first.sh"
    script.write_text(_SCRIPT.format(name=party_id, order=_ORDER, url=url), encoding="utf-8")
    return script


def _tell(url: str, folder: Path, script: Path, *, as_json: bool) -> None:
    text = script.read_text(encoding="utf-8")
    if as_json:
        put_line({"url": url, "dir": str(folder), "script": str(script), "order": _ORDER})
        return
    say(f"沙箱网关 {url}，目录 {folder}；平台已发来订单 {_ORDER}。以下命令存为 {script}：")
    print(text, flush=True)


async def _execute(script: Path) -> bool:
    """Whether the lines were accepted and the receipt verified."""
    process = await asyncio.create_subprocess_exec("sh", str(script), stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    say(said.decode())
    return process.returncode == 0 and b" 202 " in said.splitlines()[0]
