"""YAML files held against a JSON Schema, each mistake with its file, line and field: the conformance kit's cases.

The reader of YAML and the JSON Schema library are this room's; what the cases mean is the kit's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.catalogue.explain import build_explainer, explain
from gateway.catalogue.marks import Marked, read_marked
from gateway.catalogue.mistakes import Mistake
from gateway.catalogue.places import SCHEMAS
from gateway.core.errors import FieldError

CASES = SCHEMAS / "conformance" / "cases"
CASE_SCHEMA = SCHEMAS / "conformance" / "case-file.schema.json"
_NO_JSON: Final = "YAML 把它读成了日期一类的值，请加引号"
_STRAY: Final = "additionalProperties"
"""The rule against a field that should not be there: its value is not in question."""


def read_case_files(folder: Path | None = None) -> tuple[list[Marked], list[Mistake]]:
    """Every `*.yaml` of a folder that fits the published schema, by name, with its places; and all mistakes."""
    schema = json.loads(CASE_SCHEMA.read_text(encoding="utf-8"))
    explainer = build_explainer(schema)
    documents: list[Marked] = []
    mistakes: list[Mistake] = []
    for file in sorted((folder or CASES).glob("*.yaml")):
        read, found = read_marked(file)
        mistakes += found
        if not read.unreadable:
            root = _hold_to_json(read, mistakes)
            faults = [_place(root, error) for error in explain(explainer, root.plain())]
            mistakes += faults
            documents += [] if faults else [root]
    return documents, mistakes


def _hold_to_json(node: Marked, mistakes: list[Mistake]) -> Marked:
    """The same without the values that only YAML has: it makes a date of an unquoted one."""
    if isinstance(node.value, dict):
        return replace(node, value={name: _hold_to_json(item, mistakes) for name, item in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[_hold_to_json(item, mistakes) for item in node.value])
    if node.value is None or isinstance(node.value, str | int | float):
        return node
    mistakes.append(node.blame(_NO_JSON))
    return replace(node, value=None, unreadable=_NO_JSON)


def _place(root: Marked, error: FieldError) -> Mistake:
    """The mistake at the deepest value that the pointer reaches."""
    node, rest = root, _split(error.pointer)
    while rest and (below := _descend(node, rest[0])) is not None:
        node, rest = below, rest[1:]
    if rest or error.rule == _STRAY:
        return node.blame(error.message, rest[0] if rest else "")
    return node.reject(error.message)


def _split(pointer: str) -> Sequence[str]:
    """The names of a pointer below `/data`."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[2:]]


def _descend(node: Marked, name: str) -> Marked | None:
    if isinstance(node.value, dict):
        found: Marked | None = node.value.get(name)
        return found
    items: Iterable[Marked] = node.value if isinstance(node.value, list) else ()
    return next((item for place, item in enumerate(items) if str(place) == name), None)
