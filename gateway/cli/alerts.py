"""`wgg alerts list|close`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import NOT_FOUND, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Limit, Operator
from gateway.cli.output import put_record, put_table
from gateway.core.masking import mask_text
from gateway.core.wire.instants import format_beijing

if TYPE_CHECKING:
    from gateway.ports import Alert, ClosedAlert

_COLUMNS = {"code": "告警", "about": "对象", "first": "首次", "count": "次数", "text": "说明"}
_CLOSED_COLUMNS = {"code": "告警", "about": "对象", "first": "首次", "closed": "关闭", "reason": "关闭原因"}


def attach(app: typer.Typer) -> None:
    """`wgg alerts …`."""
    for name, command in (("list", list_open), ("close", close)):
        app.command(name)(command)


def list_open(
    *,
    home: Home,
    closed: Annotated[bool, typer.Option("--closed", help="改列已关闭的，最近关闭的在前")] = False,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """列出未关闭的告警；--closed 列出已关闭的及其原因。"""
    settings = open_home(home)
    if closed:
        over = in_store(settings, lambda store: store.closed_alerts(limit=limit))
        put_table([_show_closed(each) for each in over], _CLOSED_COLUMNS, as_json=as_json)
        return
    found = in_store(settings, lambda store: store.alerts())
    put_table([_show(*each) for each in found[:limit]], _COLUMNS, as_json=as_json)


def _show(alert: Alert, first: int, count: int) -> dict[str, Any]:
    return {
        "code": alert.code,
        "about": alert.about,
        "first": format_beijing(first),
        "count": count,
        "text": mask_text(alert.text),
    }


def _show_closed(each: ClosedAlert) -> dict[str, Any]:
    reason = None if each.reason is None else mask_text(each.reason)
    closed = {"closed": format_beijing(each.closed_at), "reason": reason}
    return _show(each.alert, each.first_at, each.times) | closed


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
