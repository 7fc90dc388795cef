"""`wgg evidence status|export|verify`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.exits import CHECK, OK, USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AnyHome, AsJson, Home, Operator, Reason
from gateway.cli.output import put_json, put_record, say
from gateway.core.evidence.holdings import CASE, GUARANTEE, ORDER, SCOPES, SINGLE, Scope
from gateway.core.evidence.verdicts import Verdict
from gateway.core.wire.instants import format_beijing


def attach(app: typer.Typer) -> None:
    """`wgg evidence …`."""
    for name, command in (("status", status), ("export", export), ("verify", verify)):
        app.command(name)(command)
    app.callback()(_group)


def _group() -> None:
    """存证：封块、导出与核验。"""


def status(*, home: Home, as_json: AsJson = False) -> None:
    """显示存证链的高度、落后多少、最近一次封块的时间。"""
    found = in_store(open_home(home), lambda store: store.chain_status())
    record = {
        "height": found.height,
        "digest": found.digest,
        "sealedTime": None if found.sealed_at is None else format_beijing(found.sealed_at),
        "behind": found.behind,
        "oldestTime": None if found.oldest_at is None else format_beijing(found.oldest_at),
        "oldestSeconds": 0 if found.oldest_at is None else (now_us() - found.oldest_at) // 1_000_000,
    }
    head = f"高度 {found.height}，摘要 {found.digest or '-'}，最近封块 {record['sealedTime'] or '-'}"
    waits = f"未封入区块 {found.behind} 项" + (f"，最早一项 {record['oldestTime']}" if found.behind else "")
    put_record(record, as_json=as_json, text=f"{head}\n{waits}")


def export(
    *,
    home: Home,
    out: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.zip", help="写到这个文件，不覆盖已有文件")],
    case: Annotated[str | None, typer.Option("--case", metavar="案件编号", help="一个案件及其全部订单")] = None,
    order: Annotated[str | None, typer.Option("--order", metavar="订单编号", help="一个订单")] = None,
    guarantee: Annotated[str | None, typer.Option("--guarantee", metavar="保函编号", help="一份保函所属的订单")] = None,
    message: Annotated[str | None, typer.Option("--message", metavar="发送方/ID", help="一份报文")] = None,
    forms: Annotated[
        Literal["html", "pdf", "none"],
        typer.Option("--forms", metavar="html|pdf|none", help="打印件的格式；pdf 每份约需一秒"),
    ] = "html",
    reason: Reason = "导出证据",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """导出证据包：原文、签名、回执、公钥、存证链证明与中文索引，任何人可离线核验；导出写入审计记录。"""
    scope = _choose_scope({CASE: case, ORDER: order, GUARANTEE: guarantee, SINGLE: message})
    if out.exists():
        raise FileExistsError(str(out))
    from gateway.bootstrap import SystemClock
    from gateway.bootstrap.evidence import Wish, export_bundle
    from gateway.forms.printing import Medium

    about = scope.value if scope.kind != GUARANTEE else f"guarantee {scope.value}"
    audit = make_audit("evidence.export", f"export {about}", operator=operator, reason=reason)
    medium = None if forms == "none" else Medium(forms)
    wish = Wish(scope=scope, audit=audit, clock=SystemClock(), forms=medium)
    data = asyncio.run(export_bundle(open_home(home), wish))
    with out.open("xb") as file:
        file.write(data)
    record = {"file": str(out), "bytes": len(data), "scope": scope.kind, "value": scope.value}
    put_record(record, as_json=as_json, text=f"已写出 {out}（{len(data)} 字节），{SCOPES[scope.kind]} {scope.value}")


def _choose_scope(given: Mapping[str, str | None]) -> Scope:
    chosen = [Scope(kind=kind, value=value) for kind, value in given.items() if value]
    if len(chosen) != 1:
        raise Failure(USAGE, "请在 --case、--order、--guarantee、--message 中给出一个，且只给一个。")
    if chosen[0].kind == SINGLE and not all(chosen[0].value.partition("/")):
        raise Failure(USAGE, "--message 应写作 发送方/ID，例如 platform/m-20261120-1。")
    return chosen[0]


def verify(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="证据包")],
    gateway_key: Annotated[
        Path | None, typer.Option("--gateway-key", metavar="PUB.pem", help="另行取得的网关公钥，信任由它开始")
    ] = None,
    timestamp_ca: Annotated[
        Path | None, typer.Option("--timestamp-ca", metavar="CA.pem", help="时间戳机构的根证书")
    ] = None,
    as_json: AsJson = False,
    _home: AnyHome = None,
) -> int:
    """离线核验证据包：不需要网关目录、网络与数据库；有一项不成立即退出码 3，并指出文件与错处。"""
    from gateway.cli.key_files import read_public_key
    from gateway.evidence.verification import verify_bundle

    anchor = None if gateway_key is None else read_public_key(gateway_key).serial_no
    roots = None if timestamp_ca is None else timestamp_ca.read_bytes()
    report = verify_bundle(file, anchor=anchor, roots=roots)
    if as_json:
        scope = None if report.scope is None else {"kind": report.scope.kind, "value": report.scope.value}
        checks = [_show(verdict) for verdict in report.verdicts]
        put_json({"holds": report.holds, "scope": scope, "gatewayKey": anchor, "checks": checks})
    else:
        for verdict in report.verdicts:
            _tell(verdict)
        about = f"{SCOPES[report.scope.kind]} {report.scope.value}" if report.scope else "范围不明"
        say(f"{about}：{'全部成立' if report.holds else '有不成立之处，见上'}")
    return OK if report.holds else CHECK


def _show(verdict: Verdict) -> dict[str, Any]:
    return {
        "check": verdict.check,
        "title": verdict.title,
        "holds": verdict.holds,
        "examined": verdict.examined,
        "faults": [{"file": fault.file, "text": fault.text} for fault in verdict.faults],
        "notes": list(verdict.notes),
    }


def _tell(verdict: Verdict) -> None:
    mark = "成立" if verdict.holds else "不成立"
    print(f"{mark}  {verdict.title}（{verdict.examined} 项）", flush=True)
    for fault in verdict.faults:
        print(f"      {fault.file}：{fault.text}", flush=True)
    for note in verdict.notes:
        print(f"      注意：{note}", flush=True)
