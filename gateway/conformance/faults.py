"""Every fault that a case may name, in one table: of messages that the kit sends, of answers that it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Final

from gateway.conformance.letter_faults import LETTER_FAULTS, LetterFault
from gateway.conformance.letters import Shape
from gateway.conformance.replies import REPLY_FAULTS, Reply, ReplyFault

LISTING: Final = "listing/"
"""Faults of an answer, told of the listing in which a pulled message first stands."""

KEYS: Final = "keys/"
"""The same, told of a list of keys that names a planted one."""


def _rename(prefix: str) -> Mapping[str, ReplyFault]:
    faults = ((name, row) for name, row in REPLY_FAULTS.items() if name.startswith("answer/"))
    return {prefix + name.partition("/")[2]: row for name, row in faults}


_LISTING_FAULTS: Final = _rename(LISTING)
_KEYS_FAULTS: Final = _rename(KEYS)
_ANSWER_FAULTS: Final = {**REPLY_FAULTS, **_LISTING_FAULTS, **_KEYS_FAULTS}
FAULTS: Final[Mapping[str, LetterFault | ReplyFault]] = {**LETTER_FAULTS, **_ANSWER_FAULTS}


def shape_of(names: Iterable[str]) -> Shape:
    """The shape of a message with these faults; those of answers are passed over."""
    rows = [LETTER_FAULTS[name] for name in names if name in LETTER_FAULTS]
    return reduce(lambda shape, row: row.apply(shape), rows, Shape())


def replies_of(names: Iterable[str]) -> list[str]:
    """The faults of answers among these, in order: one an attempt."""
    return [name for name in names if name in REPLY_FAULTS]


def listings_of(names: Iterable[str]) -> list[str]:
    """The faults of mailbox listings among these, in order."""
    return [name for name in names if name in _LISTING_FAULTS]


def forgeries_of(names: Iterable[str]) -> list[str]:
    """The faults of lists of keys among these, in order."""
    return [name for name in names if name in _KEYS_FAULTS]


def spoil(reply: Reply, name: str) -> Reply:
    """An answer with this fault."""
    return _ANSWER_FAULTS[name].apply(reply)
