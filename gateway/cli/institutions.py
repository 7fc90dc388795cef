"""`wgg institution add|list|set|check`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli.checking_links import check_party
from gateway.cli.exits import CHECK, OK, USAGE, Failure
from gateway.cli.going_live import NOT_AT_ONCE, go_live
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, CertificateFile, Home, Operator, PublicKeyFile, Reason, SignerFile
from gateway.cli.output import put_record, put_table
from gateway.cli.registering import (
    check_channel,
    check_id,
    find_party,
    key_from_file,
    refuse_known_key,
    show_party,
)
from gateway.config import DeliveryPlan, Settings, load_link
from gateway.core.party import Directory, Link, Party, Standing
from gateway.ports import Audit, PartyChange, Store

PRODUCTION: Final = "production"
LIST_COLUMNS = {
    "id": "标识",
    "kind": "类别",
    "name": "名称",
    "standing": "状态",
    "adapter": "适配器",
    "endpoint": "接收地址",
    "paused": "已暂停投递",
    "gone": "地址已失效",
    "serials": "公钥序列号",
}


class Kind(StrEnum):
    """The kinds of institution."""

    BANK = "bank"
    INSURER = "insurer"
    GUARANTOR = "guarantor"


InstitutionId = Annotated[str, typer.Argument(metavar="标识", help="机构标识")]
Adapter = Annotated[str, typer.Option("--adapter", help="native（推送）或 mailbox（由对方来取）")]
Endpoint = Annotated[str | None, typer.Option("--endpoint", metavar="URL", help="推送的接收地址")]
LinkFile = Annotated[
    Path | None, typer.Option("--file", metavar="F", help="连接设置文件，样例见 conf/institutions/sample.yaml")
]


def attach(app: typer.Typer) -> None:
    """`wgg institution …`."""
    for name, command in (("add", add), ("list", list_all), ("set", change), ("check", check)):
        app.command(name)(command)


def add(
    *,
    home: Home,
    party_id: Annotated[str, typer.Option("--id", metavar="标识", help="机构标识，例如 xmccb")],
    kind: Annotated[Kind, typer.Option("--kind", help="bank 银行、insurer 保险公司、guarantor 工程担保公司")],
    name: Annotated[str, typer.Option("--name", metavar="名称", help="机构名称")],
    public_key: PublicKeyFile,
    adapter: Adapter = "native",
    endpoint: Endpoint = None,
    file: LinkFile = None,
    live: Annotated[bool, typer.Option("--live", help="登记后即上线，仅限沙箱")] = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """登记一家机构及其公钥。"""
    settings = open_home(home)
    check_id(party_id)
    if live and settings.environment == PRODUCTION:
        raise Failure(CHECK, NOT_AT_ONCE)
    check_channel(adapter, endpoint, settings.endpoint_policy)
    party = Party(
        id=party_id,
        role="institution",
        kind=str(kind),
        name=name,
        standing=Standing.LIVE if live else Standing.REGISTERED,
        adapter=adapter,
        endpoint=endpoint,
        link=load_link(file) if file else default_link(settings.delivery),
    )
    register(settings, party, public_key, operator=operator, as_json=as_json)


def register(settings: Settings, party: Party, public_key: Path, *, operator: str | None, as_json: bool) -> None:
    """Write a new party with its first key and show it."""
    now = now_us()
    key = key_from_file(party.id, public_key, now=now)
    audit = make_audit("party.add", party.id, operator=operator, reason="登记")

    async def work(store: Store) -> Directory:
        known = await store.directory()
        if known.find_party(party.id) is not None:
            raise Failure(CHECK, f"{party.id} 已登记过，未作改动；修改请用 wgg institution set。")
        refuse_known_key(known, key)
        await store.add(party, [key], now=now, audit=audit)
        return await store.directory()

    directory = in_store(settings, work)
    text = f"已登记 {party.id}，公钥序列号 {key.serial_no}，状态 {party.standing}"
    put_record(show_party(party, directory), as_json=as_json, text=text)


def list_all(*, home: Home, as_json: AsJson = False) -> None:
    """列出所有机构与平台。"""
    directory = in_store(open_home(home), lambda store: store.directory())
    shown = [show_party(party, directory) for _, party in sorted(directory.parties.items())]
    rows = [row if as_json else row | {"serials": _serials(row)} for row in shown]
    put_table(rows, LIST_COLUMNS, as_json=as_json)


def change(
    *,
    home: Home,
    party_id: InstitutionId,
    name: Annotated[str | None, typer.Option("--name", metavar="名称", help="新名称")] = None,
    adapter: Annotated[str | None, typer.Option("--adapter", help="新适配器")] = None,
    endpoint: Endpoint = None,
    file: LinkFile = None,
    live: Annotated[
        bool, typer.Option("--live", help="已登记的机构上线；生产环境凭证书，须两名操作员先后执行")
    ] = False,
    certificate: CertificateFile = None,
    public_key: SignerFile = None,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """修改机构（或平台）的名称、适配器、接收地址与连接设置，或使其上线。"""
    settings = open_home(home)
    standing = Standing.LIVE if live else None
    link = load_link(file) if file else None
    wanted = PartyChange(name=name, adapter=adapter, endpoint=endpoint, link=link, standing=standing)
    if wanted == PartyChange():
        raise Failure(USAGE, "没有指明要修改什么，请加 --name、--adapter、--endpoint、--file 或 --live。")
    if live and (settings.environment == PRODUCTION or certificate is not None):
        if wanted != PartyChange(standing=Standing.LIVE):
            raise Failure(USAGE, "上线须单独进行：--live 不与 --name、--adapter、--endpoint、--file 同用。")
        go_live(settings, party_id, (certificate, public_key), operator=operator, reason=reason, as_json=as_json)
        return
    audit = make_audit("party.set", party_id, operator=operator, reason=reason or "修改设置")
    party, directory = in_store(settings, partial(_change, settings, wanted, audit))
    put_record(show_party(party, directory), as_json=as_json, text=f"已修改 {party_id}")


async def _change(settings: Settings, wanted: PartyChange, audit: Audit, store: Store) -> tuple[Party, Directory]:
    party = find_party(await store.directory(), audit.about)
    if wanted.adapter or wanted.endpoint:
        check_channel(wanted.adapter or party.adapter, _endpoint_after(party, wanted), settings.endpoint_policy)
    if wanted.standing is not None and party.standing is not Standing.REGISTERED:
        raise Failure(CHECK, f"{party.id} 当前为 {party.standing}，--live 只用于尚未上线的机构。")
    changed = await store.change(party.id, wanted, now=now_us(), audit=audit)
    return changed, await store.directory()


def check(*, home: Home, party_id: InstitutionId, as_json: AsJson = False) -> int:
    """检查机构的公钥、证书文件、接收地址与连通性；有不合格项时退出码为 3。"""
    settings = open_home(home)
    directory = in_store(settings, lambda store: store.directory())
    rows = check_party(settings, find_party(directory, party_id), directory, now=now_us())
    put_table(rows, {"check": "检查项", "ok": "合格", "detail": "说明"}, as_json=as_json)
    return OK if all(row["ok"] for row in rows) else CHECK


def default_link(plan: DeliveryPlan) -> Link:
    """How a party is reached unless told otherwise: by the home's settings."""
    return Link(connect_timeout=plan.connect_seconds, answer_timeout=plan.answer_seconds, concurrency=plan.concurrency)


def _endpoint_after(party: Party, wanted: PartyChange) -> str | None:
    """A party that moves to the mailbox keeps its old endpoint unused."""
    if wanted.adapter == "mailbox":
        return wanted.endpoint
    return wanted.endpoint or party.endpoint


def _serials(row: dict[str, object]) -> list[str]:
    keys = row["keys"]
    assert isinstance(keys, list)
    return [f"{key['serialNo']}({key['status']})" for key in keys]
