"""The tables of files and guarantees. Rows of `mentions` and `guarantees` are written with the message they come from.

`files` says who put which bytes, `mentions` who named them to whom: both are asked by digest. `guarantees` leads from
a guarantee's number to the message that issued it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Table, Text

from gateway.store.schema import METADATA

FILES: Final = Table(
    "files",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("party_id", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("put_at", BigInteger, nullable=False),
)

MENTIONS: Final = Table(
    "mentions",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
)

GUARANTEES: Final = Table(
    "guarantees",
    METADATA,
    Column("number", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
)
