"""Clauses of the sources and what keeps each: the mapping in schemas/clauses.yaml, shown as a table.

`python -m gateway.catalogue.clauses_table > docs/clauses.md` writes the document; a test holds it, and holds every
reference against the types, rules, clocks, transitions, parameters, calls and commands that there are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from gateway.catalogue.places import SCHEMAS

FILE: Final = "clauses.yaml"

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "message": "报文",
        "rule": "规则",
        "clock": "时限",
        "event": "状态",
        "area": "参数",
        "call": "接口",
        "command": "命令",
        "document": "文档",
    }
)

_HEAD: Final = """# 条款对照

每一条款由什么承担。XM 为厦门接入指南，SM 为三明表格，D4、D5 为业务规则与时限。
“状态”指订单状态表中的事件，见 [order-states.md](order-states.md)；“参数”按地区与日期，见
[areas-and-calendar.md](areas-and-calendar.md)。本表由 `schemas/clauses.yaml` 生成，请勿手改。
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What keeps a clause: a kind of KINDS and the name within it."""

    kind: str
    name: str

    def __str__(self) -> str:
        shown = f"wgg {self.name}" if self.kind == "command" else self.name
        return f"{KINDS[self.kind]} `{shown}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause: what keeps it, and where nothing does, or people do the rest, why."""

    id: str
    text: str
    kept_by: tuple[Reference, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A source with its clauses in order."""

    title: str
    clauses: tuple[Clause, ...]


def read_clauses(folder: Path | None = None) -> tuple[Document, ...]:
    """The sources as schemas/clauses.yaml maps them; KeyError or ValueError for a file of another shape."""
    doc = yaml.safe_load(((folder or SCHEMAS) / FILE).read_text(encoding="utf-8"))
    return tuple(
        Document(title=entry["title"], clauses=tuple(_read_clause(row) for row in entry["clauses"]))
        for entry in doc["documents"]
    )


def _read_clause(row: Mapping[str, Any]) -> Clause:
    if not (row.get("by") or row.get("why")):
        raise ValueError(f"{row['id']}: by or why is needed")
    references = tuple(_read_reference(text) for text in row.get("by", ()))
    return Clause(id=row["id"], text=row["clause"], kept_by=references, why=row.get("why", ""))


def _read_reference(text: str) -> Reference:
    kind, _, name = text.partition(":")
    if kind not in KINDS or not name:
        raise ValueError(f"{text}: no kind of reference")
    return Reference(kind=kind, name=name)


def show_clauses(documents: tuple[Document, ...]) -> str:
    """The table as Markdown, one section a source."""
    return _HEAD + "".join(_show_document(document) for document in documents)


def _show_document(document: Document) -> str:
    rows = [
        f"| {clause.id} | {clause.text} | {'<br>'.join(str(each) for each in clause.kept_by)} | {clause.why} |"
        for clause in document.clauses
    ]
    return "\n".join([f"\n## {document.title}\n", "| 条款 | 内容 | 由何承担 | 说明 |", "|---|---|---|---|", *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(show_clauses(read_clauses()))
