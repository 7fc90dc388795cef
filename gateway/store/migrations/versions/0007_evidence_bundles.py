"""Leaves found by their subject, timestamps over blocks, and signatures of bundles that were exported.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KNOWN = {
    "message": "SELECT subject FROM deliveries WHERE deliveries.id = evidence_leaves.number",
    "receipt": (
        "SELECT d.subject FROM receipts r JOIN deliveries d ON d.id = r.delivery_id WHERE r.id = evidence_leaves.number"
    ),
    "refusal": "SELECT subject FROM refusals WHERE refusals.id = evidence_leaves.number",
}


def upgrade() -> None:
    op.add_column("evidence_leaves", sa.Column("subject", sa.Text()))
    for kind, found in _KNOWN.items():
        op.execute(f"UPDATE evidence_leaves SET subject = ({found}) WHERE kind = '{kind}'")  # noqa: S608 - no input
    op.create_index("ix_evidence_leaves_subject", "evidence_leaves", ["subject"])
    op.create_table(
        "evidence_stamps",
        sa.Column("height", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("stamped_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "evidence_exports",
        sa.Column("digest", sa.Text(), primary_key=True, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("exported_at", sa.BigInteger(), nullable=False),
    )
