"""`wgg institution key add|retire|revoke`, for the platform's keys too."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from typing import Annotated, Final

import typer

from gateway.cli.exits import NOT_FOUND, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Operator, PublicKeyFile, Reason
from gateway.cli.output import put_record, say
from gateway.cli.registering import find_party, key_from_file, refuse_known_key, show_key
from gateway.core.delivery import SECOND
from gateway.core.party import RESERVED, KeyStatus
from gateway.ports import Store

Owner = Annotated[str, typer.Argument(metavar="标识", help="公钥的所有者：机构标识或 platform")]
Serial = Annotated[str, typer.Argument(metavar="序列号", help="40 位大写十六进制公钥序列号")]
Instant = Annotated[str | None, typer.Option(metavar="时间", help="带时区的时间，例如 2027-01-01T00:00:00+08:00")]

_LISTED_AHEAD: Final = 7 * 86_400 * SECOND
"""A next key is listed so long before its use (protocol section 3): whoever asks for keys now and then learns it."""


def attach(app: typer.Typer) -> None:
    """`wgg institution key …`."""
    for name, command in (("add", add), ("retire", retire), ("revoke", revoke)):
        app.command(name)(command)


def add(
    *,
    home: Home,
    owner_id: Owner,
    public_key: PublicKeyFile,
    not_before: Instant = None,
    not_after: Instant = None,
    reason: Reason = "轮换",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """为一方再登记一把公钥；新旧并行有效，便于轮换。"""
    now = now_us()
    key = key_from_file(owner_id, public_key, now=now, not_before=not_before, not_after=not_after)
    audit = make_audit("key.add", f"{owner_id}/{key.serial_no}", operator=operator, reason=reason)

    async def work(store: Store) -> None:
        directory = await store.directory()
        find_party(directory, owner_id)
        refuse_known_key(directory, key)
        await store.add_key(key, now=now, audit=audit)

    in_store(open_home(home), work)
    put_record({"ownerId": owner_id} | show_key(key), as_json=as_json, text=f"已为 {owner_id} 登记公钥 {key.serial_no}")
    if owner_id in RESERVED and key.not_before < now + _LISTED_AHEAD:
        say("提示：距启用不足 7 天，对方可能还没有取得这把公钥；轮换时请用 --not-before 提前 7 天登记，或另行告知。")


def retire(
    *,
    home: Home,
    owner_id: Owner,
    serial_no: Serial,
    reason: Reason = "停用",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """停用一把公钥：此后不得再用它签名，此前的签名仍可验证。"""
    _end(home, owner_id, serial_no, KeyStatus.RETIRED, reason=reason, operator=operator, as_json=as_json)


def revoke(
    *,
    home: Home,
    owner_id: Owner,
    serial_no: Serial,
    reason: Annotated[str, typer.Option("--reason", metavar="原因", help="吊销原因，例如私钥泄露")],
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """吊销一把公钥；运行中的网关在 2 秒内生效。"""
    _end(home, owner_id, serial_no, KeyStatus.REVOKED, reason=reason, operator=operator, as_json=as_json)


def _end(
    home: Home,
    owner_id: str,
    serial_no: str,
    status: KeyStatus,
    *,
    reason: str,
    operator: str | None,
    as_json: bool,
) -> None:
    audit = make_audit(f"key.{status}", f"{owner_id}/{serial_no}", operator=operator, reason=reason)

    async def work(store: Store) -> None:
        if (owner_id, serial_no) not in (await store.directory()).keys:
            raise Failure(NOT_FOUND, f"{owner_id} 没有序列号为 {serial_no} 的公钥；用 wgg institution list 查看。")
        await store.end_key(owner_id, serial_no, status, now=now_us(), audit=audit)

    in_store(open_home(home), work)
    word = "停用" if status is KeyStatus.RETIRED else "吊销"
    record = {"ownerId": owner_id, "serialNo": serial_no, "status": str(status)}
    put_record(record, as_json=as_json, text=f"已{word} {owner_id} 的公钥 {serial_no}")
