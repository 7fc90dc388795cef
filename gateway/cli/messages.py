"""`wgg messages show|list`. What people see is masked; unmasking is a right of its own and is audited.

Source: domain section 7.
"""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer

from gateway.cli.exits import NOT_FOUND, USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.message_views import LIST_COLUMNS, describe, show_message, summarise
from gateway.cli.options import AsJson, Home, Limit, Operator, Reason
from gateway.cli.output import put_record, put_table
from gateway.core.delivery import State
from gateway.core.masking import mask_document
from gateway.ports import MessageView, Query, Store

PURGED: Final = {"data": {}, "purged": "原文已按保存期限清除，摘要、签名与回执仍在"}
Filter = Annotated[str | None, typer.Option(metavar="值", help="只列出该值的报文")]


def attach(app: typer.Typer) -> None:
    """`wgg messages …`."""
    for name, command in (("show", show), ("list", list_all)):
        app.command(name)(command)


def show(
    *,
    home: Home,
    source: Annotated[str, typer.Argument(metavar="发送方", help="发送方标识")],
    message_id: Annotated[str, typer.Argument(metavar="ID", help="报文 id")],
    unmask: Annotated[bool, typer.Option("--unmask", help="显示原文；写入审计记录，须写明 --reason")] = False,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """显示一条报文的状态、投递经过、回执与内容（敏感信息默认脱敏）。"""
    if unmask and not reason:
        raise Failure(USAGE, "查看原文须写明 --reason，并会写入审计记录。")

    async def work(store: Store) -> MessageView:
        view = await store.message(source, message_id)
        if view is None:
            raise Failure(NOT_FOUND, f"没有来自 {source}、id 为 {message_id} 的报文。")
        if unmask:
            about = f"{source}/{message_id}"
            audit = make_audit("message.unmask", about, operator=operator, reason=reason)
            await store.record(audit, now=now_us())
        return view

    view = in_store(open_home(home), work)
    payload: dict[str, Any] = json.loads(view.message.body) if view.message.body else PURGED
    record = show_message(view, payload if unmask else payload | {"data": mask_document(payload["data"])})
    put_record(record, as_json=as_json, text=describe(record))


def list_all(
    *,
    home: Home,
    state: Annotated[State | None, typer.Option("--state", help="只列出该状态的报文")] = None,
    source: Filter = None,
    recipient: Filter = None,
    type_: Annotated[str | None, typer.Option("--type", metavar="类型", help="只列出该类型的报文")] = None,
    subject: Filter = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """列出报文，新的在前。"""
    query = Query(state=state, source=source, recipient=recipient, type=type_, subject=subject, limit=limit)
    views = in_store(open_home(home), lambda store: store.find(query))
    put_table([summarise(view) for view in views], LIST_COLUMNS, as_json=as_json)
