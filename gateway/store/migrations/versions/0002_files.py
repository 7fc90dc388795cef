"""Files: who put which, which messages name which, and the guarantees that messages issue.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBERS = {
    "sqlite": "json_extract(CAST(body AS TEXT), '$.data.guaranteeNo')",
    "postgresql": "convert_from(body, 'UTF8')::json -> 'data' ->> 'guaranteeNo'",
}


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=True, nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    op.create_table("files", _key("digest"), _key("party_id"), _big("size"), _big("put_at"))
    op.create_table("mentions", _key("digest"), _key("source"), _key("recipient"))
    op.create_table("guarantees", _key("number"), _key("source"), _key("message_id"))
    _know_issued_guarantees()


def _know_issued_guarantees() -> None:
    """Guarantees that were issued before this revision are found by their numbers too."""
    number = _NUMBERS[op.get_bind().dialect.name]
    issued = f"SELECT {number}, source, id FROM messages WHERE type = 'guarantee.issued.v1'"  # noqa: S608 - no input
    op.execute(f"INSERT INTO guarantees (number, source, message_id) {issued}")
