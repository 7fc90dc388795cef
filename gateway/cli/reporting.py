"""`wgg report`: statistics for the authority, as JSON, CSV or one HTML page. Read only, slice by slice."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.exits import USAGE, Failure
from gateway.cli.homes import in_store, now_us, open_home
from gateway.cli.options import AsJson, Home, day_option
from gateway.cli.output import say
from gateway.core.area import Unit
from gateway.core.calendar import end_of_day
from gateway.core.report import DIMENSIONS, Names, make_row, make_rows
from gateway.core.sla_table import CLOCK_RULES
from gateway.core.statistics import Cell, Statistics, Tally, fill_months, group, select_cells
from gateway.core.wire.instants import format_beijing
from gateway.ports import Store

_DEFAULT = "area,institution"


class Format(StrEnum):
    """How the report is written."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the report is about: days, both included, and who."""

    first: date
    last: date
    area: str | None
    institution: str | None
    by: tuple[str, ...]

    @property
    def since(self) -> int:
        """The beginning of the first day."""
        return end_of_day(self.first - timedelta(days=1))

    @property
    def until(self) -> int:
        """The end of the last day."""
        return end_of_day(self.last)


def attach(app: typer.Typer) -> None:
    """`wgg report`."""
    app.command("report")(report)


def report(
    *,
    home: Home,
    first: Annotated[date, day_option("--from", "第一天")],
    last: Annotated[date, day_option("--to", "最后一天（含）")],
    area: Annotated[str | None, typer.Option("--area", metavar="代码", help="只统计该地区；市级代码含所辖县区")] = None,
    institution: Annotated[str | None, typer.Option("--institution", metavar="机构", help="只统计该机构")] = None,
    by: Annotated[
        str, typer.Option("--by", help="分组：month、area、institution，以逗号相连", metavar="维度")
    ] = _DEFAULT,
    form: Annotated[
        Format | None, typer.Option("--format", help="json、csv 或 html；不写则按 -o 的扩展名，再不然为 json")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="写入文件；不写则写到标准输出")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """业务统计：申请、办理与支付用时对照法定期限、驳回与拒付、超期；可出 JSON、CSV 与一页图表。"""
    if last < first:
        raise Failure(USAGE, f"--to {last} 早于 --from {first}。")
    asked = _Asked(first=first, last=last, area=area, institution=institution, by=_read_by(by))
    written = _WRITERS[_choose(form, output, as_json=as_json)](_make(home, asked))
    if output is None:
        sys.stdout.write(written.decode())
    else:
        output.write_bytes(written)
        say(f"已写入 {output}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """The report as data, with what its charts are drawn from."""

    document: dict[str, Any]
    cells: Mapping[Cell, Tally]
    months: Sequence[str]
    names: Names


def _make(home: Path, asked: _Asked) -> _Made:
    from gateway.catalogue import load_areas, load_calendar
    from gateway.catalogue.places import AREAS, CALENDAR, find_conf
    from gateway.flow.statistics import gather_statistics

    settings = open_home(home)
    calendar = load_calendar(find_conf(settings.home, CALENDAR))
    areas = {code: area.name for code, area in load_areas(find_conf(settings.home, AREAS)).items()}

    async def work(store: Store) -> tuple[Statistics, dict[str, str]]:
        statistics = await gather_statistics(store, calendar, since=asked.since, until=asked.until)
        return statistics, {key: party.name for key, party in (await store.directory()).parties.items()}

    statistics, parties = in_store(settings, work)
    rules = {rule.id: rule.title for rule in CLOCK_RULES}
    names = Names(areas=areas, institutions=parties, rules=rules)
    cells = select_cells(statistics.cells, area=asked.area, institution=asked.institution)
    document = _describe(asked, cells, statistics, names)
    return _Made(document=document, cells=cells, months=list(fill_months(asked.since, asked.until)), names=names)


def _describe(asked: _Asked, cells: Mapping[Cell, Tally], statistics: Statistics, names: Names) -> dict[str, Any]:
    ((_, whole),) = group(cells, ()).items()
    total = make_row((), (), whole, names)
    return {
        "from": str(asked.first),
        "to": str(asked.last),
        "area": asked.area,
        "areaName": "全部" if asked.area is None else names.of("area", asked.area),
        "institution": asked.institution,
        "institutionName": "全部" if asked.institution is None else names.of("institution", asked.institution),
        "asOf": format_beijing(now_us())[:19].replace("T", " "),
        "by": list(asked.by),
        "terms": {rule: sorted(_name_term(term) for term in terms) for rule, terms in statistics.terms.items()},
        "rows": make_rows(cells, asked.by, names),
        "total": total,
    }


def _name_term(term: str) -> str:
    count, _, unit = term.partition(" ")
    return f"{count} 个工作日" if unit == Unit.WORKING_DAYS.value else term


def _write_json(made: _Made) -> bytes:
    return (json.dumps(made.document, ensure_ascii=False, indent=2) + "\n").encode()


def _write_csv(made: _Made) -> bytes:
    from gateway.forms.report_page import write_csv

    return write_csv(made.document, made.names)


def _write_html(made: _Made) -> bytes:
    from gateway.forms.report_page import write_page

    return write_page(made.document, made.cells, made.months, made.names)


_WRITERS: Final[Mapping[Format, Callable[[_Made], bytes]]] = {
    Format.JSON: _write_json,
    Format.CSV: _write_csv,
    Format.HTML: _write_html,
}


def _choose(form: Format | None, output: Path | None, *, as_json: bool) -> Format:
    if as_json:
        return Format.JSON
    if form is not None or output is None:
        return form or Format.JSON
    try:
        return Format(output.suffix.removeprefix(".").lower())
    except ValueError as error:
        raise Failure(USAGE, f"{output} 的扩展名应为 .json、.csv 或 .html，或写明 --format。") from error


def _read_by(text: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not wanted or any(part not in DIMENSIONS for part in wanted):
        raise Failure(USAGE, f"--by 应为 {'、'.join(DIMENSIONS)} 中的一项或几项，以逗号相连。")
    return wanted
