"""The tables of files and guarantees. All rows but those of `files` are written with the message they come from.

`files` says who put which bytes, `mentions` who named them to whom: both are asked by digest. `namings` says which
messages that still have their bytes name a file: a row goes when retention purges its message. `leaving_at` is when
retention found a file that no row names; from then on nobody reads it. `guarantees` leads from a guarantee's number to
the message that issued it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.store.schema import METADATA

FILES: Final = Table(
    "files",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("party_id", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("put_at", BigInteger, nullable=False),
    Column("leaving_at", BigInteger),
)

MENTIONS: Final = Table(
    "mentions",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
)

NAMINGS: Final = Table(
    "namings",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
)
Index("ix_namings_digest", NAMINGS.c.digest)

GUARANTEES: Final = Table(
    "guarantees",
    METADATA,
    Column("number", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
)
