"""`wgg reconcile show|run`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from gateway.cli.exits import NOT_FOUND, USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Limit, Operator, Reason, day_option
from gateway.cli.output import put_json, put_record, put_table
from gateway.core.wire.instants import format_beijing
from gateway.ports import Reconciliation, Store

_COLUMNS = {
    "day": "对账日",
    "institution": "机构",
    "number": "编号",
    "answerDue": "答复期限",
    "answeredTime": "答复时间",
    "result": "结果",
    "differences": "差异",
}
_FOUND = {"source": "发送方", "id": "报文 id", "text": "差异", "advice": "处理办法"}
_RESULTS = {"agreed": "相符", "differs": "不符", "waiting": "待答复", "overdue": "逾期未答"}

Day = Annotated[date | None, day_option("--day", "对账日（工作日）；不写则不限")]
Institution = Annotated[str | None, typer.Option("--institution", metavar="机构", help="只看该机构")]


def attach(app: typer.Typer) -> None:
    """`wgg reconcile …`."""
    for name, command in (("show", show), ("run", run)):
        app.command(name)(command)


def show(
    *, home: Home, day: Day = None, institution: Institution = None, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """查看日对账与差异：每条差异的原因与处理办法。"""
    wanted = None if day is None else str(day)
    settings = open_home(home)
    rows = in_store(settings, lambda store: store.reconciliations(day=wanted, institution=institution, limit=limit))
    records = [_describe(row, now_us()) for row in rows]
    if as_json:
        put_json(records)
        return
    put_table([_line(record) for record in records], _COLUMNS, as_json=False)
    found = [finding for record in records for finding in record["findings"]]
    if found:
        put_table(found, _FOUND, as_json=False)


def run(
    *,
    home: Home,
    day: Day = None,
    institution: Institution = None,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """编制到期的日对账并比对已收到的答复；可反复执行，不会重复发送。"""
    from gateway.bootstrap.reconciling import NotReconcilable, run_reconciliation

    settings = open_home(home)
    about = f"{day or 'due'}/{institution or 'all'}"
    audit = make_audit("reconciliation.run", about, operator=operator, reason=reason or "wgg reconcile run")

    async def work(store: Store) -> int:
        if institution is not None and (await store.directory()).find_party(institution) is None:
            raise Failure(NOT_FOUND, f"没有机构 {institution}；用 wgg institution list 查看。")
        await store.record(audit, now=now_us())
        return await run_reconciliation(settings, store, day=day, institution=institution)

    try:
        made = in_store(settings, work)
    except NotReconcilable as error:
        raise Failure(USAGE, f"{error}。") from error
    put_record({"drawn": made}, as_json=as_json, text=f"新编制 {made} 份")


def _describe(row: Reconciliation, now: int) -> dict[str, Any]:
    waiting = "overdue" if row.answer_due <= now else "waiting"
    return {
        "day": row.day,
        "institution": row.institution,
        "number": row.number,
        "part": row.part,
        "parts": row.parts,
        "periodStart": format_beijing(row.starts_at),
        "periodEnd": format_beijing(row.ends_at),
        "drawnTime": format_beijing(row.drawn_at),
        "answerDue": format_beijing(row.answer_due),
        "messageId": row.message_id,
        "answeredTime": None if row.answered_at is None else format_beijing(row.answered_at),
        "answerId": row.answer_id,
        "result": row.result or waiting,
        "findings": [
            {
                "source": finding.source,
                "id": finding.id,
                "kind": finding.kind,
                "cause": finding.cause,
                "text": finding.text,
                "advice": finding.advice,
                "settled": finding.settled,
            }
            for finding in row.findings
        ],
    }


def _line(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"result": _RESULTS[record["result"]], "differences": len(record["findings"])}
