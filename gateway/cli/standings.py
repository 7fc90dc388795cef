"""`wgg institution pause|resume|suspend|restore|stop|exit`: delivery by an operator, business by the authority."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import typer

from gateway.cli.decisions import Authority, DecisionNo, Region, read_decision
from gateway.cli.exits import CHECK, Failure
from gateway.cli.going_live import check_elsewhere, second
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.institutions import InstitutionId
from gateway.cli.options import AsJson, Home, Operator, Reason
from gateway.cli.output import put_record
from gateway.cli.registering import find_party, show_party
from gateway.core.party import Directory, Party
from gateway.core.standing import MOVES, Decision
from gateway.ports import Audit, PartyChange, Store


def attach(app: typer.Typer) -> None:
    """`wgg institution …`."""
    for name, command in _COMMANDS.items():
        app.command(name)(command)


def pause(
    *,
    home: Home,
    party_id: InstitutionId,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """暂停向机构投递；报文照常受理、排队。"""
    audit = make_audit("party.pause", party_id, operator=operator, reason=reason)
    _apply(home, party_id, PartyChange(paused=True), audit, as_json=as_json, text=f"已暂停向 {party_id} 投递")


def resume(
    *,
    home: Home,
    party_id: InstitutionId,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """恢复向机构投递；地址失效（410）的标记一并清除，积压的报文随即续投。"""
    audit = make_audit("party.resume", party_id, operator=operator, reason=reason)
    change = PartyChange(paused=False, gone=False)
    _apply(home, party_id, change, audit, as_json=as_json, text=f"已恢复向 {party_id} 投递")


def _moving(name: str, done: str, description: str) -> Callable[..., None]:
    """The command of one move of standing; `description` is its help."""

    def command(
        *,
        home: Home,
        party_id: InstitutionId,
        decision: DecisionNo = "",
        authority: Authority = "",
        region: Region = None,
        reason: Reason = "",
        operator: Operator = None,
        as_json: AsJson = False,
    ) -> None:
        grounds = read_decision(home, decision, authority=authority, region=region, reason=reason)
        party, directory = asyncio.run(_move(home, party_id, name, grounds, operator=operator))
        if party is None:
            text = f"{party_id}：“{done}”已提出，待另一名操作员以同样的命令确认"
            put_record(show_party(find_party(directory, party_id), directory), as_json=as_json, text=text)
            return
        put_record(show_party(party, directory), as_json=as_json, text=f"{party_id} {done}")

    command.__doc__ = description
    return command


async def _move(
    home: Path, party_id: str, name: str, decision: Decision, *, operator: str | None
) -> tuple[Party | None, Directory]:
    """The party after the move; None while it waits for a second operator, whom production asks for."""
    from gateway.bootstrap.standings import open_standing_desk

    settings, cited = open_home(home), f"{decision.number}；{decision.authority}"
    because = f"{cited}；{decision.reason}" if decision.reason else cited
    audit = make_audit(f"party.{name}", party_id, operator=operator, reason=because)
    async with open_standing_desk(settings) as (desk, store):
        party = find_party(await store.directory(), party_id)
        await check_elsewhere(store, party_id, name)
        if party.role != "institution" or party.standing not in MOVES[name].only_from:
            raise _refuse(party, name)
        if settings.environment == "production" and not await second(store, audit, cited):
            return None, await store.directory()
        moved = await desk.move(party_id, name, decision, audit)
        if moved is None:
            raise _refuse(party, name)
        return moved, await store.directory()


def _refuse(party: Party, name: str) -> Failure:
    whom = " 或 ".join(sorted(MOVES[name].only_from))
    return Failure(CHECK, f"{party.id} 当前为 {party.standing}，此操作只用于状态为 {whom} 的机构。")


def _apply(home: Path, party_id: str, change: PartyChange, audit: Audit, *, as_json: bool, text: str) -> None:
    async def work(store: Store) -> tuple[Party, Directory]:
        find_party(await store.directory(), party_id)
        changed = await store.change(party_id, change, now=now_us(), audit=audit)
        return changed, await store.directory()

    party, directory = in_store(open_home(home), work)
    put_record(show_party(party, directory), as_json=as_json, text=text)


_COMMANDS: Final = {
    "pause": pause,
    "resume": resume,
    "suspend": _moving("suspend", "已暂停承接新业务", "按主管部门决定暂停机构承接新业务；已受理订单的报文不受影响。"),
    "restore": _moving("restore", "已恢复承接新业务", "按主管部门决定恢复机构承接新业务。"),
    "stop": _moving(
        "stop",
        "已停止承接新业务，最后一笔订单办结后终止",
        "按主管部门决定停止机构的业务资格；最后一笔订单办结之前，其密钥与投递照常。",
    ),
    "exit": _moving(
        "exit",
        "正在退出，最后一笔订单办结后终止",
        "机构退出，不再承接新业务；最后一笔订单办结之前，其密钥与投递照常。",
    ),
}
