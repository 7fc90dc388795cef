"""Read one JSON Schema per type and make each whole: the shared definitions that it uses are carried inside.

A reference to `common.json#/$defs/x` becomes `#/$defs/x`, so that a published schema needs no second file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema

from gateway.catalogue.mistakes import Mistake
from gateway.core.order_table import TABLE
from gateway.core.type_row import TypeRow

COMMON: Final = "common.json"
_SHARED: Final = f"{COMMON}#/$defs/"
_LOCAL: Final = "#/$defs/"
_EVENTS: Final = frozenset(row.event for row in TABLE)


def read_schemas(folder: Path, rows: Mapping[str, TypeRow]) -> tuple[dict[str, dict[str, Any]], list[Mistake]]:
    """The whole schema of each row's type, and every mistake of the schema files."""
    mistakes = _find_strays(folder, rows)
    common = _read(folder / COMMON, mistakes)
    schemas: dict[str, dict[str, Any]] = {}
    for row in rows.values():
        schema = _read(folder / f"{row.type}.json", mistakes)
        if common is not None and schema is not None:
            schemas[row.type] = _bundle(schema, common.get("$defs", {}), row.type, mistakes)
            mistakes += _find_faults(schemas[row.type], row)
    return schemas, mistakes


def _find_strays(folder: Path, rows: Mapping[str, TypeRow]) -> list[Mistake]:
    known = {f"{type_}.json" for type_ in rows} | {COMMON}
    strays = sorted(file.name for file in folder.glob("*.json") if file.name not in known)
    return [Mistake(file=name, field="-", text="目录中没有这个类型") for name in strays]


def _read(file: Path, mistakes: list[Mistake]) -> dict[str, Any] | None:
    try:
        doc = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        mistakes.append(Mistake(file=file.name, field="-", text=f"无法读取：{error}"))
        return None
    if not isinstance(doc, dict):
        mistakes.append(Mistake(file=file.name, field="-", text="应为 JSON 对象"))
        return None
    return doc


def _bundle(schema: dict[str, Any], shared: Mapping[str, Any], type_: str, mistakes: list[Mistake]) -> dict[str, Any]:
    """The schema with its references made local and the definitions that they reach."""
    wanted: list[str] = []
    whole: dict[str, Any] = _localise(schema, wanted)
    defs: dict[str, Any] = {}
    for name in wanted:  # grows while definitions name further ones
        if name in defs:
            continue
        if name not in shared:
            text = f"{COMMON} 中没有定义 {name}"
            mistakes.append(Mistake(file=f"{type_}.json", field=f"$ref {name}", text=text))
        defs[name] = _localise(shared.get(name, {}), wanted)
    return whole | {"$defs": dict(sorted(defs.items()))}


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


def _find_faults(schema: dict[str, Any], row: TypeRow) -> list[Mistake]:
    file = f"{row.type}.json"
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return [Mistake(file=file, field=error.json_path, text=f"不是合法的 JSON Schema：{error.message}")]
    texts = [*_find_subject_faults(schema, row), *_find_event_faults(schema, row)]
    return [Mistake(file=file, field=field, text=text) for field, text in texts]


def _find_subject_faults(schema: Mapping[str, Any], row: TypeRow) -> list[tuple[str, str]]:
    node: Mapping[str, Any] = schema
    for name in row.subject_path:
        if name not in node.get("properties", {}) or name not in node.get("required", ()):
            return [("/" + "/".join(row.subject_path), "目录中的 subject 所指字段须存在且必填")]
        node = node["properties"][name]
    return []


def _find_event_faults(schema: Mapping[str, Any], row: TypeRow) -> list[tuple[str, str]]:
    if row.event is None:
        return []
    if row.event_by is None:
        raised = {row.event}
    elif row.event_by in schema.get("required", ()):
        choices = schema.get("properties", {}).get(row.event_by, {}).get("enum", ())
        raised = {f"{row.event}.{value}" for value in choices}
    else:
        return [(row.event_by, "目录中的 event_by 所指字段须必填")]
    return [("event", f"流转表中没有事件 {event}") for event in sorted(raised - _EVENTS)]
