"""What commands print: results to the standard output, talk to the standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width


def say(text: str) -> None:
    """Talk to people."""
    print(text, file=sys.stderr, flush=True)


def put_json(value: Any) -> None:
    """A result for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str), flush=True)


def put_line(value: Any) -> None:
    """A result on one line: what a lasting command tells a program that reads along."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def put_record(record: Mapping[str, Any], *, as_json: bool, text: str) -> None:
    """One result: as JSON, or as its text."""
    if as_json:
        put_json(record)
    else:
        print(text, flush=True)


def put_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Rows as JSON with all their members, or as an aligned table of `columns` (member → Chinese title)."""
    if as_json:
        put_json(list(rows))
        return
    lines = [list(columns.values()), *([_cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(_width(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        print(_join(line, widths), flush=True)
    if not rows:
        say("（没有记录）")


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, (list, tuple)):
        return "、".join(map(str, value)) or "-"
    return " ".join(str(value).split())


def _join(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
