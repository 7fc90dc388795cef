"""`wgg forms list|render`: official forms, guarantees and receipts printed from stored messages.

A printed form shows id numbers and accounts in full: each printing is a row in the audit log. Source: domain section 7.
"""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import NOT_FOUND, USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AnyHome, AsJson, Home, Operator, Reason
from gateway.cli.output import put_record, put_table
from gateway.core.party import Directory
from gateway.ports import MessageView, Query, Store

if TYPE_CHECKING:
    from gateway.forms.printing import Medium

_COLUMNS = {"form": "表", "name": "名称", "title": "标题", "messages": "由这些报文生成"}


def attach(app: typer.Typer) -> None:
    """`wgg forms …`."""
    for name, command in (("list", list_all), ("render", render)):
        app.command(name)(command)


def list_all(*, as_json: AsJson = False, _home: AnyHome = None) -> None:
    """列出能打印的表：十三张正式表、保函（保险）凭证与受理凭证。"""
    from gateway.catalogue import load_catalogue
    from gateway.forms.printing import list_sheets

    put_table(list_sheets(load_catalogue()), _COLUMNS, as_json=as_json)


Form = Annotated[
    str | None, typer.Option("--form", help="1 至 13、guarantee 或 receipt；不写则按报文类型", metavar="N")
]
MessageId = Annotated[
    str | None, typer.Option("--message", help="报文 id；不同发送方用了同一 id 时写作 发送方/id", metavar="ID")
]
OrderNo = Annotated[
    str | None, typer.Option("--order", help="订单号或案件编号：取其最新的一份；须写明 --form", metavar="编号")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The message to print, the others of its business, and the keys that judge their signatures."""

    lead: MessageView
    views: Sequence[MessageView]
    directory: Directory


def render(
    *,
    home: Home,
    output: Annotated[Path, typer.Option("--output", "-o", help="写到 FILE.pdf 或 FILE.html", metavar="FILE")],
    form: Form = None,
    message: MessageId = None,
    order: OrderNo = None,
    mask: Annotated[bool, typer.Option("--mask", help="证件号、账号、电话与金额脱敏，并注明为脱敏副本")] = False,
    operator: Operator = None,
    reason: Reason = "打印表格",
    as_json: AsJson = False,
) -> None:
    """把一份报文打印成表（PDF 或 HTML）；每次打印都写入审计记录。"""
    from gateway.forms.printing import Printer, choose_form, find_leads

    medium = _medium_of(output)
    if (message is None) == (order is None):
        raise Failure(USAGE, "请写明 --message 或 --order，二者取一。")
    if order is not None and form is None:
        raise Failure(USAGE, "按 --order 打印时须写明 --form，可用 wgg forms list 查看。")
    settings = open_home(home)

    async def work(store: Store) -> _Found:
        if message is not None:
            found = await _of_message(store, message)
        else:
            found = await _of_order(store, order or "", find_leads(form or ""))
        about = f"{found.lead.message.source}/{found.lead.message.id}"
        audit = make_audit("message.print", about, operator=operator, reason=reason)
        await store.record(audit, now=now_us())
        return found

    found = in_store(settings, work)
    printer = Printer(found.directory, verify_base=settings.public_url, masked=mask)
    printed = printer.print_form(form or choose_form(found.lead), found.lead, found.views, medium)
    output.write_bytes(printed.content)
    record = {"file": str(output), "form": printed.form, "title": printed.title, "message": found.lead.message.id}
    put_record(record, as_json=as_json, text=f"{printed.title} → {output}")


def _medium_of(output: Path) -> Medium:
    from gateway.forms.printing import Medium

    try:
        return Medium(output.suffix.removeprefix(".").lower())
    except ValueError as error:
        raise Failure(USAGE, f"{output} 的扩展名应为 .pdf 或 .html。") from error


async def _of_message(store: Store, wanted: str) -> _Found:
    """The message of an id, whoever sent it."""
    source, _, number = wanted.rpartition("/")
    directory = await store.directory()
    sources = [source] if source else sorted(directory.parties)
    found = [view for each in sources if (view := await store.message(each, number)) is not None]
    if not found:
        raise Failure(NOT_FOUND, f"没有 id 为 {wanted} 的报文。")
    if len(found) > 1:
        senders = "、".join(view.message.source for view in found)
        raise Failure(USAGE, f"{senders} 都有 id 为 {number} 的报文，请写作 发送方/{number}。")
    return await _with_others(store, found[0], directory)


async def _of_order(store: Store, number: str, leads: str | None) -> _Found:
    """The latest message of the form's type in this business, or in the case that it belongs to."""
    subjects = [number]
    for subject in subjects:
        views = await store.find(Query(subject=subject, limit=None))
        found = [view for view in views if leads is None or view.message.type == leads]
        if found:
            return await _with_others(store, found[0], await store.directory())
        subjects += [case for view in views if (case := _case_of(view)) is not None and case not in subjects][:1]
    raise Failure(NOT_FOUND, f"{number} 及其案件下没有能生成此表的报文。")


def _case_of(view: MessageView) -> str | None:
    from gateway.forms.printing import read_data

    case = (read_data(view) or {}).get("caseNo")
    return case if isinstance(case, str) else None


async def _with_others(store: Store, lead: MessageView, directory: Directory) -> _Found:
    views = await store.find(Query(subject=lead.message.subject, limit=None))
    return _Found(lead=lead, views=views, directory=directory)
