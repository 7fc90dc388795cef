"""`wgg institution pause|resume|suspend|restore`: delivery by an operator's hand, business by the authority's."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exits import CHECK, USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.institutions import InstitutionId
from gateway.cli.options import AsJson, Home, Operator, Reason
from gateway.cli.output import put_record
from gateway.cli.registering import find_party, show_party
from gateway.core.party import Directory, Party, Standing
from gateway.ports import Audit, PartyChange, Store

Decision = Annotated[
    str,
    typer.Option(
        "--decision", "--reason", metavar="文号或原因", help="主管部门决定的文号与原因，写入审计记录；生产环境必填"
    ),
]


def attach(app: typer.Typer) -> None:
    """`wgg institution …`."""
    for name, command in (("pause", pause), ("resume", resume), ("suspend", suspend), ("restore", restore)):
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


def suspend(
    *,
    home: Home,
    party_id: InstitutionId,
    decision: Decision = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """按主管部门决定暂停机构承接新业务；已受理订单的报文不受影响。"""
    check_decision(home, decision)
    audit = make_audit("party.suspend", party_id, operator=operator, reason=decision)
    change = PartyChange(standing=Standing.SUSPENDED)
    text = f"{party_id} 已暂停承接新业务"
    _apply(home, party_id, change, audit, as_json=as_json, text=text, only_from=Standing.LIVE)


def restore(
    *,
    home: Home,
    party_id: InstitutionId,
    decision: Decision = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """按主管部门决定恢复机构承接新业务。"""
    check_decision(home, decision)
    audit = make_audit("party.restore", party_id, operator=operator, reason=decision)
    change = PartyChange(standing=Standing.LIVE)
    text = f"{party_id} 已恢复承接新业务"
    _apply(home, party_id, change, audit, as_json=as_json, text=text, only_from=Standing.SUSPENDED)


def check_decision(home: Path, decision: str) -> None:
    """In production a standing changes only by the authority's decision (domain section 6); a sandbox may try."""
    if not decision and open_home(home).environment == "production":
        raise Failure(USAGE, "生产环境须以 --decision 写明主管部门决定的文号与原因。")


def _apply(
    home: Home,
    party_id: str,
    change: PartyChange,
    audit: Audit,
    *,
    as_json: bool,
    text: str,
    only_from: Standing | None = None,
) -> None:
    async def work(store: Store) -> tuple[Party, Directory]:
        party = find_party(await store.directory(), party_id)
        if only_from is not None and (party.standing is not only_from or party.role != "institution"):
            raise Failure(CHECK, f"{party_id} 当前为 {party.standing}，此操作只用于状态为 {only_from} 的机构。")
        changed = await store.change(party_id, change, now=now_us(), audit=audit)
        return changed, await store.directory()

    party, directory = in_store(open_home(home), work)
    put_record(show_party(party, directory), as_json=as_json, text=text)
