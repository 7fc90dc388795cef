"""`wgg alerts list|close`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.exits import NOT_FOUND, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Operator
from gateway.cli.output import put_record, put_table
from gateway.core.masking import mask_text
from gateway.core.wire.instants import format_beijing

_COLUMNS = {"code": "告警", "about": "对象", "first": "首次", "count": "次数", "text": "说明"}


def attach(app: typer.Typer) -> None:
    """`wgg alerts …`."""
    for name, command in (("list", list_open), ("close", close)):
        app.command(name)(command)


def list_open(*, home: Home, as_json: AsJson = False) -> None:
    """列出未关闭的告警。"""
    found = in_store(open_home(home), lambda store: store.alerts())
    rows = [
        {
            "code": alert.code,
            "about": alert.about,
            "first": format_beijing(first),
            "count": count,
            "text": mask_text(alert.text),
        }
        for alert, first, count in found
    ]
    put_table(rows, _COLUMNS, as_json=as_json)


def close(
    *,
    home: Home,
    code: Annotated[str, typer.Argument(metavar="告警", help="告警代码")],
    about: Annotated[str, typer.Argument(metavar="对象", help="告警对象，同 wgg alerts list 所示")],
    reason: Annotated[str, typer.Option("--reason", metavar="原因", help="处理情况，写入审计记录")],
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """处理完毕后关闭一条告警。"""
    audit = make_audit("alert.close", f"{code}/{about}", operator=operator, reason=reason)
    closed = in_store(open_home(home), lambda store: store.close_alert(code, about, now=now_us(), audit=audit))
    if not closed:
        raise Failure(NOT_FOUND, f"没有未关闭的告警 {code} {about}；用 wgg alerts list 查看。")
    put_record({"code": code, "about": about, "closed": True}, as_json=as_json, text=f"已关闭 {code} {about}")
