"""A private PostgreSQL for tests: durable as in production, in a temporary directory, on a loopback port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

import psycopg
from psycopg import sql

from tests.harness.processes import (
    ServiceError,
    free_port,
    kill_tree,
    run_tool,
    service_directory,
    service_user,
    start_process,
    wait_until,
)

# fsync and synchronous_commit stay on: the gateway refuses a server without them (architecture point 7).
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "30s",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def postgres_binary(name: str) -> str | None:
    """Find a server program: the newest of Debian's versioned folders, then PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version, reverse=True)
    return str(versions[0]) if versions else shutil.which(name)


def _version(path: Path) -> float:
    try:
        return float(path.parts[4])
    except ValueError:
        return 0.0


def answers(url: str) -> bool:
    """Tell whether a PostgreSQL server takes connections at this URL."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


class Postgres:
    """One private server. `url` names its database `wgg`; `create_database` gives fresh ones."""

    def __init__(self) -> None:
        self.user = service_user("postgres")
        self.home = service_directory("postgres", self.user)
        self.port = free_port()
        self.log = self.home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(self.home), "TZ": "UTC"}

    @property
    def url(self) -> str:
        """The server's URL, as the gateway's `database` setting takes it."""
        return f"postgresql://wgg@127.0.0.1:{self.port}/wgg"

    @property
    def _admin_url(self) -> str:
        return f"postgresql://wgg@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server (its cluster is made at the first start) and wait until it takes connections."""
        if not (self.home / "data").exists():
            self._make_cluster()
        self._launch()
        if not answers(self.url):
            with psycopg.connect(self._admin_url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE wgg")

    def stop(self) -> None:
        """Stop the server as an operator would: connections are cut, everything is flushed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)
            self._process = None

    def kill(self) -> None:
        """SIGKILL the server with all its backends, as a power cut of the process would."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def restart(self) -> None:
        """Stop and start on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server and remove its files."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def _make_cluster(self) -> None:
        argv = [_binary("initdb"), "-D", str(self.home / "data"), "-U", "wgg", "--auth=trust", "--no-sync"]
        run_tool([*argv, "--encoding=UTF8", "--locale=C"], user=self.user, env=self._env, cwd=self.home)

    def _launch(self) -> None:
        argv = [_binary("postgres"), "-D", str(self.home / "data"), "-p", str(self.port), "-k", str(self.home)]
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            process = start_process([*argv, *options], user=self.user, env=self._env, cwd=self.home, log=log)
        self._process = process
        wait_until(
            lambda: answers(self._admin_url),
            alive=lambda: process.poll() is None,
            what="PostgreSQL",
            log=self.log,
            timeout=60,
        )


def _binary(name: str) -> str:
    found = postgres_binary(name)
    if found is None:
        raise ServiceError(f"{name} not found")
    return found


def create_database(server_url: str, *, template: str | None = None) -> str:
    """Make a fresh database on the server of `server_url` and return its URL; `template` is a database's name.

    A template must have no connection open while it is copied.
    """
    name = f"t_{uuid.uuid4().hex[:16]}"
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
    return server_url.rpartition("/")[0] + "/" + name


def drop_database(database_url: str, *, server_url: str) -> None:
    """Remove a database that `create_database` made, with whatever is connected to it."""
    name = database_url.rpartition("/")[2]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
