"""Legal clocks, and their thresholds that were fired.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _texts(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=null) for name in names]


def _bigs(*names: str, null: bool = True) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=null) for name in names]


def _ints(*names: str, null: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=null) for name in names]


def _bools(*names: str) -> list[sa.Column[bool]]:
    return [sa.Column(name, sa.Boolean(), nullable=False) for name in names]


def _partial(name: str, columns: list[str], where: str) -> None:
    lite = where.replace("IS true", "IS 1")
    op.create_index(name, "clocks", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(lite))


def upgrade() -> None:
    _create_clocks()
    op.create_index("ux_clocks_number", "clocks", ["number"], unique=True)
    op.create_index("ix_clocks_subject", "clocks", ["subject"])
    op.create_index("ix_clocks_institution", "clocks", ["institution", "id"])
    _partial("ix_clocks_open", ["scope", "rule"], "ended_at IS NULL")
    _partial("ix_clocks_waiting", ["message_id", "source"], "state = 'waiting'")
    _partial("ix_clocks_next", ["next_at", "id"], "next_at IS NOT NULL")
    _partial("ix_clocks_unsure", ["calendar", "id"], "provisional IS true AND ended_at IS NULL")
    op.create_table(
        "clock_warnings",
        sa.Column("clock", sa.Text(), primary_key=True, nullable=False),
        sa.Column("percent", sa.Integer(), primary_key=True, nullable=False, autoincrement=False),
        *_bigs("fired_at", null=False),
    )


def _create_clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        *_texts("number", "rule", "subject", "scope", "key", "platform"),
        *_texts("institution", "region", null=True),
        *_texts("basis"),
        *_bools("unverified"),
        *_ints("term"),
        *_texts("unit"),
        *_ints("close"),
        *_texts("source", "message_id"),
        *_bigs("created_at", null=False),
        *_texts("awaits", null=True),
        *_bigs("fixed_at"),
        *_texts("state"),
        *_bigs("start_at", "due_at"),
        *_texts("due_date", null=True),
        *_bools("provisional"),
        *_texts("calendar"),
        *_ints("next_percent", null=True),
        *_bigs("next_at", "breached_at", "ended_at"),
        *_texts("ended_by", null=True),
    )
