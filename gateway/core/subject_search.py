"""Where a person's data stands: every place whose text is, or contains, the number or the name that was asked for.

Numbers are compared by what people mean: blanks, hyphens, dots, brackets, full-width digits, the case of an X and a
phone's country code make no difference; an identity number is found in its old form of 15 places too. A text that is
masked may be the number: it is told apart. Source: issue "Paper and books" point 4 (a subject's data found and listed
on demand).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

_BETWEEN: Final = r"[\s\-.()\[\]_/\u00b7\u2022\u2010-\u2015\u2212\u200b]"
_DROPPED: Final = re.compile(f"{_BETWEEN}|[+,]")
_COUNTRY: Final = re.compile(r"(?:00)?86(?=1[3-9]\d{9}$)")
_ID: Final = re.compile(r"\d{6}19\d{9}[\dX]")
_MASKED: Final = re.compile(r"([0-9A-Z]*)\*{2,}([0-9A-Z]*)")
_DOTS: Final = re.compile(r"[.\u2022\u30fb\u2027\u2219]")
_SHOWN: Final = 7
"""Characters that a masked text must show to be taken for a number that begins and ends so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One message that holds what was asked for: who sent it when (microseconds UTC), and JSON pointers of the places.

    `masked` are places whose text is masked and may be the number.
    """

    delivery_id: int
    source: str
    id: str
    type: str
    subject: str
    recipient: str
    received_at: int
    places: Sequence[str]
    masked: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The places of one document: those that hold what was asked for, and those that are masked and may do so."""

    places: Sequence[str]
    masked: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.places or self.masked)


def normalise(number: str) -> str:
    """An id number, account or phone as it is compared."""
    plain = _DROPPED.sub("", unicodedata.normalize("NFKC", number)).upper()
    return _COUNTRY.sub("", plain)


def normalise_name(name: str) -> str:
    """A name as it is compared: without blanks, and the dot in names of minorities in one of its forms."""
    plain = "".join(unicodedata.normalize("NFKC", name).split()).casefold()
    return _DOTS.sub("\u00b7", plain)


def find_places(document: Mapping[str, Any] | Sequence[Any], number: str) -> Found:
    """Where in `document` the number stands, which is normalised already."""
    pattern, places, masked = _pattern(number), [], []
    for pointer, text in _walk(document, ""):
        plain = unicodedata.normalize("NFKC", text).upper()
        if pattern.search(plain):
            places.append(pointer)
        elif _may_be(normalise(text), number):
            masked.append(pointer)
    return Found(places=places, masked=masked)


def find_name(document: Mapping[str, Any] | Sequence[Any], name: str) -> Found:
    """Where a text of `document` is the name, which is normalised already; a name within a longer text is none."""
    places = [pointer for pointer, text in _walk(document, "") if normalise_name(text) == name]
    return Found(places=places, masked=())


@cache
def _pattern(number: str) -> re.Pattern[str]:
    """The number anywhere in a text, however it is grouped there, but not as a part of a longer one."""
    forms = "|".join(f"{_BETWEEN}*".join(map(re.escape, form)) for form in _forms(number))
    return re.compile(f"(?<![0-9A-Z])(?:(?:\\+|00)?86{_BETWEEN}*)?(?:{forms})(?![0-9A-Z])")


def _forms(number: str) -> Sequence[str]:
    """An identity number of someone born before 2000 may stand in its old form: no century, no check character."""
    return [number, number[:6] + number[8:17]] if _ID.fullmatch(number) else [number]


def _may_be(text: str, number: str) -> bool:
    match = _MASKED.fullmatch(text)
    if match is None:
        return False
    head, tail = match.groups()
    return len(head) + len(tail) >= _SHOWN and number.startswith(head) and number.endswith(tail)


def _walk(node: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _walk(value, f"{pointer}/{name}")
    elif isinstance(node, (list, tuple)):
        for place, value in enumerate(node):
            yield from _walk(value, f"{pointer}/{place}")
    elif isinstance(node, str):
        yield pointer, node
