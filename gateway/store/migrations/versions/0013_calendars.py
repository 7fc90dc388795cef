"""Which calendar counts; an index of the clocks that the arrangement of days decides.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RECKONED = sa.text("ended_at IS NULL AND unit = 'working_days' AND start_at IS NOT NULL AND fixed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "calendars",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("adopted_at", sa.BigInteger(), nullable=False),
    )
    op.drop_index("ix_clocks_unsure", "clocks")
    columns = ["calendar", "id"]
    op.create_index("ix_clocks_reckoned", "clocks", columns, postgresql_where=_RECKONED, sqlite_where=_RECKONED)
