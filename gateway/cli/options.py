"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[Path, typer.Option("--home", envvar="WGG_HOME", help="网关目录（由 wgg init 建立）", metavar="目录")]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出结果")]
Operator = Annotated[
    str | None, typer.Option("--operator", help="操作人，写入审计记录；默认为当前系统用户", metavar="姓名")
]
Reason = Annotated[str, typer.Option("--reason", help="原因，写入审计记录", metavar="原因")]
PublicKeyFile = Annotated[Path, typer.Option("--public-key", help="SM2 公钥文件（PEM）", metavar="PUB.pem")]
Url = Annotated[str, typer.Option("--url", help="网关地址，例如 http://127.0.0.1:8080", metavar="URL")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多列出的条数")]
