"""The layouts of the forms as data: one file each in templates/layouts, no code for any of them.

    form       the form's number; its title and fields are those of schemas/forms.yaml
    key        instead, the name of a sheet that is no official form
    title      of such a sheet, or where the form's own needs the choice of words
    leads      the message type that the form is made of; of other types that its fields name, what is there is added
    place      pointer in `data` to the division code whose city stands before the title
    when       pointer → {value: words}: only these values are printed on this form
    needs      fields that the schema leaves free and this form cannot do without
    joins      field → what stands between its parts
    extra      further fields, not on the official form: name → [type#/pointer, …]
    related    types of the same business that are listed below, with their digests
    blocks     what stands on the sheet, from top to bottom:
               letter: text       salutation, to the left
               text: text         a paragraph
               head: text         a heading
               rows: [[field, …], {label: text, lines: [text, {given: field, text: text}, …]}]
               items: {title: text, columns: [field, …]}     a row for each item of a list
               signs: [{who: field, when: field, words: text}, …]

In a text {field} is the field's value, [field=value] a box that is ticked when the field has (or holds) the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from gateway.catalogue.forms_table import Form, Place, read_forms

TEMPLATES: Final = Path(__file__).parent / "templates"
_LAYOUTS: Final = TEMPLATES / "layouts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One sheet: what it is called, which fields it has where, and its blocks. See this module's text for each."""

    key: str
    number: int | None
    title: str
    leads: str
    fields: Mapping[str, tuple[Place, ...]]
    blocks: Sequence[Mapping[str, Any]]
    place: str | None = None
    when: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    joins: Mapping[str, str] = field(default_factory=dict)
    related: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`附件8`; of a sheet that is no official form nothing."""
        return f"附件{self.number}" if self.number else ""

    @property
    def types(self) -> tuple[str, ...]:
        """The message types that its fields come from, the leading one first."""
        named = (place.type for places in self.fields.values() for place in places)
        return tuple(dict.fromkeys((self.leads, *named)))


@cache
def load_layouts() -> Mapping[str, Layout]:
    """Every layout by its key, the thirteen forms first; KeyError or ValueError for a file of another shape."""
    forms = {form.number: form for form in read_forms()}
    layouts = [_read(file, forms) for file in sorted(_LAYOUTS.glob("*.yaml"))]
    return MappingProxyType({layout.key: layout for layout in layouts})


def _read(file: Path, forms: Mapping[int, Form]) -> Layout:
    doc = yaml.safe_load(file.read_text(encoding="utf-8"))
    number = doc.get("form")
    official = {} if number is None else dict(forms[number].fields)
    extra = {name: tuple(map(_read_place, places)) for name, places in doc.get("extra", {}).items()}
    return Layout(
        key=str(doc.get("key", number)),
        number=number,
        title=doc.get("title") or forms[number].title,
        leads=doc["leads"],
        fields=MappingProxyType(official | extra),
        blocks=tuple(doc["blocks"]),
        place=doc.get("place"),
        when=doc.get("when", {}),
        needs=frozenset(doc.get("needs", ())),
        joins=doc.get("joins", {}),
        related=tuple(doc.get("related", ())),
    )


def _read_place(at: str) -> Place:
    type_, pointer = at.split("#")
    return Place(type=type_, pointer=pointer)
