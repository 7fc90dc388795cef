"""`wgg serve`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import importlib.util
import os
from enum import StrEnum
from typing import Annotated

import typer

from gateway.cli.homes import open_home
from gateway.cli.options import AsJson, Home
from gateway.cli.output import put_line, say
from gateway.config import Settings, check_role, unknown_variables


class Role(StrEnum):
    """What a process does."""

    API = "api"
    RELAY = "relay"
    WORKER = "worker"
    TIMERS = "timers"
    ALL = "all"


def attach(app: typer.Typer) -> None:
    """`wgg serve`."""
    app.command("serve")(serve)


def serve(
    *,
    home: Home,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="监听端口，默认按设置文件")] = None,
    host: Annotated[str | None, typer.Option("--host", metavar="地址", help="监听地址，默认按设置文件")] = None,
    role: Annotated[Role, typer.Option("--role", help="本进程的角色")] = Role.ALL,
    as_json: AsJson = False,
) -> int:
    """启动网关；收到 SIGTERM 后办完手上的事再退出。"""
    settings = _listening(open_home(home), host, port)
    for name in unknown_variables(os.environ):
        say(f"提示：环境变量 {name} 不是本程序的设置，未采用；如系笔误请更正。")
    check_role(settings, role)
    return _run(settings, role, as_json=as_json)


def _listening(settings: Settings, host: str | None, port: int | None) -> Settings:
    named = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"listen": settings.listen.model_copy(update=named)})


def _run(settings: Settings, role: Role, *, as_json: bool) -> int:
    from gateway.bootstrap.process import serve as run_process

    def ready(port: int) -> None:
        url = f"http://{settings.listen.host}:{port}"
        say(f"就绪：{url}（角色 {role}，目录 {settings.home}）")
        if as_json:
            put_line({"url": url, "role": str(role)})

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(run_process(settings, role=role, ready=ready))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where the platform has it."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.Loop
