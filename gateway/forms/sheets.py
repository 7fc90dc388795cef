"""A sheet as data: blocks of plain text and values that both templates, HTML and PDF, set in the same way.

Nothing in it is markup: the templates escape every string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.forms.errors import FormError
from gateway.forms.filling import BLANK, Filling
from gateway.forms.layouts import Layout
from gateway.forms.members import find_values

Block = dict[str, Any]
_INLINE: Final = re.compile(r"\{([^{}]+)\}|\[([^=\[\]]+)=([^\[\]]+)\]")
_TICKED: Final = {True: "■", False: "□"}
_PAIR: Final = 2


def lay_out(layout: Layout, filling: Filling) -> list[Block]:
    """The blocks of a form from top to bottom; FormError names every field that it misses."""
    blocks = [_LAY[kind](block[kind], filling) for block in layout.blocks for kind in _LAY if kind in block]
    filling.finish()
    return blocks


def check_choice(layout: Layout, data: Mapping[str, Any]) -> None:
    """Raise FormError unless the leading message is one that this form is made for."""
    for pointer, words in layout.when.items():
        found = list(find_values(data, pointer))
        if not any(value in words for value in found):
            allowed = "、".join(words.values())
            text = f"{layout.name or layout.title}只用于{allowed}的情形（/data{pointer}），请核对后改用其他表。"
            raise FormError(text)


def _lay_letter(text: str, filling: Filling) -> Block:
    return {"kind": "letter", "runs": read_runs(text, filling)}


def _lay_text(text: str, filling: Filling) -> Block:
    return {"kind": "text", "runs": read_runs(text, filling)}


def _lay_head(text: str, _: Filling) -> Block:
    return {"kind": "head", "text": text}


def _lay_rows(rows: Sequence[Any], filling: Filling) -> Block:
    return {"kind": "rows", "wide": False, "rows": [_lay_row(row, filling) for row in rows]}


def _lay_row(row: Any, filling: Filling) -> list[Block]:
    """Label and value, once over the whole width or twice side by side."""
    if isinstance(row, Mapping):
        lines = [read_runs(text, filling) for text in _choose_lines(row["lines"], filling)]
        return [_label(row["label"]), {"lines": lines, "span": 3}]
    span = 1 if len(row) == _PAIR else 3
    return [cell for name in row for cell in (_label(name), _value(filling.value(name, lines=True), span))]


def _choose_lines(lines: Sequence[Any], filling: Filling) -> Iterator[str]:
    """Lines as they stand; one that asks for a field is there only where the field is."""
    for line in lines:
        if isinstance(line, str):
            yield line
        elif filling.value(line["given"]) != BLANK:
            yield line["text"]


def _label(text: str) -> Block:
    return {"label": text}


def _value(text: str, span: int) -> Block:
    return {"lines": [[{"value": text}]], "span": span}


def put_rows(pairs: Sequence[tuple[str, str]]) -> Block:
    """A table of labels and values that no layout names, one a line, the labels wide."""
    return {"kind": "rows", "wide": True, "rows": [[_label(label), _value(value, 1)] for label, value in pairs]}


def _lay_items(items: Mapping[str, Any], filling: Filling) -> Block:
    columns = [filling.column(name) for name in items["columns"]]
    rows = [[str(number), *row] for number, row in enumerate(zip(*columns, strict=True), start=1)]
    return {"kind": "items", "title": items["title"], "heads": ["序号", *items["columns"]], "rows": rows}


def _lay_signs(signs: Sequence[Mapping[str, Any]], filling: Filling) -> Block:
    return {"kind": "signs", "signs": [_lay_sign(sign, filling) for sign in signs]}


def _lay_sign(sign: Mapping[str, Any], filling: Filling) -> Block:
    names = [name for name in (sign.get("who"), *sign.get("also", ()), sign.get("when")) if name]
    lines = [{"label": name, "value": filling.value(name)} for name in names]
    return {"lines": lines, "seal": bool(sign.get("seal"))}


def read_runs(text: str, filling: Filling) -> list[Block]:
    """A text cut into words, values and boxes."""
    runs: list[Block] = []
    end = 0
    for match in _INLINE.finditer(text):
        runs.append({"text": text[end : match.start()]})
        field, asked, wanted = match.groups()
        runs.append({"value": filling.value(field)} if field else {"text": _TICKED[filling.has(asked, wanted)]})
        end = match.end()
    return [run for run in (*runs, {"text": text[end:]}) if run.get("text") != ""]


_LAY: Final[Mapping[str, Callable[[Any, Filling], Block]]] = {
    "letter": _lay_letter,
    "text": _lay_text,
    "head": _lay_head,
    "rows": _lay_rows,
    "items": _lay_items,
    "signs": _lay_signs,
}
