"""Read schemas/catalogue.yaml into rows; its head explains each field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.catalogue.marks import Marked, read_marked
from gateway.catalogue.mistakes import Mistake
from gateway.core.type_row import TypeRow

FILE: Final = "catalogue.yaml"
_ROLES: Final = frozenset({"platform", "institution", "gateway"})
_KINDS: Final = frozenset({"bank", "insurer", "guarantor"})
_TYPE: Final = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+\.v[1-9][0-9]*")
_CLOCKS: Final = frozenset({"starts", "ends"})
_NO_LIST: Final = "应为类型的列表"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(item) for item in value)


def _is_choice(allowed: frozenset[str]) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, list) and value != [] and all(_is_text(one) and one in allowed for one in value)
    )


def _is_clocks(value: object) -> bool:
    return isinstance(value, dict) and value.keys() <= _CLOCKS and all(_is_texts(names) for names in value.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    good: Callable[[object], bool]
    text: str
    required: bool = True


_FIELDS: Final[Mapping[str, _Field]] = {
    "type": _Field(
        good=lambda value: isinstance(value, str) and _TYPE.fullmatch(value) is not None,
        text="应为带版本号的类型，例如 guarantee.issued.v1",
    ),
    "title": _Field(good=_is_text, text="应为中文名称"),
    "from": _Field(good=_is_choice(_ROLES), text="应列出 platform、institution、gateway 中的一个或几个"),
    "to": _Field(good=_is_choice(_ROLES), text="应列出 platform、institution、gateway 中的一个或几个"),
    "kinds": _Field(good=_is_choice(_KINDS), text="应列出 bank、insurer、guarantor 中的一个或几个"),
    "answers": _Field(good=_is_texts, text="应列出所答复的类型", required=False),
    "clocks": _Field(good=_is_clocks, text="只写 starts 与 ends，各列出时限规则名", required=False),
    "subject": _Field(
        good=lambda value: isinstance(value, str) and value.startswith("/") and len(value) > 1,
        text="应为 JSON 指针，例如 /orderNo",
    ),
    "event": _Field(good=_is_text, text="应为流转表中的事件名", required=False),
    "event_by": _Field(good=_is_text, text="应为 data 中的字段名", required=False),
    "confidential": _Field(good=lambda value: isinstance(value, bool), text="应为 true 或 false"),
    "form": _Field(good=_is_text, text="应为表格编号，例如 SM 8", required=False),
    "basis": _Field(good=_is_text, text="应写明依据"),
}


def read_rows(folder: Path) -> tuple[dict[str, TypeRow], list[Mistake]]:
    """The good rows by type, in the file's order, and every mistake of the file with its line."""
    entries, mistakes = _read_entries(folder / FILE)
    rows: dict[str, TypeRow] = {}
    places: dict[str, Marked] = {}
    for entry in entries:
        found = _find_mistakes(entry)
        if not found and entry.value["type"].value in rows:
            found = [entry.value["type"].blame(f"类型 {entry.value['type'].value} 重复")]
        mistakes += found
        if not found:
            row = _make_row(entry.plain())
            rows[row.type], places[row.type] = row, entry
    return rows, mistakes + _find_unknown_answers(rows, places)


def _read_entries(file: Path) -> tuple[list[Marked], list[Mistake]]:
    root, mistakes = read_marked(file)
    types = root.value.get("types")
    if root.unreadable:
        return [], list(mistakes)
    if types is None or not isinstance(types.value, list):
        return [], [*mistakes, types.reject(_NO_LIST) if types else root.blame(_NO_LIST, "types")]
    return types.value, list(mistakes)


def _find_mistakes(entry: Marked) -> list[Mistake]:
    if not isinstance(entry.value, dict):
        return [entry.reject("应为一行类型")]
    given = entry.value
    unknown = [item.blame("没有这个字段") for name, item in given.items() if name not in _FIELDS]
    absent = [entry.blame(field.text, name) for name, field in _FIELDS.items() if field.required and name not in given]
    return (
        unknown
        + absent
        + [
            given[name].reject(field.text)
            for name, field in _FIELDS.items()
            if name in given and not field.good(given[name].plain())
        ]
    )


def _make_row(entry: Mapping[str, Any]) -> TypeRow:
    clocks = entry.get("clocks", {})
    return TypeRow(
        type=entry["type"],
        title=entry["title"],
        sources=frozenset(entry["from"]),
        recipients=frozenset(entry["to"]),
        kinds=frozenset(entry["kinds"]),
        answers=tuple(entry.get("answers", ())),
        clocks_started=tuple(clocks.get("starts", ())),
        clocks_ended=tuple(clocks.get("ends", ())),
        subject_path=tuple(entry["subject"][1:].split("/")),
        event=entry.get("event"),
        event_by=entry.get("event_by"),
        confidential=entry["confidential"],
        form=entry.get("form"),
        basis=entry["basis"],
    )


def _find_unknown_answers(rows: Mapping[str, TypeRow], places: Mapping[str, Marked]) -> list[Mistake]:
    return [
        Mistake(
            file=FILE,
            line=places[row.type].value["answers"].line,
            field=f"{row.type}.answers",
            text=f"目录中没有类型 {answered}",
        )
        for row in rows.values()
        for answered in row.answers
        if answered not in rows
    ]
