"""Which institution holds an order that is not over: to give orders back, and to let an institution go.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MEMBERS = {
    "sqlite": "json_extract(order_json, '$.{name}')",
    "postgresql": "order_json::json ->> '{name}'",
}


def upgrade() -> None:
    op.add_column("subjects", sa.Column("held_by", sa.Text()))
    held = sa.text("held_by IS NOT NULL")
    op.create_index("ix_subjects_held", "subjects", ["held_by", "subject"], postgresql_where=held, sqlite_where=held)
    _know_orders_that_are_held()


def _know_orders_that_are_held() -> None:
    """Orders of before this revision; a case's row names no institution."""
    member = _MEMBERS[op.get_bind().dialect.name]
    institution, state = (member.format(name=name) for name in ("institution", "state"))
    over = "('rejected', 'cancelled', 'lapsed', 'released')"
    where = f"order_json IS NOT NULL AND {institution} IS NOT NULL AND {state} NOT IN {over}"
    op.execute(f"UPDATE subjects SET held_by = {institution} WHERE {where}")  # noqa: S608 - no input
