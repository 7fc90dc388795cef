"""`wgg db upgrade|check`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import typer

from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Operator, Reason
from gateway.cli.output import put_record
from gateway.config import hide_password


def attach(app: typer.Typer) -> None:
    """`wgg db …`."""
    for name, command in (("upgrade", upgrade), ("check", check)):
        app.command(name)(command)


def upgrade(*, home: Home, reason: Reason = "", operator: Operator = None, as_json: AsJson = False) -> None:
    """建立数据库结构，或升级到本程序的版本；可重复执行。升级前请备份并停止网关。"""
    from gateway.store.upgrade import upgrade as upgrade_schema

    settings = open_home(home)
    version = upgrade_schema(settings.database)
    audit = make_audit("database.upgrade", version, operator=operator, reason=reason)
    in_store(settings, lambda store: store.record(audit, now=now_us()))
    shown = hide_password(settings.database)
    put_record({"database": shown, "upgraded": True}, as_json=as_json, text=f"数据库结构已是最新：{shown}")


def check(*, home: Home, as_json: AsJson = False) -> None:
    """检查数据库结构与本程序是否一致；不一致时退出码为 3。"""
    from gateway.store import check as check_schema

    settings = open_home(home)
    check_schema(settings.database)
    shown = hide_password(settings.database)
    put_record({"database": shown, "current": True}, as_json=as_json, text=f"数据库结构与程序一致：{shown}")
