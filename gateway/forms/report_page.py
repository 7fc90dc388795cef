"""The report as CSV, and as one HTML page with charts: no script, no outside asset, printable."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.core.report import Names, list_columns, read_path
from gateway.core.statistics import TIMED, Cell, Tally, group
from gateway.forms.charts import Series, draw_bars
from gateway.forms.setting import set_report

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_MOST_BARS: Final = 20
_FIGURES: Final = ("applied", "issued", "rejected", "claimed", "payRefused", "breached", "breachedOpen")
_TREND: Final = {"applied": "申请", "issued": "开立", "rejected": "驳回"}


def write_csv(report: Mapping[str, Any], names: Names) -> bytes:
    """The table with its titles and a last row of totals, UTF-8 with the mark that spreadsheets look for.

    No cell can be taken for a formula by a spreadsheet.
    """
    columns = list_columns(report["by"], names)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(columns.values())
    for row in report["rows"]:
        writer.writerow(_make_plain(read_path(row, path)) for path in columns)
    writer.writerow(_make_total(report, columns))
    return written.getvalue().encode("utf-8-sig")


def _make_total(report: Mapping[str, Any], columns: Iterable[str]) -> list[Any]:
    """The totals under the columns; the first cell says so, the other dimensions stay empty."""
    total = report["total"]
    _, *cells = (read_path(total, path) if path.partition(".")[0] in total else "" for path in columns)
    return ["合计", *cells]


def _make_plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) and value != "-" else value


def write_page(report: Mapping[str, Any], cells: Mapping[Cell, Tally], months: Sequence[str], names: Names) -> bytes:
    """The page: `report` as the command prints it, charts from the cells."""
    columns = list_columns(report["by"], names)
    shown = {path: title for path, title in columns.items() if path not in report["by"] and "breaches." not in path}
    table = [[read_path(row, path) for path in shown] for row in report["rows"]]
    charts = [_draw_trend(cells, months), _draw_institutions(cells, names), *_draw_times(report, cells, names)]
    charts.append(_draw_breaches(report["total"], names))
    figures = [(columns[path], read_path(report["total"], path)) for path in _FIGURES]
    return set_report(
        {
            "figures": figures,
            "report": report,
            "heads": list(shown.values()),
            "rows": table,
            "total": _make_total(report, shown),
            "charts": charts,
        }
    )


def _draw_trend(cells: Mapping[Cell, Tally], months: Sequence[str]) -> dict[str, Any]:
    by_month = group(cells, (0,))
    shown = months[-_MOST_BARS:]
    tallies = [by_month.get((month,), Tally()) for month in shown]
    series = [Series(title=title, values=[tally.events[kind] for tally in tallies]) for kind, title in _TREND.items()]
    return draw_bars("各月申请、开立与驳回（笔）", shown, series)


def _draw_institutions(cells: Mapping[Cell, Tally], names: Names) -> dict[str, Any]:
    ranked = sorted(group(cells, (2,)).items(), key=lambda item: (-item[1].events["applied"], item[0]))[:_MOST_BARS]
    labels = [names.of("institution", key[0]) for key, _ in ranked]
    series = [Series(title=title, values=[tally.events[kind] for _, tally in ranked]) for kind, title in _TREND.items()]
    return draw_bars("各机构申请、开立与驳回（笔）", labels, series, note=f"按申请笔数，最多 {_MOST_BARS} 家")


def _draw_times(report: Mapping[str, Any], cells: Mapping[Cell, Tally], names: Names) -> list[dict[str, Any]]:
    (whole,) = group(cells, ()).values()
    charts = []
    for rule in TIMED:
        term = whole.terms[rule]
        last = min(max(term.days, default=0), _MOST_BARS - 2)
        values = [term.days[day] for day in range(last + 1)]
        more = term.done - sum(values)
        labels = [str(day) for day in range(last + 1)] + ([f">{last}"] if more else [])
        terms = "、".join(report["terms"].get(rule, ())) or "—"
        note = f"横轴为工作日，虚线为法定期限（{terms}）；按期 {term.on_time}，逾期 {term.late}"
        series = [Series(title="办结", values=values + ([more] if more else []))]
        limit = _limit_of(report["terms"].get(rule, ()))
        charts.append(draw_bars(f"{names.rules[rule]}所用工作日（笔）", labels, series, note=note, limit=limit))
    return charts


def _limit_of(terms: Sequence[str]) -> int | None:
    """The term in working days, where all had the same one."""
    count, _, unit = terms[0].partition(" ") if len(terms) == 1 else ("", "", "")
    return int(count) if unit == "个工作日" else None


def _draw_breaches(total: Mapping[str, Any], names: Names) -> dict[str, Any]:
    ranked = sorted(total["breaches"].items(), key=lambda item: -item[1])
    labels = [names.rules[rule] for rule, _ in ranked]
    return draw_bars("各类期限超期（次）", labels, [Series(title="超期", values=[count for _, count in ranked])])
