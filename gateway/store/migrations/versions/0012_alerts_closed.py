"""Why an alert was closed; indexes for those who look for clocks and for a subject's messages.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _partial(name: str, where: str) -> None:
    op.create_index(name, "clocks", ["state", "id"], postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def upgrade() -> None:
    op.add_column("alerts", sa.Column("closed_reason", sa.Text(), nullable=True))
    op.create_index("ix_deliveries_subject", "deliveries", ["subject", "id"])
    _partial("ix_clocks_state", "ended_at IS NULL")
    _partial("ix_clocks_late", "breached_at IS NOT NULL AND ended_at IS NULL")
