"""A command's way to its home and its store."""

from __future__ import annotations

import asyncio
import getpass
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from gateway.cli.output import say
from gateway.config import Settings, load_settings
from gateway.ports import Audit, Store

T = TypeVar("T")
NO_REASON: Final = "未写明原因"


def now_us() -> int:
    """This moment, microseconds UTC."""
    return time.time_ns() // 1000


def open_home(home: Path) -> Settings:
    """The home's settings under this environment; ConfigError."""
    return load_settings(home, os.environ)


def leave_alone(home: Path | None) -> None:
    """Tell whoever named a home, or has one in the environment, that this command makes its own."""
    if home is not None:
        say(f"提示：本命令自建网关目录，没有动用 {home}。")


def in_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """What `work` returns over the home's store."""
    return asyncio.run(_run(settings, work))


async def _run(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    from gateway.bootstrap import open_home_store

    async with open_home_store(settings) as store:
        return await work(store)


def system_user() -> str:
    """Who runs the command, by name where the system knows one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid:{os.getuid()}"


def make_audit(action: str, about: str, *, operator: str | None, reason: str) -> Audit:
    """An audit row; its actor is the operator named, else the system's user. A missing reason is told as such."""
    return Audit(actor=operator or system_user(), action=action, about=about, reason=reason.strip() or NO_REASON)
