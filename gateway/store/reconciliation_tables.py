"""The table of reconciliations: one row a part (`number`), unique by institution, day and part."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint, and_

from gateway.store.schema import METADATA

RECONCILIATIONS: Final = Table(
    "reconciliations",
    METADATA,
    Column("number", Text, primary_key=True),
    Column("institution", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("drawn_at", BigInteger, nullable=False),
    Column("answer_due", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("answered_at", BigInteger),
    Column("answer_id", Text),
    Column("result", Text),
    Column("findings", Text, nullable=False),
    Column("reminded_at", BigInteger),
    UniqueConstraint("day", "institution", "part", name="ux_reconciliations_day"),
)
OPEN: Final = and_(RECONCILIATIONS.c.answered_at.is_(None), RECONCILIATIONS.c.reminded_at.is_(None))
Index("ix_reconciliations_drawn", RECONCILIATIONS.c.drawn_at)
Index(
    "ix_reconciliations_open",
    RECONCILIATIONS.c.answer_due,
    postgresql_where=OPEN,
    sqlite_where=OPEN,
)
