"""The report: statistics as one table, named for people, with nothing in it but counts and days.

Source: domain sections 5 (terms) and 7 (what is never shown).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.statistics import KINDS, TIMED, UNKNOWN, Cell, Tally, Term, group

DIMENSIONS: Final[Mapping[str, tuple[int, str]]] = {
    "month": (0, "月份"),
    "area": (1, "地区"),
    "institution": (2, "机构"),
}
_TERMS: Final = {
    "done": "办结",
    "onTime": "按期",
    "late": "逾期",
    "median": "中位工作日",
    "p90": "九成工作日内",
    "longest": "最长工作日",
}
_MEDIAN: Final = 0.5
_MOST: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What codes and ids are called: areas and institutions by theirs, clock rules by id."""

    areas: Mapping[str, str]
    institutions: Mapping[str, str]
    rules: Mapping[str, str]

    def of(self, dimension: str, value: str) -> str:
        """The name of a value, or the value itself with what is known of it."""
        if value == UNKNOWN:
            return "未注明"
        if dimension == "area":
            return self.areas.get(value) or self._in_city(value)
        return self.institutions.get(value, value) if dimension == "institution" else value

    def _in_city(self, code: str) -> str:
        city = self.areas.get(code[:4] + "00")
        return f"{city}（{code}）" if city else code


def make_row(dimensions: Sequence[str], key: Sequence[str], tally: Tally, names: Names) -> dict[str, Any]:
    """One row: its dimensions with their names, events, times and breaches."""
    row: dict[str, Any] = {}
    for dimension, value in zip(dimensions, key, strict=True):
        row |= {dimension: value, f"{dimension}Name": names.of(dimension, value)}
    row |= {kind: tally.events[kind] for kind in KINDS}
    row |= {rule: _describe(tally.terms[rule]) for rule in TIMED}
    row["breached"] = tally.breaches.total()
    row["breachedOpen"] = tally.open.total()
    row["breaches"] = {rule: tally.breaches[rule] for rule in names.rules if tally.breaches[rule]}
    return row


def _describe(term: Term) -> dict[str, Any]:
    return {
        "done": term.done,
        "onTime": term.on_time,
        "late": term.late,
        "median": term.quantile(_MEDIAN),
        "p90": term.quantile(_MOST),
        "longest": max(term.days, default=None),
    }


def make_rows(cells: Mapping[Cell, Tally], dimensions: Sequence[str], names: Names) -> list[dict[str, Any]]:
    """The table by these dimensions."""
    numbers = [DIMENSIONS[dimension][0] for dimension in dimensions]
    grouped = group(cells, numbers)
    return [make_row(dimensions, key, tally, names) for key, tally in grouped.items()]


def list_columns(dimensions: Sequence[str], names: Names) -> dict[str, str]:
    """The columns of the flat table: path in a row → Chinese title."""
    columns: dict[str, str] = {}
    for dimension in dimensions:
        title = DIMENSIONS[dimension][1]
        columns |= {dimension: f"{title}代码", f"{dimension}Name": title}
    columns |= KINDS
    for rule in TIMED:
        columns |= {f"{rule}.{member}": f"{names.rules[rule]}：{title}" for member, title in _TERMS.items()}
    columns |= {"breached": "超期", "breachedOpen": "超期未办结"}
    return columns | {f"breaches.{rule}": f"超期：{title}" for rule, title in names.rules.items()}


def read_path(row: Mapping[str, Any], path: str) -> Any:
    """The value at a column's path; None where the row has none, 0 for a rule without breaches."""
    head, _, tail = path.partition(".")
    return row[head].get(tail, 0 if head == "breaches" else None) if tail else row[head]
