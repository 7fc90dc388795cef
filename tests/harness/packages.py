"""Puts PostgreSQL and RabbitMQ onto a bare Debian machine, without letting the packages start servers of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.postgres import postgres_binary
from tests.harness.processes import ServiceError
from tests.harness.rabbit import rabbit_binary

_POLICY = Path("/usr/sbin/policy-rc.d")
_BOUNCY_CASTLE = Path("/usr/share/java/bcprov.jar")

# Package, and what tells that it is here.
_PACKAGES: dict[str, Callable[[], str | None]] = {
    "postgresql": lambda: postgres_binary("initdb"),
    "rabbitmq-server": lambda: rabbit_binary("rabbitmq-server"),
    "postgresql-client": lambda: shutil.which("pg_dump"),
    "poppler-utils": lambda: shutil.which("pdftotext"),
    "curl": lambda: shutil.which("curl"),
    "jq": lambda: shutil.which("jq"),
    "libbcprov-java": lambda: str(_BOUNCY_CASTLE) if _BOUNCY_CASTLE.exists() else None,
}


def install_missing(*names: str) -> None:
    """Install those of the named Debian packages whose programs are not here; ServiceError when that is impossible."""
    missing = [name for name in names if _PACKAGES[name]() is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        listed = " ".join(missing)
        raise ServiceError(
            f"缺少 {listed}。请以 root 执行 apt-get install {listed}，"
            "或设置 WGG_TEST_DATABASE_URL 与 WGG_TEST_AMQP_URL 指向可用的服务。"
        )
    print(f"正在安装：{' '.join(missing)}", file=sys.stderr)
    with _no_service_starts():
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", *missing)


def _apt_get(*arguments: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", "-q", *arguments], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceError(f"apt-get {' '.join(arguments)} 失败：\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian asks this file whether a package may start its service; ours are private instances."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
