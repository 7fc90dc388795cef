"""Evidence: the chain of blocks, refusals and key changes to be sealed, receipts numbered in the order they came.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_RECEIPT = (
    "source, message_id, delivery_id, status, body, serial_no, timestamp, nonce, signature, at, method, path, attempt,"
    " http_status, code, text"
)
_KNOWN_KEYS = (
    "INSERT INTO key_events (at, event, owner_id, serial_no, public_pem, status, not_before, not_after, ended_at,"
    " actor, reason) SELECT COALESCE(ended_at, not_before), status, owner_id, serial_no, public_pem, status,"
    " not_before, not_after, ended_at, 'wgg db upgrade', '升级前已登记' FROM keys ORDER BY not_before, serial_no"
)


def _serial() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null, primary_key=key)


def _big(name: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null, primary_key=key, autoincrement=False)


def _int(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    _create_chain()
    _create_refusals()
    _create_key_events()
    _number_receipts()


def _create_chain() -> None:
    op.create_table(
        "evidence_blocks", _big("height", key=True), _text("digest"), _bytes("header"), _text("signature"),
        _big("sealed_at"),
    )  # fmt: skip
    op.create_table(
        "evidence_leaves", _text("kind", key=True), _big("number", key=True), _big("height"), _int("place"),
        _text("hash"),
    )  # fmt: skip
    op.create_index("ix_evidence_leaves_block", "evidence_leaves", ["height", "place"])
    op.create_table("evidence_cursors", _text("kind", key=True), _big("done"), _big("pending"), _big("horizon"))
    op.create_table("evidence_case_orders", _text("case_no", key=True), _text("subject", key=True))


def _create_refusals() -> None:
    op.create_table(
        "refusals",
        _serial(),
        _big("at"),
        *(_text(name) for name in ("sender", "serial_no", "code", "digest", "origin")),
        *(_text(name, null=True) for name in ("message_id", "type", "subject")),
    )
    op.create_index("ix_refusals_subject", "refusals", ["subject"])


def _create_key_events() -> None:
    op.create_table(
        "key_events",
        _serial(),
        _big("at"),
        *(_text(name) for name in ("event", "owner_id", "serial_no", "public_pem", "status")),
        _big("not_before"),
        _big("not_after"),
        _big("ended_at", null=True),
        _text("actor"),
        _text("reason"),
    )
    op.create_index("ix_key_events_serial", "key_events", ["serial_no"])
    op.execute(_KNOWN_KEYS)


def _number_receipts() -> None:
    """A new table in place of the old: SQLite adds no primary key to a table that stands."""
    op.create_table(
        "receipts_numbered",
        _serial(),
        _text("source"),
        _text("message_id"),
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
    op.execute(f"INSERT INTO receipts_numbered ({_RECEIPT}) SELECT {_RECEIPT} FROM receipts ORDER BY at")  # noqa: S608
    op.drop_table("receipts")
    op.rename_table("receipts_numbered", "receipts")
    op.create_index("ux_receipts_message", "receipts", ["source", "message_id"], unique=True)
