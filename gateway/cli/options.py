"""Options that many commands share."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

Home = Annotated[Path, typer.Option("--home", envvar="WGG_HOME", help="网关目录（由 wgg init 建立）", metavar="目录")]
OptionalHome = Annotated[
    Path | None, typer.Option("--home", envvar="WGG_HOME", help="网关目录；不写则用随程序的设置", metavar="目录")
]
AnyHome = Annotated[
    Path | None, typer.Option("--home", envvar="WGG_HOME", help="可写可不写：本命令不需要网关目录", metavar="目录")
]
OwnHome = Annotated[
    Path | None,
    typer.Option("--home", envvar="WGG_HOME", help="可写可不写：本命令自建网关目录，不动所写的目录", metavar="目录"),
]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出结果")]
Operator = Annotated[
    str | None, typer.Option("--operator", help="操作人，写入审计记录；默认为当前系统用户", metavar="姓名")
]
Reason = Annotated[str, typer.Option("--reason", help="原因，写入审计记录", metavar="原因")]
PublicKeyFile = Annotated[Path, typer.Option("--public-key", help="SM2 公钥文件（PEM）", metavar="PUB.pem")]
CertificateFile = Annotated[
    Path | None, typer.Option("--certificate", metavar="F", help="正式测试的证书（wgg conformance official 所签发）")
]
SignerFile = Annotated[
    Path | None,
    typer.Option(
        "--public-key", metavar="PUB.pem", help="签发证书的沙箱网关公钥；默认取设置 onboarding.signer_key_file"
    ),
]
Url = Annotated[str, typer.Option("--url", help="网关地址，例如 http://127.0.0.1:8080", metavar="URL")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多列出的条数")]


def day_option(name: str, text: str) -> Any:
    """An option whose value is a day, YYYY-MM-DD."""
    return typer.Option(name, parser=_parse_day, help=text, metavar="年-月-日")


def _parse_day(text: str | date) -> date:
    # The form is held to ten characters, for fromisoformat takes others too.
    if isinstance(text, date):
        return text
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or str(day) != text:
        raise typer.BadParameter(f"{text} 不是日期，应写作 2026-02-09")
    return day
