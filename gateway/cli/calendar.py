"""`wgg calendar show|check|due`: they need no home; a home's own conf/calendar goes first."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.options import AsJson, OptionalHome, day_option
from gateway.cli.output import put_json, put_record, put_table, say

if TYPE_CHECKING:
    from gateway.catalogue.calendars import LoadedCalendar, Override
    from gateway.core.calendar import Calendar

_WEEK = "一二三四五六日"
_COLUMNS = {"date": "日期", "weekday": "星期", "working": "上班", "known": "已公布", "note": "说明"}


def attach(app: typer.Typer) -> None:
    """`wgg calendar …`."""
    for name, command in (("show", show), ("check", check), ("due", due)):
        app.command(name)(command)


def show(
    *,
    year: Annotated[int, typer.Option("--year", min=2020, max=9998, help="年份", metavar="年")],
    month: Annotated[
        int | None, typer.Option("--month", min=1, max=12, help="月份；不写则列出全年与平常不同的日期")
    ] = None,
    home: OptionalHome = None,
    as_json: AsJson = False,
) -> None:
    """查看工作日历：某月的每一天，或全年与周一至周五不同的日期。"""
    calendar = _read(home).calendar
    rows = [_describe(calendar, day) for day in _list_days(year, month)]
    if as_json:
        put_json({"year": year, "month": month, **_tell_known(calendar), "days": rows})
        return
    put_table([row for row in rows if month or row["note"]], _COLUMNS, as_json=False)
    working = sum(row["working"] for row in rows)
    tail = "" if calendar.knows(date(year, 12, 31)) else "；该年安排尚未公布，暂按周一至周五推算"
    say(f"共 {working} 个工作日{tail}")


def check(*, home: OptionalHome = None, as_json: AsJson = False) -> None:
    """核对日历补充文件，并显示放假安排掌握到哪一天；文件有误时退出码为 3。"""
    from gateway.catalogue.calendars import PACKAGE

    loaded = _read(home)
    overrides = [_tell_override(override) for override in loaded.overrides]
    record = {"ok": True, "package": PACKAGE, **_tell_known(loaded.calendar), "overrides": overrides}
    changed = sum(override["differs"] for override in overrides)
    text = (
        f"日历正确：{PACKAGE}，掌握至 {loaded.calendar.known_until}；"
        f"补充文件共 {len(overrides)} 个日期，其中 {changed} 个与之不同（版本 {loaded.calendar.version}）"
    )
    put_record(record, as_json=as_json, text=text)


def due(
    *,
    start: Annotated[date, day_option("--from", "起算日，不计入期间")],
    days: Annotated[int, typer.Option("--days", min=1, max=9999, help="工作日数", metavar="天数")],
    home: OptionalHome = None,
    as_json: AsJson = False,
) -> None:
    """推算若干个工作日的到期日；超出已公布的安排时标为暂定。"""
    calendar = _read(home).calendar
    found = calendar.due(start, days)
    record = {"due": str(found.date), "provisional": found.provisional, "from": str(start), "days": days}
    tail = f"（暂定：{_tell_unknown(calendar, start, found.date)}）" if found.provisional else ""
    text = f"{found.date} 星期{_WEEK[found.date.weekday()]}{tail}"
    put_record(record | _tell_known(calendar), as_json=as_json, text=text)


def _read(home: Path | None) -> LoadedCalendar:
    from gateway.catalogue.calendars import read_calendar
    from gateway.catalogue.places import CALENDAR, find_conf

    return read_calendar(find_conf(home, CALENDAR))


def _list_days(year: int, month: int | None) -> list[date]:
    first = date(year, month or 1, 1)
    days = (first + timedelta(days=step) for step in range(366))
    return [day for day in days if day.year == year and month in {None, day.month}]


def _describe(calendar: Calendar, day: date) -> dict[str, Any]:
    note = {True: "调休上班", False: "放假", None: ""}[calendar.exceptions.get(day)]
    return {
        "date": str(day),
        "weekday": _WEEK[day.weekday()],
        "working": calendar.is_working(day),
        "known": calendar.knows(day),
        "note": note,
    }


def _tell_known(calendar: Calendar) -> dict[str, Any]:
    return {
        "knownFrom": str(calendar.known_from),
        "knownUntil": str(calendar.known_until),
        "version": calendar.version,
    }


def _tell_unknown(calendar: Calendar, start: date, last: date) -> str:
    """On which side of the known days a period reaches out, or on both."""
    before = f"自 {calendar.known_from} 起才掌握" if start < calendar.known_from else ""
    after = f"只掌握到 {calendar.known_until}" if last > calendar.known_until else ""
    return f"放假安排{'，且'.join(filter(None, (before, after)))}"


def _tell_override(override: Override) -> dict[str, Any]:
    return {
        "date": str(override.day),
        "working": override.working,
        "differs": override.differs,
        "file": override.file,
        "line": override.line,
        "basis": override.basis,
    }
