from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.store import SqlStore, open_store
from gateway.store.engine import parse_url, postgres_engine, sqlite_engine
from gateway.store.upgrade import upgrade
from tests.harness.postgres import create_database, drop_database


@pytest.fixture(scope="session")
def migrated(postgres_server: str) -> Iterator[str]:
    """Name of a database with the schema and nothing else, to be copied."""
    url = create_database(postgres_server)
    upgrade(url)
    yield url.rpartition("/")[2]
    drop_database(url, server_url=postgres_server)


@pytest.fixture
def postgres_home(postgres_server: str, migrated: str) -> Iterator[str]:
    """URL of a PostgreSQL database with the schema, of the test's own."""
    url = create_database(postgres_server, template=migrated)
    yield url
    drop_database(url, server_url=postgres_server)


@pytest.fixture
def sqlite_home(tmp_path: Path) -> str:
    """URL of a SQLite file with the schema, of the test's own."""
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    upgrade(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest) -> str:
    """The same test on both databases."""
    return str(request.getfixturevalue("sqlite_home" if request.param == "sqlite" else "postgres_home"))


@pytest.fixture
async def store(home: str) -> AsyncIterator[SqlStore]:
    """An open store."""
    opened = open_store(home)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def engine(home: str) -> Iterator[Engine]:
    """The database without the store's facade."""
    made = make_engine(home)
    yield made
    made.dispose()


def make_engine(url: str) -> Engine:
    """An engine as the store makes it for writing."""
    parsed = parse_url(url)
    return sqlite_engine(parsed, writer=True) if url.startswith("sqlite") else postgres_engine(parsed, size=4)
