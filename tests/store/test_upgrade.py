from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import gateway.store
from gateway.ports import StoreUnavailable
from gateway.store import HomeInUse, SchemaMismatch, UnsafeDatabase, check, lock_home, open_store
from gateway.store.engine import parse_url
from gateway.store.schema import METADATA
from gateway.store.upgrade import upgrade
from gateway.store.version import VERSION
from tests.harness.processes import free_port


def test_migrations_make_the_schema_that_the_statements_know(engine: Engine) -> None:
    """Nothing is to be added to or taken from an upgraded database."""
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_partial_indexes_are_the_ones_that_the_statements_ask_for(engine: Engine) -> None:
    """Both databases show each index with the condition of the schema."""
    where = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    with engine.begin() as connection:
        found = dict(connection.execute(text(where[connection.dialect.name])).all())
    for index in METADATA.tables["deliveries"].indexes:
        condition = index.dialect_options[engine.dialect.name]["where"]
        assert (condition is not None) == ("WHERE" in found[str(index.name)])


def test_the_version_that_starts_are_held_to_is_the_last_migration() -> None:
    """The program names it itself; Alembic finds it in the folder of the migrations."""
    assert ScriptDirectory(str(Path(gateway.store.__file__).parent / "migrations")).get_current_head() == VERSION


def test_upgrade_may_run_again(home: str) -> None:
    """An upgraded database is left as it is."""
    assert upgrade(home) == check(home)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_another_version_is_refused(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Neither an empty database nor one of another version is served; the message says what to do."""
    url = f"sqlite:///{tmp_path / 'new.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    store = open_store(url)
    with pytest.raises(SchemaMismatch, match="wgg db upgrade"):
        await store.open()
    await store.close()
    with pytest.raises(SchemaMismatch):
        check(url)


def test_newer_version_is_refused(home: str, engine: Engine) -> None:
    """A database that a newer program upgraded is not touched."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="9999"):
        check(home)


def test_postgresql_that_forgets_commits_is_refused(postgres_home: str) -> None:
    """synchronous_commit off loses what was confirmed (architecture point 7)."""
    name = postgres_home.rpartition("/")[2]
    with psycopg.connect(postgres_home, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(UnsafeDatabase, match="synchronous_commit"):
        check(postgres_home)


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "oracle:x"])
def test_other_addresses_are_refused(url: str) -> None:
    """Only files and PostgreSQL servers keep what they confirm."""
    with pytest.raises(ValueError, match="sqlite:///"):
        parse_url(url)


def test_address_in_a_message_hides_its_password() -> None:
    """What is told about a bad address carries no secret."""
    with pytest.raises(ValueError, match=r"\*\*\*") as caught:
        parse_url("mysql://user:secret@host/db")
    assert "secret" not in str(caught.value)


async def test_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    """Nothing listens, or no file can be made."""
    away = [f"postgresql://wgg@127.0.0.1:{free_port()}/wgg", f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}"]
    for url in away:
        store = open_store(url)
        with pytest.raises(StoreUnavailable):
            await store.open()
        await store.close()
        with pytest.raises(StoreUnavailable):
            upgrade(url)


def test_home_is_locked_for_one(tmp_path: Path) -> None:
    """A second server of a home is told so; the lock goes with its holder."""
    path = tmp_path / "gateway.lock"
    with lock_home(path):
        with pytest.raises(HomeInUse, match="wgg serve"), lock_home(path):
            pytest.fail("locked twice")
        assert stat.S_ISREG(path.stat().st_mode)
    with lock_home(path):
        assert path.exists()
