"""The schema brought forward, by command alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from gateway.store.failures import wrapped
from gateway.store.version import VERSION, plain_engine

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def upgrade(url: str) -> str:
    """Bring the database at `url` to this program's schema; the version reached.

    Raises StoreUnavailable, and ValueError for an address that is none.
    """
    engine = plain_engine(url)
    try:
        with wrapped(), engine.begin() as connection:
            command.upgrade(_config(connection), VERSION)
    finally:
        engine.dispose()
    return VERSION


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
