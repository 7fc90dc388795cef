"""Read one JSON Schema per type and make each whole: the shared definitions that it uses are carried inside.

A reference to `common.json#/$defs/x` becomes `#/$defs/x`, so that a published schema needs no second file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema

from gateway.catalogue.json_lines import Steps, find_line, find_reference
from gateway.catalogue.mistakes import Mistake
from gateway.core.order_table import TABLE
from gateway.core.type_row import TypeRow

COMMON: Final = "common.json"
_SHARED: Final = f"{COMMON}#/$defs/"
_LOCAL: Final = "#/$defs/"
_EVENTS: Final = frozenset(row.event for row in TABLE)
_META: Final = jsonschema.Draft202012Validator(
    jsonschema.Draft202012Validator.META_SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
"""Says what a JSON Schema may be; a pattern that is no regular expression is one of its formats."""


def read_schemas(folder: Path, rows: Mapping[str, TypeRow]) -> tuple[dict[str, dict[str, Any]], list[Mistake]]:
    """The whole schema of each row's type, and every mistake of the schema files, each once."""
    mistakes = _find_strays(folder, rows)
    common = _read(folder / COMMON, mistakes)
    schemas: dict[str, dict[str, Any]] = {}
    for row in rows.values():
        schema = _read(folder / f"{row.type}.json", mistakes)
        if common is not None and schema is not None:
            schemas[row.type] = _bundle(schema, common.get("$defs", {}), folder / f"{row.type}.json", mistakes)
            mistakes += _find_faults(schemas[row.type], row, folder)
    return schemas, list(dict.fromkeys(mistakes))


def _find_strays(folder: Path, rows: Mapping[str, TypeRow]) -> list[Mistake]:
    known = {f"{type_}.json" for type_ in rows} | {COMMON}
    strays = sorted(file.name for file in folder.glob("*.json") if file.name not in known)
    return [Mistake(file=name, line=1, field="-", text="目录中没有这个类型") for name in strays]


def _read(file: Path, mistakes: list[Mistake]) -> dict[str, Any] | None:
    try:
        doc = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        mistakes.append(Mistake(file=file.name, line=line, field="-", text=f"无法读取：{error}"))
        return None
    if not isinstance(doc, dict):
        mistakes.append(Mistake(file=file.name, line=1, field="-", text="应为 JSON 对象"))
        return None
    return doc


def _bundle(schema: dict[str, Any], shared: Mapping[str, Any], file: Path, mistakes: list[Mistake]) -> dict[str, Any]:
    """The schema with its references made local and the definitions that they reach."""
    wanted: list[str] = []
    whole: dict[str, Any] = _localise(schema, wanted)
    defs: dict[str, Any] = {}
    for name in wanted:  # grows while definitions name further ones
        if name in defs:
            continue
        if name not in shared:
            mistakes.append(_blame_reference(name, file))
        defs[name] = _localise(shared.get(name, {}), wanted)
    return whole | {"$defs": dict(sorted(defs.items()))}


def _blame_reference(name: str, file: Path) -> Mistake:
    """A definition that is missing, blamed on the file that names it: the type's own, or the shared one."""
    line = find_reference(file, _SHARED + name)
    blamed = file if line is not None else file.with_name(COMMON)
    return Mistake(
        file=blamed.name,
        line=line or find_reference(blamed, _LOCAL + name) or 1,
        field=f"$ref {name}",
        text=f"{COMMON} 中没有定义 {name}",
    )


def _localise(node: Any, wanted: list[str]) -> Any:
    if isinstance(node, list):
        return [_localise(item, wanted) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {name: _localise(value, wanted) for name, value in node.items()}
    if isinstance(copy.get("$ref"), str):
        name = copy["$ref"].removeprefix(_SHARED).removeprefix(_LOCAL)
        copy["$ref"] = _LOCAL + name
        wanted.append(name)
    return copy


def _find_faults(schema: dict[str, Any], row: TypeRow, folder: Path) -> list[Mistake]:
    file = f"{row.type}.json"
    faults = [_blame_schema(error, file, folder) for error in _META.iter_errors(schema)]
    if faults:
        return faults
    texts = [*_find_subject_faults(schema, row), *_find_event_faults(schema, row)]
    return [
        Mistake(file=file, line=find_line(folder / file, steps), field=field, text=text) for field, text, steps in texts
    ]


def _blame_schema(error: jsonschema.ValidationError, file: str, folder: Path) -> Mistake:
    """What is wrong in a shared definition is blamed on the file that holds it."""
    steps = tuple(error.absolute_path)
    blamed = COMMON if steps[:1] == ("$defs",) else file
    text = f"不是合法的 JSON Schema：{error.message}"
    return Mistake(file=blamed, line=find_line(folder / blamed, steps), field=error.json_path, text=text)


_Fault = tuple[str, str, Steps]
"""The field, the text, and the steps in the schema that lead nearest to it."""


def _find_subject_faults(schema: Mapping[str, Any], row: TypeRow) -> list[_Fault]:
    node: Mapping[str, Any] = schema
    steps: tuple[str, ...] = ()
    for name in row.subject_path:
        if name not in node.get("properties", {}) or name not in node.get("required", ()):
            text = "目录中的 subject 所指字段须存在且必填"
            return [("/" + "/".join(row.subject_path), text, (*steps, "properties", name))]
        node, steps = node["properties"][name], (*steps, "properties", name)
    return []


def _find_event_faults(schema: Mapping[str, Any], row: TypeRow) -> list[_Fault]:
    if row.event is None:
        return []
    steps = () if row.event_by is None else ("properties", row.event_by)
    if row.event_by is None:
        raised = {row.event}
    elif row.event_by in schema.get("required", ()):
        choices = schema.get("properties", {}).get(row.event_by, {}).get("enum", ())
        raised = {f"{row.event}.{value}" for value in choices}
    else:
        return [(row.event_by, "目录中的 event_by 所指字段须必填", steps)]
    return [("event", f"流转表中没有事件 {event}", steps) for event in sorted(raised - _EVENTS)]
