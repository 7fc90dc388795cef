"""Which message names which file, and files on their way out.

Until now nobody wrote down which message named a file. Such a file is named by a message without an id, which is never
purged: it stays for good.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=True, nullable=False)


def upgrade() -> None:
    op.add_column("files", sa.Column("leaving_at", sa.BigInteger(), nullable=True))
    op.create_table("namings", _key("source"), _key("message_id"), _key("digest"))
    op.create_index("ix_namings_digest", "namings", ["digest"])
    op.execute("INSERT INTO namings (source, message_id, digest) SELECT DISTINCT source, '', digest FROM mentions")
