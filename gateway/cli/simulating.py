"""`wgg simulate institution|platform`: counterparts over real HTTP, each with a ledger of its own."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.institutions import Kind
from gateway.cli.key_files import read_private_key, read_public_key
from gateway.cli.options import AsJson, Url
from gateway.cli.output import put_line, say
from gateway.cli.signing import PrivateKeyFile
from gateway.core.party import PLATFORM

if TYPE_CHECKING:
    from gateway.simulator import Options

Ledger = Annotated[Path, typer.Option("--ledger", metavar="F", help="账本文件，逐行追加；重启后接着办")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="接收推送的端口；不给则从信箱拉取")]
Host = Annotated[str, typer.Option("--host", metavar="地址", help="接收推送的监听地址")]
GatewayKey = Annotated[
    Path | None, typer.Option("--gateway-key", metavar="PUB.pem", help="网关公钥；不给则取自首次应答（仅供联调）")
]
CaFile = Annotated[Path | None, typer.Option("--ca-file", metavar="PEM", help="验证网关证书的 CA 文件")]


def attach(app: typer.Typer) -> None:
    """`wgg simulate …`."""
    app.command("institution")(institution)
    app.command("platform")(platform)


def institution(
    *,
    kind: Annotated[Kind, typer.Option("--kind", help="机构类别")],
    party_id: Annotated[str, typer.Option("--id", metavar="标识", help="机构标识")],
    url: Url,
    key: PrivateKeyFile,
    ledger: Ledger,
    port: Port = None,
    host: Host = "127.0.0.1",
    gateway_key: GatewayKey = None,
    ca_file: CaFile = None,
    receipts_only: Annotated[bool, typer.Option("--receipts-only", help="只签回执，不办理业务")] = False,
    as_json: AsJson = False,
) -> None:
    """模拟一家机构：签回执，并按报文办理受理、开立、开票、核验、支付与返还。"""
    from gateway.simulator import InstitutionOptions, run_institution

    values = _values(party_id, key, url, ledger, port, host=host, gateway_key=gateway_key, ca_file=ca_file)
    if receipts_only:
        values["plan"] = {}
    options = InstitutionOptions(kind=str(kind), **values)
    asyncio.run(run_institution(options, ready=_announce(options, as_json=as_json)))


def platform(
    *,
    url: Url,
    key: PrivateKeyFile,
    ledger: Ledger,
    port: Port = None,
    host: Host = "127.0.0.1",
    gateway_key: GatewayKey = None,
    ca_file: CaFile = None,
    as_json: AsJson = False,
) -> None:
    """模拟平台：收取报文并签回执；发送报文请用 wgg example 与 wgg send。"""
    from gateway.simulator import Options, run_platform

    values = _values(PLATFORM, key, url, ledger, port, host=host, gateway_key=gateway_key, ca_file=ca_file)
    options = Options(**values)
    asyncio.run(run_platform(options, ready=_announce(options, as_json=as_json)))


def _values(
    party_id: str,
    key: Path,
    url: str,
    ledger: Path,
    port: int | None,
    *,
    host: str,
    gateway_key: Path | None,
    ca_file: Path | None,
) -> dict[str, Any]:
    from gateway.simulator import KeyIdentity

    return {
        "identity": KeyIdentity(party_id, read_private_key(key)),
        "gateway": url.rstrip("/"),
        "ledger": ledger,
        "port": port,
        "host": host,
        "pinned": (read_public_key(gateway_key),) if gateway_key else (),
        "ca_file": str(ca_file) if ca_file else None,
    }


def _announce(options: Options, *, as_json: bool) -> Callable[[int | None], None]:
    """Told once the counterpart listens or pulls."""

    def ready(port: int | None) -> None:
        party_id = options.identity.party_id
        where = f"从 {options.gateway} 的信箱拉取" if port is None else f"在 http://{options.host}:{port} 接收推送"
        say(f"就绪：{party_id} {where}，账本 {options.ledger}")
        if as_json:
            put_line({"id": party_id, "url": None if port is None else f"http://{options.host}:{port}"})

    return ready
