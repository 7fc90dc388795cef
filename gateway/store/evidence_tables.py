"""The tables of the evidence: blocks, the leaves in them, how far each kind is sealed, and what else is sealed.

Rows of `refusals` and `key_events` are written in the transaction of their cause and never changed.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from gateway.store.schema import METADATA, SERIAL

BLOCKS: Final = Table(
    "evidence_blocks",
    METADATA,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("signature", Text, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
)

LEAVES: Final = Table(
    "evidence_leaves",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("height", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("subject", Text),
)
Index("ix_evidence_leaves_block", LEAVES.c.height, LEAVES.c.place)
Index("ix_evidence_leaves_subject", LEAVES.c.subject)

CURSORS: Final = Table(
    "evidence_cursors",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("done", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("horizon", BigInteger, nullable=False),
)

STAMPS: Final = Table(
    "evidence_stamps",
    METADATA,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("token", LargeBinary, nullable=False),
    Column("stamped_at", BigInteger, nullable=False),
)

EXPORTS: Final = Table(
    "evidence_exports",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("signature", Text, nullable=False),
    Column("exported_at", BigInteger, nullable=False),
)

CASE_ORDERS: Final = Table(
    "evidence_case_orders",
    METADATA,
    Column("case_no", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
)

REFUSALS: Final = Table(
    "refusals",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("serial_no", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("message_id", Text),
    Column("type", Text),
    Column("subject", Text),
)
Index("ix_refusals_subject", REFUSALS.c.subject)

KEY_EVENTS: Final = Table(
    "key_events",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("owner_id", Text, nullable=False),
    Column("serial_no", Text, nullable=False),
    Column("public_pem", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
Index("ix_key_events_serial", KEY_EVENTS.c.serial_no)
