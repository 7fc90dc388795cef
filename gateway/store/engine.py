"""Engines for the two databases, as safe as the gateway's promises need them.

A frozen server, a cut cable or a full pool must surface within seconds: every wait here has an end.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

from gateway.store.dialect import POSTGRESQL, name_of

CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final = 15
LOCK_SECONDS: Final = 10

# Seconds and counts of libpq; a peer that vanished is noticed after about ten seconds. Plans are made for each call,
# for one that was made while a table was small scans it when it is big.
_LIBPQ: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "wgg",
    "options": (
        f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={LOCK_SECONDS}s"
        " -c idle_in_transaction_session_timeout=30s -c timezone=UTC -c plan_cache_mode=force_custom_plan"
    ),
}

_FORMS: Final = "请使用 sqlite:///路径 或 postgresql://用户:口令@主机:端口/库名。"
_PAGES: Final = "cache_size=-1024"
"""KiB that a connection keeps, half of SQLite's own measure: the kernel keeps them too. No slower, and 3 MiB less."""
_SQLITE_MINIMUM: Final = (3, 38, 0)


class UnsafeDatabase(ValueError):  # noqa: N818 - a condition that the command tells to people
    """The database's settings do not keep what it confirms."""


def parse_url(url: str) -> URL:
    """Read `sqlite:///path` or `postgresql://…` as people write them. ValueError for anything else."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise ValueError(f"数据库地址无法识别，{_FORMS}") from error
    backend = parsed.get_backend_name()
    if backend == POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite+pysqlite")
    raise ValueError(f"不支持的数据库地址：{parsed.render_as_string()}，{_FORMS}")


def postgres_engine(url: URL, *, size: int) -> Engine:
    """An engine with at most `size` connections."""
    return create_engine(url, poolclass=QueuePool, **_pooled(size))


def postgres_loop_engine(url: URL, *, size: int) -> Engine:
    """The same for greenlets of an event loop. Whoever takes a connection gives it back outside a transaction.

    A plain engine over the asynchronous driver: the class that wraps one for coroutines brings the whole ORM along,
    11 MiB of every process.
    """
    asynchronous = url.set(drivername=f"{POSTGRESQL}+psycopg_async")
    return create_engine(asynchronous, poolclass=AsyncAdaptedQueuePool, pool_reset_on_return=None, **_pooled(size))


def _pooled(size: int) -> dict[str, Any]:
    return {
        "connect_args": _LIBPQ,
        "pool_size": size,
        "max_overflow": 0,
        "pool_timeout": CONNECT_SECONDS,
        "isolation_level": "READ COMMITTED",
    }


def sqlite_engine(url: URL, *, writer: bool, size: int = 1) -> Engine:
    """An engine with at most `size` connections; a writer's transactions begin as IMMEDIATE, others only read."""
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=size, max_overflow=0, connect_args={"check_same_thread": False}
    )
    begin = "BEGIN IMMEDIATE" if writer else "BEGIN"

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and is never IMMEDIATE
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON", _PAGES):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA query_only={'OFF' if writer else 'ON'}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def check_safety(connection: Connection) -> None:
    """Raise UnsafeDatabase unless a COMMIT that returned is on disk (architecture point 7)."""
    if name_of(connection) == POSTGRESQL:
        _check_postgres(connection)
    else:
        _check_sqlite(connection)


def _check_postgres(connection: Connection) -> None:
    for setting in ("fsync", "synchronous_commit"):
        if connection.execute(text(f"SHOW {setting}")).scalar_one() == "off":
            raise UnsafeDatabase(f"PostgreSQL 的 {setting} 为 off，已确认的报文可能丢失；请改为 on 后再启动。")


def _check_sqlite(connection: Connection) -> None:
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if mode != "wal":
        raise UnsafeDatabase(f"SQLite 无法使用 WAL（当前 {mode}）；请把数据库放在本机磁盘上。")
    version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
    if tuple(int(part) for part in version.split(".")) < _SQLITE_MINIMUM:
        raise UnsafeDatabase(f"SQLite 版本 {version} 过旧，需要 3.38 或更新版本。")
