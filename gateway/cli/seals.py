"""`wgg seal status|rotate`: the keys that confidential data is sealed with at rest."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import typer

from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Operator, Reason
from gateway.cli.output import put_record, put_table, say
from gateway.core.wire.instants import format_beijing
from gateway.ports import Store

_COLUMNS = {"id": "编号", "class": "类别", "homeSerial": "封存密钥", "made": "生成时间"}


def attach(app: typer.Typer) -> None:
    """`wgg seal …`."""
    for name, command in (("status", status), ("rotate", rotate)):
        app.command(name)(command)


def status(*, home: Home, as_json: AsJson = False) -> None:
    """列出各类数据的封存密钥，及其由哪把封存密钥保护。"""
    keys = in_store(open_home(home), lambda store: store.seal_keys())
    rows = [
        {"id": key.id, "class": key.kind, "homeSerial": key.home_serial, "made": format_beijing(key.made_at)}
        for key in keys
    ]
    put_table(rows, _COLUMNS, as_json=as_json)
    if not rows:
        say("本目录没有封存密钥，机密报文未封存；用 wgg seal rotate 生成后，新入库的即予封存。")


def rotate(*, home: Home, reason: Reason = "", operator: Operator = None, as_json: AsJson = False) -> None:
    """更换封存密钥：生成新密钥并重新保护各类数据密钥，已封存的内容不必重写；没有封存密钥时即为生成。"""
    from gateway.bootstrap import sealing

    settings = open_home(home)
    audit = make_audit("seal.rotate", settings.deployment, operator=operator, reason=reason)

    async def work(store: Store) -> str:
        serial = await sealing.rotate(settings, store, now=now_us(), audit=audit)
        await sealing.unlock(settings, store, now=now_us())
        return serial

    serial = in_store(settings, work)
    file = str(settings.seal_key_file)
    put_record({"homeSerial": serial, "file": file}, as_json=as_json, text=f"封存密钥已更换为 {serial}")
    say(f"请立即备份 {file}，并复制到其他主机；运行中的进程不受影响，旧密钥的备份仍须与当时的数据库备份一同保存。")
