"""Reconciliations, and the indexes that find a day's messages and the answers.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = sa.text("answered_at IS NULL AND reminded_at IS NULL")
_ANSWER = sa.text("type = 'reconciliation.answer.v1'")


def _text(name: str, *, empty: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=empty)


def _big(name: str, *, empty: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=empty)


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("number", sa.Text(), primary_key=True, nullable=False),
        _text("institution"),
        _text("day"),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        _big("starts_at"),
        _big("ends_at"),
        _big("drawn_at"),
        _big("answer_due"),
        _text("message_id"),
        _big("answered_at", empty=True),
        _text("answer_id", empty=True),
        _text("result", empty=True),
        _text("findings"),
        _big("reminded_at", empty=True),
        sa.UniqueConstraint("day", "institution", "part", name="ux_reconciliations_day"),
    )
    op.create_index("ix_reconciliations_drawn", "reconciliations", ["drawn_at"])
    op.create_index(
        "ix_reconciliations_open", "reconciliations", ["answer_due"], postgresql_where=_OPEN, sqlite_where=_OPEN
    )
    op.create_index("ix_messages_received", "messages", ["received_at"])
    op.create_index(
        "ix_messages_answers", "messages", ["source", "subject"], postgresql_where=_ANSWER, sqlite_where=_ANSWER
    )
