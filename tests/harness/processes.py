"""Real processes for tests: which user runs them, which ports they get, and how a whole tree of them dies."""

from __future__ import annotations

import fcntl
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

# Below the range from which systems take ports for outgoing connections, so that a server that was killed gets its own
# port back when it is started again.
_PORTS = range(20_000, 32_000)
_RESERVED = Path(tempfile.gettempdir()) / f"wgg-ports-{os.getuid()}"
_HELD: deque[IO[str]] = deque(maxlen=256)


class ServiceError(RuntimeError):
    """A service did not do what the tests need; the text holds the end of its log."""


def free_port() -> int:
    """A loopback port that nothing listens on, and that no other process of the harness was given before it listens.

    A lock on a file of the port's name holds it for this process; the oldest are let go, for files are few.
    """
    _RESERVED.mkdir(exist_ok=True)
    for port in random.sample(_PORTS, min(200, len(_PORTS))):
        held = (_RESERVED / str(port)).open("w")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        if len(_HELD) == _HELD.maxlen:
            _HELD[0].close()
        _HELD.append(held)
        return port
    raise ServiceError("no free loopback port between 20000 and 32000")


def service_user(name: str) -> str | None:
    """Return the system user that must run a service: `name` when we are root, ourselves (None) otherwise."""
    if os.geteuid() != 0:
        return None
    return name if any(entry.pw_name == name for entry in pwd.getpwall()) else None


def service_directory(name: str, user: str | None) -> Path:
    """Make a temporary directory that belongs to the service's user."""
    path = Path(tempfile.mkdtemp(prefix=f"wgg-{name}-"))
    if user is not None:
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
    return path


def _group(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid


def start_process(
    argv: Sequence[str], *, user: str | None, env: Mapping[str, str], cwd: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a service in a session of its own, so that a Ctrl-C on the terminal does not reach it."""
    return subprocess.Popen(
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=user,
        group=_group(user),
        extra_groups=None if user is None else [],
    )


def run_tool(argv: Sequence[str], *, user: str | None, env: Mapping[str, str], cwd: Path, timeout: float = 60) -> str:
    """Run a service's own tool and return its output; ServiceError when it fails."""
    done = subprocess.run(
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        user=user,
        group=_group(user),
        extra_groups=None if user is None else [],
    )
    if done.returncode:
        raise ServiceError(f"{argv[0]} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and all its descendants and wait until they are gone."""
    try:
        root = psutil.Process(process.pid)
        root.suspend()  # it forks no more while its children are listed
        doomed = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        doomed = []
    for each in doomed:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait(timeout=10)
    wait_for(lambda: not any(_lives(each) for each in doomed), timeout=10)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Callable[[], bool], *, timeout: float) -> bool:
    """Poll something of the operating system until it holds; False when it did not in time."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def wait_until(ready: Callable[[], bool], *, alive: Callable[[], bool], what: str, log: Path, timeout: float) -> None:
    """Poll a real service until it is ready; ServiceError with the end of its log when it dies or is too slow."""
    if wait_for(lambda: ready() or not alive(), timeout=timeout) and alive():
        return
    text = log.read_text(errors="replace")[-3000:] if log.exists() else ""
    raise ServiceError(f"{what} did not become ready\n{text}")
