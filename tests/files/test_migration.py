from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import select

from gateway.store.file_tables import GUARANTEES
from gateway.store.rows import INSERT_MESSAGE, message_row
from gateway.store.upgrade import _config, upgrade
from tests.store.builders import make_message
from tests.store.conftest import make_engine

BODY = '{"data":{"guaranteeNo":"闽保〔2026〕1号"}}'.encode()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_guarantees_of_before_are_found_by_number(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What was issued before the revision that keeps numbers is found afterwards; other messages are not."""
    url = f"sqlite:///{tmp_path / 'old.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine = make_engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0001")
        connection.execute(INSERT_MESSAGE, message_row(make_message("i1", body=BODY)))
        connection.execute(INSERT_MESSAGE, message_row(make_message("s1", type="order.status.v1", body=b"{}")))
    upgrade(url)
    with engine.begin() as connection:
        assert connection.execute(select(GUARANTEES)).all() == [("闽保〔2026〕1号", "xmccb", "i1")]
    engine.dispose()
