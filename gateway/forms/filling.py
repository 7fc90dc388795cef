"""A layout's fields filled from messages: each value written for people, each missing one remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.catalogue import Catalogue
from gateway.catalogue.forms_table import Place
from gateway.core.money import write_words
from gateway.forms.errors import FormError, MissingField
from gateway.forms.layouts import Layout
from gateway.forms.members import Member, find_member, find_values, write_value

BLANK: Final = "／"
_BETWEEN: Final = "　"
_SHOWN: Final = 3
_EACH: Final = "/0/"
"""In a pointer: of each item of the list before it."""


class Filling:
    """The fields of one sheet over the documents that fill it: `data` of a message, by type."""

    def __init__(self, layout: Layout, documents: Mapping[str, Any], catalogue: Catalogue) -> None:
        self._layout = layout
        self._documents = documents
        self._catalogue = catalogue
        self._missing: dict[MissingField, None] = {}

    def value(self, name: str, *, lines: bool = False) -> str:
        """A field's value in words; of a list its first few, of a field that is not filled in a stroke.

        With `lines` each item of a list has a line of its own, a stroke where it has no such member.
        """
        joined = self._layout.joins.get(name, _BETWEEN)
        parts = [self._part(name, place, lines=lines) for place in self._layout.fields[name]]
        return joined.join(part for part in parts if part) or BLANK

    def column(self, name: str) -> list[str]:
        """A field of list items: its value for each item, a stroke for an item that has none."""
        (place,) = self._layout.fields[name]
        self._find(name, place)
        listed, _, member = place.pointer.partition(_EACH)
        items: Sequence[Any] = next(find_values(self._documents.get(place.type), listed), ())
        return [self._cell(name, place, list(find_values(item, f"/{member}"))) for item in items]

    def _cell(self, name: str, place: Place, found: Sequence[Any]) -> str:
        return "、".join(self._write(name, place, value, alone=False) for value in found) or BLANK

    def has(self, name: str, wanted: str) -> bool:
        """Whether the field's value is, or holds, this one."""
        found = [value for place in self._layout.fields[name] for value in self._find(name, place)]
        return any(_tell(value) == wanted or (isinstance(value, list) and wanted in value) for value in found)

    def finish(self) -> None:
        """Raise FormError if a field that the sheet needs was asked for and is not there, naming all of them."""
        if self._missing:
            listed = "；".join(map(str, self._missing))
            called = self._layout.name or self._layout.title
            text = f"{called}无法生成：{listed}。请发送方补全后重新报送，或改打受理凭证（--form receipt）。"
            raise FormError(text, tuple(self._missing))

    def _part(self, name: str, place: Place, *, lines: bool) -> str:
        if lines and _EACH in place.pointer:
            texts = self.column(name)
        else:
            alone = len(self._layout.fields[name]) == 1
            texts = [self._write(name, place, value, alone=alone) for value in self._find(name, place)]
        more = f" 等 {len(texts)} 项（见清单）" if len(texts) > _SHOWN else ""
        return ("\n" if lines else "、").join(texts[:_SHOWN]) + more

    def _find(self, name: str, place: Place) -> Sequence[Any]:
        document = self._documents.get(place.type)
        if document is None:
            return ()
        found = list(find_values(document, place.pointer))
        if not found and place.type == self._layout.leads and self._needs(name, place):
            self._missing[MissingField(field=name, type=place.type, pointer=f"/data{place.pointer}")] = None
        return found

    def _needs(self, name: str, place: Place) -> bool:
        return name in self._layout.needs or self._member(place).needed

    def _member(self, place: Place) -> Member:
        return find_member(self._catalogue.schema(place.type), place.pointer)

    def _write(self, name: str, place: Place, value: Any, *, alone: bool) -> str:
        """An amount that stands alone has its words behind it, unless the form asks for them elsewhere."""
        text = write_value(self._member(place), value)
        if alone and "小写" not in name and place.pointer.endswith("/fen") and type(value) is int:
            return f"{text}（人民币{write_words(value)}）"
        return text


def _tell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
