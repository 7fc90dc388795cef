"""Forms 1 to 13 field by field: the mapping in schemas/forms.yaml, held against the schemas and shown as a table.

`python -m gateway.catalogue.forms_table > docs/forms.md` writes the document; a test holds it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.catalogue.catalogue import load_catalogue
from gateway.catalogue.places import SCHEMAS

FILE: Final = "forms.yaml"

_HEAD: Final = """# 表格与报文字段对照

依据三明市十三份表格（SM 附件1 至附件13）。“位置”为报文类型与其 `data` 内的 JSON 指针，`/0/` 代表列表的每一项。
本表由 `schemas/forms.yaml` 生成，请勿手改。
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a message: its type and the JSON pointer into `data`."""

    type: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.type} {self.pointer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form; `fields` are its fields' names with the places that carry them, in the form's order."""

    number: int
    title: str
    fields: tuple[tuple[str, tuple[Place, ...]], ...]


def read_forms(folder: Path | None = None) -> tuple[Form, ...]:
    """The thirteen forms as schemas/forms.yaml maps them; KeyError or ValueError for a file of another shape."""
    doc = yaml.safe_load(((folder or SCHEMAS) / FILE).read_text(encoding="utf-8"))
    return tuple(_read_form(entry) for entry in doc["forms"])


def _read_form(entry: Mapping[str, Any]) -> Form:
    fields = tuple((field["field"], tuple(_read_place(at) for at in field["at"])) for field in entry["fields"])
    return Form(number=entry["form"], title=entry["title"], fields=fields)


def _read_place(at: str) -> Place:
    type_, pointer = at.split("#")
    return Place(type=type_, pointer=pointer)


def find_member(schema: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """The schema of the member at `pointer`; KeyError where there is none."""
    node: Mapping[str, Any] = schema
    for name in pointer[1:].split("/"):
        node = _resolve(schema, node)
        node = node["items"] if name.isdigit() else node["properties"][name]
    return _resolve(schema, node)


def _resolve(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def show_forms(forms: tuple[Form, ...]) -> str:
    """The table as Markdown, one section a form."""
    titles = {row.type: row.title for row in load_catalogue().types.values()}
    return _HEAD + "".join(_show_form(form, titles) for form in forms)


def _show_form(form: Form, titles: Mapping[str, str]) -> str:
    rows = [
        f"| {name} | {titles[places[0].type]} | {'<br>'.join(f'`{place}`' for place in places)} |"
        for name, places in form.fields
    ]
    return "\n".join([f"\n## 附件{form.number} {form.title}\n", "| 栏目 | 报文 | 位置 |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(show_forms(read_forms()))
