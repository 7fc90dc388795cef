"""`wgg sla list|show`: the legal clocks of a home."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli.exits import NOT_FOUND, Failure
from gateway.cli.homes import in_store, now_us, open_home
from gateway.cli.options import AsJson, Home, Limit, day_option
from gateway.cli.output import put_record, put_table
from gateway.core.clock_view import STATES, find_state, show_clock, show_fired
from gateway.core.sla_table import RULES
from gateway.ports import ClockQuery, Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.legal_clock import LegalClock
    from gateway.core.legal_time import LegalTime

_COLUMNS: Final = {
    "clockNo": "编号",
    "title": "期限",
    "subject": "业务编号",
    "institution": "机构",
    "ownerTitle": "应办方",
    "due": "届满",
    "remainingWorkingDays": "剩余工作日",
    "provisional": "暂定",
    "stateTitle": "状态",
}
_LINES: Final = {
    "title": "期限",
    "subject": "业务编号",
    "institution": "机构",
    "ownerTitle": "应办方",
    "basis": "依据",
    "stateTitle": "状态",
    "start": "起算",
    "due": "届满",
    "override": "文书另定期限",
    "provisional": "暂定",
    "calendar": "所据日历",
    "remainingWorkingDays": "剩余工作日",
    "breachedTime": "超期",
    "endedTime": "办结",
    "endedBy": "办结依据",
}
_MINUTES: Final = 16


def attach(app: typer.Typer) -> None:
    """`wgg sla …`."""
    for name, command in (("list", list_all), ("show", show)):
        app.command(name)(command)


def list_all(
    *,
    home: Home,
    rule: Annotated[str | None, typer.Option("--rule", metavar="规则", help=f"只列该规则：{'、'.join(RULES)}")] = None,
    subject: Annotated[str | None, typer.Option("--subject", metavar="编号", help="只列该订单、案件或机构")] = None,
    institution: Annotated[str | None, typer.Option("--institution", metavar="标识", help="只列该机构")] = None,
    state: Annotated[str | None, typer.Option("--state", metavar="状态", help=f"{'、'.join(STATES)} 之一")] = None,
    due_before: Annotated[date | None, day_option("--due-before", "只列在该日之前届满的")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """列出法定期限，先起算的在前。"""
    _check("--rule", rule, RULES)
    _check("--state", state, STATES)
    query = ClockQuery(
        rule=rule,
        subject=subject,
        institution=institution,
        due_before=due_before,
        limit=limit,
        **find_state(state),
    )
    settings = open_home(home)
    shower = _Shower.open(settings)
    clocks = in_store(settings, lambda store: store.find_clocks(query))
    rows = [shower.show(clock) for clock in clocks]
    put_table(rows if as_json else [_shorten(row) for row in rows], _COLUMNS, as_json=as_json)


def show(
    *,
    home: Home,
    number: Annotated[str, typer.Argument(metavar="编号", help="期限编号")],
    as_json: AsJson = False,
) -> None:
    """查看一个法定期限：依据、起算、届满、剩余工作日与已发出的预警。"""
    settings = open_home(home)
    found = in_store(settings, lambda store: _find(store, number))
    if found is None:
        raise Failure(NOT_FOUND, f"没有编号为 {number} 的期限，请用 wgg sla list 查找。")
    clock, fired = found
    record = _Shower.open(settings).show(clock) | {"fired": show_fired(fired)}
    put_record(record, as_json=as_json, text=_tell(record))


async def _find(store: Store, number: str) -> tuple[LegalClock, Mapping[int, int]] | None:
    clock = await store.find_clock(number)
    return None if clock is None else (clock, await store.fired(number))


class _Shower:
    """Shows clocks as of now in the home's legal time."""

    def __init__(self, legal_time: LegalTime) -> None:
        self._legal_time = legal_time
        self._now = legal_time.at(now_us())

    @classmethod
    def open(cls, settings: Any) -> _Shower:
        """For a home."""
        from gateway.bootstrap import open_legal_time

        return cls(open_legal_time(settings))

    def show(self, clock: LegalClock) -> dict[str, Any]:
        """The members of a clock."""
        return show_clock(clock, self._now, self._legal_time.calendar)


def _check(name: str, value: str | None, known: Mapping[str, Any]) -> None:
    if value is not None and value not in known:
        raise typer.BadParameter(f"没有 {value}，可选：{'、'.join(known)}", param_hint=name)


def _shorten(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"due": (row["due"] or "")[:_MINUTES].replace("T", " ")}


def _tell(record: Mapping[str, Any]) -> str:
    lines = [f"期限 {record['clockNo']}（{record['rule']}）"]
    lines += [f"  {title}：{_say(record[name])}" for name, title in _LINES.items() if record[name] is not None]
    lines += ["  待核实：长度未见原文，以人社部门答复为准"] if record["unverified"] else []
    lines += [f"  已过 {fired['percent']}%：{fired['time'][:_MINUTES]}" for fired in record["fired"]]
    return "\n".join(lines)


def _say(value: Any) -> str:
    return {True: "是", False: "否"}[value] if isinstance(value, bool) else str(value)
