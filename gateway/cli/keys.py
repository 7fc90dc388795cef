"""`wgg keys generate`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exits import USAGE, Failure
from gateway.cli.key_files import public_path, write_private_key
from gateway.cli.options import AnyHome, AsJson
from gateway.cli.output import put_record, say


def attach(app: typer.Typer) -> None:
    """`wgg keys …`."""
    app.command("generate")(generate)
    app.callback()(_group)


def _group() -> None:
    """密钥生成。"""


def generate(
    *,
    out: Annotated[Path, typer.Argument(metavar="OUT.pem", help="私钥文件；公钥写到同名 .pub.pem")],
    as_json: AsJson = False,
    home: AnyHome = None,
) -> None:
    """生成一对 SM2 密钥，权限 0600，打印公钥序列号；不覆盖已有文件。"""
    from gateway.crypto.keys import PrivateKey

    del home
    if out.suffix != ".pem" or out.name.endswith(".pub.pem"):
        raise Failure(USAGE, f"私钥文件名应以 .pem 结尾（现为 {out.name}）。")
    private = PrivateKey.generate()
    write_private_key(out, private)
    record = {"serialNo": private.serial_no, "privateKey": str(out), "publicKey": str(public_path(out))}
    put_record(record, as_json=as_json, text=private.serial_no)
    say(f"私钥 {out}（请妥善保管，不要外传），公钥 {public_path(out)}。")
