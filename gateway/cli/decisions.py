"""An authority's decision as commands are given it: it goes onto the wire, so the schema's bounds are kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli.exits import USAGE, Failure
from gateway.cli.homes import open_home
from gateway.core.standing import Decision

DecisionNo = Annotated[str, typer.Option("--decision", metavar="文号", help="主管部门决定的文号；生产环境必填")]
Authority = Annotated[str, typer.Option("--authority", metavar="部门", help="作出决定的人社部门；生产环境必填")]
Region = Annotated[str | None, typer.Option("--region", metavar="代码", help="该部门的行政区划代码，6 位数字")]

_BOUNDS: Final = {"--decision": 64, "--authority": 200, "--reason": 2000}
_REGION: Final = re.compile("[0-9]{6}")


def read_decision(home: Path, number: str, *, authority: str, region: str | None, reason: str) -> Decision:
    """The decision; in production a standing changes only by one (domain section 6), a sandbox may try it out."""
    for option, text in (("--decision", number), ("--authority", authority), ("--reason", reason)):
        _check_text(option, text)
    if region is not None and not _REGION.fullmatch(region):
        raise Failure(USAGE, "--region 应为 6 位数字的行政区划代码，例如 350200。")
    if not (number and authority) and open_home(home).environment == "production":
        raise Failure(USAGE, "生产环境须以 --decision 写明主管部门决定的文号，并以 --authority 写明作出决定的部门。")
    return Decision(
        number=number or "未注明（沙箱）", authority=authority or "主管人社部门", region=region, reason=reason or None
    )


def _check_text(option: str, text: str) -> None:
    if len(text) > _BOUNDS[option]:
        raise Failure(USAGE, f"{option} 最多 {_BOUNDS[option]} 个字符。")
    if not all(character.isprintable() for character in text):
        raise Failure(USAGE, f"{option} 不得含换行或其他控制字符。")
