"""YAML files held against a JSON Schema, each mistake with its file, line and field: the conformance kit's cases.

The reader of YAML and the JSON Schema library are this room's; what the cases mean is the kit's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.catalogue.explain import build_explainer, explain
from gateway.catalogue.marks import Marked, read_marked
from gateway.catalogue.mistakes import Mistake
from gateway.catalogue.places import SCHEMAS
from gateway.core.errors import FieldError

CASES = SCHEMAS / "conformance" / "cases"
CASE_SCHEMA = SCHEMAS / "conformance" / "case-file.schema.json"


def read_case_files(folder: Path | None = None) -> tuple[list[Marked], list[Mistake]]:
    """Every `*.yaml` of a folder, by name, with its places, and all mistakes against the published schema."""
    schema = json.loads(CASE_SCHEMA.read_text(encoding="utf-8"))
    explainer = build_explainer(schema)
    documents: list[Marked] = []
    mistakes: list[Mistake] = []
    for file in sorted((folder or CASES).glob("*.yaml")):
        root, found = read_marked(file)
        documents.append(root)
        errors = () if found else explain(explainer, root.plain())
        mistakes += [*found, *(_place(root, error) for error in errors)]
    return documents, mistakes


def _place(root: Marked, error: FieldError) -> Mistake:
    """The mistake at the deepest value that the pointer reaches."""
    node, rest = root, _split(error.pointer)
    while rest and (below := _descend(node, rest[0])) is not None:
        node, rest = below, rest[1:]
    return node.blame(error.message, rest[0] if rest else "")


def _split(pointer: str) -> Sequence[str]:
    """The names of a pointer below `/data`."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[2:]]


def _descend(node: Marked, name: str) -> Marked | None:
    if isinstance(node.value, dict):
        found: Marked | None = node.value.get(name)
        return found
    items: Iterable[Marked] = node.value if isinstance(node.value, list) else ()
    return next((item for place, item in enumerate(items) if str(place) == name), None)
