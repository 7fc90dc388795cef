"""What processes and their backends in PostgreSQL used of the CPU, read from the kernel's own accounts (Linux)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import psycopg

_TICK: Final = os.sysconf("SC_CLK_TCK")
_BACKENDS: Final = "SELECT pid, client_port FROM pg_stat_activity"


def used_by(pid: int) -> float:
    """Seconds of CPU that a process used so far; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def used_by_server(connection: psycopg.Connection) -> float:
    """Seconds of CPU that the server's processes used so far."""
    return sum(used_by(pid) for pid, _ in connection.execute(_BACKENDS).fetchall())


def used_for(pid: int, connection: psycopg.Connection) -> float:
    """Seconds of CPU that a process and the backends that it is connected to used so far."""
    ports = _ports(pid)
    backends = connection.execute(_BACKENDS).fetchall()
    return used_by(pid) + sum(used_by(backend) for backend, port in backends if port in ports)


def _ports(pid: int) -> set[int]:
    """The local ports of the process's TCP connections."""
    open_files = (str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir())
    sockets = {name.removeprefix("socket:[").removesuffix("]") for name in open_files}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in sockets}
