"""`wgg audit list`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import typer

from gateway.cli.homes import in_store, open_home
from gateway.cli.options import AsJson, Home, Limit
from gateway.cli.output import put_table
from gateway.core.wire.instants import format_beijing

_COLUMNS = {"time": "时间", "actor": "操作人", "action": "操作", "about": "对象", "reason": "原因"}


def attach(app: typer.Typer) -> None:
    """`wgg audit …`."""
    app.command("list")(list_all)
    app.callback()(_group)


def _group() -> None:
    """审计记录：谁、何时、为何改动了什么。"""


def list_all(*, home: Home, limit: Limit = 100, as_json: AsJson = False) -> None:
    """列出最近的审计记录。"""
    found = in_store(open_home(home), lambda store: store.audits(limit=limit))
    rows = [
        {
            "time": format_beijing(at),
            "actor": audit.actor,
            "action": audit.action,
            "about": audit.about,
            "reason": audit.reason,
        }
        for at, audit in found
    ]
    put_table(rows, _COLUMNS, as_json=as_json)
