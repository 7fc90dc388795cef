"""Read schemas/catalogue.yaml into rows; its head explains each field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.catalogue.mistakes import Mistake
from gateway.core.type_row import TypeRow

FILE: Final = "catalogue.yaml"
_ROLES: Final = frozenset({"platform", "institution", "gateway"})
_KINDS: Final = frozenset({"bank", "insurer", "guarantor"})
_TYPE: Final = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+\.v[1-9][0-9]*")
_CLOCKS: Final = frozenset({"starts", "ends"})


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(item) for item in value)


def _is_choice(allowed: frozenset[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(item in allowed for item in value)


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
    """The good rows by type, in the file's order, and every mistake of the file."""
    entries, mistakes = _read_entries(folder / FILE)
    rows: dict[str, TypeRow] = {}
    for index, entry in enumerate(entries):
        found = _find_mistakes(entry, f"types[{index}]")
        if not found and entry["type"] in rows:
            found = [_mistake(f"types[{index}].type", f"类型 {entry['type']} 重复")]
        mistakes += found
        if not found:
            rows[entry["type"]] = _make_row(entry)
    return rows, mistakes + _find_unknown_answers(rows)


def _read_entries(file: Path) -> tuple[list[Any], list[Mistake]]:
    try:
        doc = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return [], [_mistake("-", f"无法读取：{error}")]
    if not isinstance(doc, dict) or not isinstance(doc.get("types"), list):
        return [], [_mistake("types", "应为类型的列表")]
    return doc["types"], []


def _find_mistakes(entry: object, where: str) -> list[Mistake]:
    if not isinstance(entry, dict):
        return [_mistake(where, "应为一行类型")]
    unknown = [_mistake(f"{where}.{name}", "没有这个字段") for name in entry if name not in _FIELDS]
    return unknown + [
        _mistake(f"{where}.{name}", field.text)
        for name, field in _FIELDS.items()
        if (name in entry or field.required) and not field.good(entry.get(name))
    ]


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


def _find_unknown_answers(rows: Mapping[str, TypeRow]) -> list[Mistake]:
    return [
        _mistake(f"{row.type}.answers", f"目录中没有类型 {answered}")
        for row in rows.values()
        for answered in row.answers
        if answered not in rows
    ]


def _mistake(field: str, text: str) -> Mistake:
    return Mistake(file=FILE, field=field, text=text)
