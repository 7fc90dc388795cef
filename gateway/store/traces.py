"""What messages leave behind to be found by: files named, guarantees issued. Written in the accept transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Text

from gateway.core.intake import NewDelivery
from gateway.store.dialect import Types, as_columns, insert_columns
from gateway.store.file_tables import GUARANTEES, MENTIONS, NAMINGS
from gateway.store.together import Call

_MENTION: Final[Types] = {"digest": Text(), "source": Text(), "recipient": Text()}
_NAMING: Final[Types] = {"source": Text(), "message_id": Text(), "digest": Text()}
_GUARANTEE: Final[Types] = {"number": Text(), "source": Text(), "message_id": Text()}


def keeping_traces(dialect: str, new: Sequence[NewDelivery]) -> Iterator[Call]:
    """The calls that write the traces of a batch; rows go in sorted, for two processes may write the same ones."""
    mentions = sorted({(digest, *_parties(row)) for row in new for digest in row.traces.files})
    if mentions:
        namings = sorted((*row.message.key, digest) for row in new for digest in row.traces.files)
        yield Call(_mentioning(dialect), as_columns(dialect, _MENTION, _rows(_MENTION, mentions)))
        yield Call(_naming(dialect), as_columns(dialect, _NAMING, _rows(_NAMING, namings)))
    issued = sorted((row.traces.guarantee_no, *row.message.key) for row in new if row.traces.guarantee_no is not None)
    if issued:
        yield Call(_issuing(dialect), as_columns(dialect, _GUARANTEE, _rows(_GUARANTEE, issued)))


@cache
def _mentioning(dialect: str) -> Any:
    return insert_columns(dialect, MENTIONS, _MENTION).on_conflict_do_nothing()


@cache
def _naming(dialect: str) -> Any:
    return insert_columns(dialect, NAMINGS, _NAMING)


@cache
def _issuing(dialect: str) -> Any:
    return insert_columns(dialect, GUARANTEES, _GUARANTEE)


def _parties(row: NewDelivery) -> tuple[str, str]:
    return (row.message.source, row.message.recipient)


def _rows(types: Types, values: Sequence[tuple[str, ...]]) -> list[dict[str, str]]:
    return [dict(zip(types, value, strict=True)) for value in values]
