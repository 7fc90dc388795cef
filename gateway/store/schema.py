"""The tables. Instants are BIGINT microseconds UTC; `body` and `receipt` are bytes, never text.

Deliveries say by NULLs where they stand, so that each question has a partial index of just its rows:
`ended_at` NULL is live; `due_at` set is a head that may be tried (claimed while `worker` is set); `published_at` set
is a wake-up on the bus. `subjects.held_by` is the institution of an order that is not over.
Hot tables carry no foreign keys: every row of them is written in the transaction of its cause.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
    literal_column,
)

from gateway.store.sealed import SealedBytes

METADATA: Final = MetaData()

# SQLite's rowid must be spelled INTEGER; both count up and never fill gaps.
SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")


def make_partial(
    name: str, *columns: Column[int] | Column[str], where: ColumnElement[bool], unique: bool = False
) -> Index:
    """An index of the rows for which `where` holds."""
    return Index(name, *columns, unique=unique, postgresql_where=where, sqlite_where=where)


PARTIES: Final = Table(
    "parties",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("kind", Text),
    Column("name", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("adapter", Text, nullable=False),
    Column("endpoint", Text),
    Column("link", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("gone", Boolean, nullable=False),
)

KEYS: Final = Table(
    "keys",
    METADATA,
    Column("serial_no", Text, primary_key=True),
    Column("owner_id", Text, ForeignKey("parties.id"), nullable=False),
    Column("public_pem", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

REVISION: Final = Table(
    "revision",
    METADATA,
    Column("one", Integer, CheckConstraint("one = 1"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)

NONCES: Final = Table(
    "nonces",
    METADATA,
    Column("serial_no", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("spent_at", BigInteger, nullable=False),
)
Index("ix_nonces_spent", NONCES.c.spent_at)

MESSAGES: Final = Table(
    "messages",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("correlation_id", Text),
    Column("digest", Text, nullable=False),
    Column("body", SealedBytes(), nullable=False),
    Column("origin", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("receipt_no", Text, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("traceparent", Text),
)
Index("ix_messages_received", MESSAGES.c.received_at)
RECONCILED: Final = MESSAGES.c.type == literal_column("'reconciliation.answer.v1'")
make_partial("ix_messages_answers", MESSAGES.c.source, MESSAGES.c.subject, where=RECONCILED)

SUBJECTS: Final = Table(
    "subjects",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("order_json", Text),
    Column("held_by", Text),
)
make_partial("ix_subjects_held", SUBJECTS.c.held_by, SUBJECTS.c.subject, where=SUBJECTS.c.held_by.is_not(None))

DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("source", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("mailed", Boolean, nullable=False),
    Column("stood", Boolean, nullable=False),
    Column("due_at", BigInteger),
    Column("published_at", BigInteger),
    Column("published_times", Integer, nullable=False),
    Column("worker", Text),
    Column("token", BigInteger, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("replay_of", BigInteger),
    Column("replayed_by", BigInteger),
)

_D: Final = DELIVERIES.c
LIVE: Final = _D.ended_at.is_(None)
READY: Final = and_(_D.due_at.is_not(None), _D.published_at.is_(None), _D.worker.is_(None))
OUT: Final = and_(_D.due_at.is_not(None), _D.published_at.is_not(None), _D.worker.is_(None))
LEASED: Final = _D.worker.is_not(None)
WAITS: Final = and_(LIVE, _D.due_at.is_(None), _D.stood.is_(False), _D.state != literal_column("'held'"))
MAILED: Final = _D.mailed.is_(True)
DEAD: Final = and_(_D.state == literal_column("'failed'"), _D.replayed_by.is_(None))

Index("ix_deliveries_message", _D.source, _D.message_id)
Index("ix_deliveries_subject", _D.subject, _D.id)
make_partial("ix_deliveries_live", _D.recipient, _D.subject, _D.position, where=LIVE)
make_partial("ix_deliveries_ready", _D.recipient, _D.due_at, _D.id, where=READY)
make_partial("ix_deliveries_out", _D.recipient, _D.published_at, where=OUT)
make_partial("ix_deliveries_leased", _D.worker, where=LEASED)
make_partial("ix_deliveries_waits", _D.id, where=WAITS)
make_partial("ix_deliveries_mailed", _D.recipient, _D.id, where=MAILED)
make_partial("ix_deliveries_dead", _D.id, where=DEAD)

ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("delivery_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("http_status", Integer),
    Column("code", Text),
    Column("text", Text),
)

RECEIPTS: Final = Table(
    "receipts",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("source", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("delivery_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("serial_no", Text, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("method", Text),
    Column("path", Text),
    Column("attempt", Integer),
    Column("http_status", Integer),
    Column("code", Text),
    Column("text", Text),
)
Index("ux_receipts_message", RECEIPTS.c.source, RECEIPTS.c.message_id, unique=True)

WORKERS: Final = Table(
    "workers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("beat_at", BigInteger, nullable=False),
)

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("role", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
)

ALERTS: Final = Table(
    "alerts",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("code", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_reason", Text),
)
OPEN_ALERT: Final = ALERTS.c.closed_at.is_(None)
make_partial("ux_alerts_open", ALERTS.c.code, ALERTS.c.about, where=OPEN_ALERT, unique=True)

AUDITS: Final = Table(
    "audits",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
