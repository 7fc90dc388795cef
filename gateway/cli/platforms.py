"""`wgg platform add`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.homes import open_home
from gateway.cli.institutions import Adapter, Endpoint, LinkFile, default_link, register
from gateway.cli.options import AsJson, Home, Operator, PublicKeyFile
from gateway.cli.registering import check_channel
from gateway.config import load_link
from gateway.core.party import PLATFORM, Party, Standing


def attach(app: typer.Typer) -> None:
    """`wgg platform …`."""
    app.command("add")(add)
    app.callback()(_group)


def _group() -> None:
    """平台的登记；修改请用 wgg institution set platform。"""


def add(
    *,
    home: Home,
    public_key: PublicKeyFile,
    name: Annotated[str, typer.Option("--name", metavar="名称", help="平台名称")] = "工资保证金监管平台",
    adapter: Adapter = "mailbox",
    endpoint: Endpoint = None,
    file: LinkFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """登记主管部门的平台及其公钥；默认由平台来取报文。"""
    settings = open_home(home)
    check_channel(adapter, endpoint, settings.endpoint_policy)
    party = Party(
        id=PLATFORM,
        role=PLATFORM,
        kind=None,
        name=name,
        standing=Standing.LIVE,
        adapter=adapter,
        endpoint=endpoint,
        link=load_link(file) if file else default_link(settings.delivery),
    )
    register(settings, party, public_key, operator=operator, as_json=as_json)
