"""Where a person's data stands in a message: every place whose value is the number that was asked for.

Numbers are compared by what people mean: blanks, hyphens, full-width digits and the case of an X make no difference.
Source: issue "Paper and books" point 4 (a subject's data found and listed on demand).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_DROPPED: Final = str.maketrans("", "", " -+\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One message that holds the number: who sent it when (microseconds UTC), and the JSON pointers of the places."""

    delivery_id: int
    source: str
    id: str
    type: str
    subject: str
    recipient: str
    received_at: int
    places: Sequence[str]


def normalise(number: str) -> str:
    """An id number, account or phone as it is compared."""
    return unicodedata.normalize("NFKC", number).translate(_DROPPED).upper()


def find_places(document: Mapping[str, Any], number: str) -> Sequence[str]:
    """JSON pointers of the texts in `document` that are the number, which is normalised already."""
    return [pointer for pointer, text in _walk(document, "") if normalise(text) == number]


def _walk(node: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _walk(value, f"{pointer}/{name}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _walk(value, f"{pointer}/{place}")
    elif isinstance(node, str):
        yield pointer, node
