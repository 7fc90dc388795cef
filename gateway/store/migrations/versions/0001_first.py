"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null, primary_key=key)


def _big(name: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null, primary_key=key, autoincrement=False)


def _int(name: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null, primary_key=key, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _bool(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    """An index of the rows that `where` names; the two databases spell booleans differently."""
    lite = where.replace("IS true", "IS 1").replace("IS false", "IS 0")
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(lite))


def upgrade() -> None:
    _create_parties()
    _create_messages()
    _create_deliveries()
    _index_deliveries()
    _create_attempts()
    _create_receipts()
    _create_books()
    _tune_postgresql()


def _create_parties() -> None:
    op.create_table(
        "parties",
        _text("id", key=True),
        _text("role"),
        _text("kind", null=True),
        _text("name"),
        _text("standing"),
        _text("adapter"),
        _text("endpoint", null=True),
        _text("link"),
        _bool("paused"),
        _bool("gone"),
    )
    op.create_table(
        "keys",
        _text("serial_no", key=True),
        sa.Column("owner_id", sa.Text(), sa.ForeignKey("parties.id"), nullable=False),
        _text("public_pem"),
        _text("status"),
        _big("not_before"),
        _big("not_after"),
        _big("ended_at", null=True),
    )
    revision_table = op.create_table("revision", _int("one", key=True), _big("number"), sa.CheckConstraint("one = 1"))
    op.bulk_insert(revision_table, [{"one": 1, "number": 1}])


def _create_messages() -> None:
    op.create_table("nonces", _text("serial_no", key=True), _text("value", key=True), _big("spent_at"))
    op.create_index("ix_nonces_spent", "nonces", ["spent_at"])
    op.create_table(
        "messages",
        _text("source", key=True),
        _text("id", key=True),
        _text("type"),
        _text("subject"),
        _text("recipient"),
        _text("correlation_id", null=True),
        _text("digest"),
        _bytes("body"),
        _text("origin"),
        _big("received_at"),
        _text("receipt_no"),
        _bytes("receipt"),
        _text("traceparent", null=True),
    )
    op.create_table("subjects", _text("subject", key=True), _big("position"), _text("order_json", null=True))


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        _serial("id"),
        _text("source"),
        _text("message_id"),
        _text("recipient"),
        _text("subject"),
        _big("position"),
        _text("state"),
        _bool("mailed"),
        _bool("stood"),
        _big("due_at", null=True),
        _big("published_at", null=True),
        _int("published_times"),
        _text("worker", null=True),
        _big("token"),
        _int("claims"),
        _int("attempts"),
        _big("accepted_at"),
        _big("ended_at", null=True),
        _big("replay_of", null=True),
        _big("replayed_by", null=True),
    )


def _index_deliveries() -> None:
    ready = "due_at IS NOT NULL AND published_at IS NULL AND worker IS NULL"
    out = "due_at IS NOT NULL AND published_at IS NOT NULL AND worker IS NULL"
    waits = "ended_at IS NULL AND due_at IS NULL AND stood IS false AND state != 'held'"
    dead = "state = 'failed' AND replayed_by IS NULL"
    op.create_index("ix_deliveries_message", "deliveries", ["source", "message_id"])
    _partial("ix_deliveries_live", "deliveries", ["recipient", "subject", "position"], "ended_at IS NULL")
    _partial("ix_deliveries_ready", "deliveries", ["recipient", "due_at", "id"], ready)
    _partial("ix_deliveries_out", "deliveries", ["recipient", "published_at"], out)
    _partial("ix_deliveries_leased", "deliveries", ["worker"], "worker IS NOT NULL")
    _partial("ix_deliveries_waits", "deliveries", ["id"], waits)
    _partial("ix_deliveries_mailed", "deliveries", ["recipient", "id"], "mailed IS true")
    _partial("ix_deliveries_dead", "deliveries", ["id"], dead)


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        _big("delivery_id", key=True),
        _int("number", key=True),
        _big("started_at"),
        _big("ended_at", null=True),
        _text("outcome"),
        _int("http_status", null=True),
        _text("code", null=True),
        _text("text", null=True),
    )
    op.create_table("workers", _text("id", key=True), _big("beat_at"))
    op.create_table("leases", _text("role", key=True), _text("holder"), _big("beat_at"))


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        _text("source", key=True),
        _text("message_id", key=True),
        _big("delivery_id"),
        _text("status"),
        _bytes("body"),
        _text("serial_no"),
        _big("timestamp"),
        _text("nonce"),
        _text("signature"),
        _big("at"),
        _text("method", null=True),
        _text("path", null=True),
        _int("attempt", null=True),
        _int("http_status", null=True),
        _text("code", null=True),
        _text("text", null=True),
    )


def _create_books() -> None:
    op.create_table(
        "alerts",
        _serial("id"),
        _text("code"),
        _text("about"),
        _text("text"),
        _big("first_at"),
        _big("last_at"),
        _int("times"),
        _big("closed_at", null=True),
    )
    _partial("ux_alerts_open", "alerts", ["code", "about"], "closed_at IS NULL", unique=True)
    op.create_table(
        "audits", _serial("id"), _big("at"), _text("actor"), _text("action"), _text("about"), _text("reason")
    )


def _tune_postgresql() -> None:
    """Rows of a queue die soon: keep its partial indexes small, and the planner's picture of it fresh."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
        )
