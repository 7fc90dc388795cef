"""`wgg doctor`: everything that a start needs, looked at one by one."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import checkups
from gateway.cli.exits import CHECK, OK
from gateway.cli.options import AsJson
from gateway.cli.output import put_table

_COLUMNS = {"check": "检查项", "ok": "合格", "detail": "说明"}


def attach(app: typer.Typer) -> None:
    """`wgg doctor`."""
    app.command("doctor")(doctor)


def doctor(
    *,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="WGG_HOME", metavar="目录", help="网关目录；不给则只检查本机的国密支持"),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """逐项检查国密库、设置、密钥、数据库、总线与时钟；有不合格项时退出码为 3。"""
    rows = checkups.examine(home)
    put_table(rows, _COLUMNS, as_json=as_json)
    return OK if all(row["ok"] for row in rows) else CHECK
