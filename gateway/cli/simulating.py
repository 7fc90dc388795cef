"""`wgg simulate institution|platform`: counterparts over real HTTP, each with a ledger of its own."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import USAGE, Failure
from gateway.cli.institutions import Kind
from gateway.cli.key_files import read_private_key, read_public_key
from gateway.cli.options import AnyHome, AsJson, Url
from gateway.cli.output import put_line, put_table, say
from gateway.cli.signing import PrivateKeyFile
from gateway.core.party import PLATFORM

if TYPE_CHECKING:
    from gateway.simulator import Options

_MODES = {"push": "推送", "pull": "拉取"}

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
    app.command("defects")(defects)


def list_defects(*, as_json: bool) -> None:
    """The table of defects."""
    from gateway.simulator.defects import DEFECTS

    rows = [{"name": row.name, "title": row.title, "modes": list(row.modes)} for row in DEFECTS.values()]
    if not as_json:
        rows = [{**row, "modes": [_MODES[mode] for mode in row["modes"]]} for row in rows]
    put_table(rows, {"name": "缺陷", "title": "说明", "modes": "接收方式"}, as_json=as_json)


def _list_and_exit(context: typer.Context, value: bool) -> None:  # noqa: FBT001 - the signature of a callback
    if value:
        list_defects(as_json=bool(context.params.get("as_json")))
        raise typer.Exit


def defects(*, as_json: AsJson = False, _home: AnyHome = None) -> None:
    """列出模拟机构的全部缺陷，供 wgg simulate institution --defect 选用。"""
    list_defects(as_json=as_json)


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
    defect: Annotated[
        str | None, typer.Option("--defect", metavar="名称", help="故意带一个缺陷，名称见 --list-defects")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", is_eager=True, help="输出 JSON")] = False,
    show_defects: Annotated[
        bool,
        typer.Option("--list-defects", is_eager=True, callback=_list_and_exit, help="列出全部缺陷后退出"),
    ] = False,
    _home: AnyHome = None,
) -> None:
    """模拟一家机构：签回执，并按报文办理业务；--defect 使它故意带一个缺陷，用来检验测试工具。"""
    from gateway.simulator import InstitutionOptions, run_institution

    del show_defects
    values = _values(party_id, key, url, ledger, port, host=host, gateway_key=gateway_key, ca_file=ca_file)
    if defect is not None:
        values |= _spoil(defect, party_id, key)
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
    _home: AnyHome = None,
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


def _spoil(name: str, party_id: str, key: Path) -> dict[str, Any]:
    from gateway.simulator.defects import DEFECTS

    if name not in DEFECTS:
        raise Failure(USAGE, f"没有名为 {name} 的缺陷，全部名称见 wgg simulate defects。")
    return {
        "identity": DEFECTS[name].identify(party_id, read_private_key(key)),
        "habits": DEFECTS[name].make_habits(),
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
