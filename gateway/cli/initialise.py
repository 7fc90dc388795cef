"""`wgg init`: a home from nothing."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.exits import CHECK, USAGE, Failure
from gateway.cli.homes import now_us, open_home, system_user
from gateway.cli.key_files import write_private_key
from gateway.cli.options import AsJson, Operator
from gateway.cli.output import put_record, say
from gateway.config import SETTINGS_FILE, ConfigError, HomeFile, Mistake, render_home_file

_PRIVATE_FOLDER = 0o700


def attach(app: typer.Typer) -> None:
    """`wgg init`."""
    app.command("init")(initialise)


def initialise(
    *,
    folder: Annotated[
        Path | None, typer.Argument(metavar="目录", help="新网关目录，须不存在或为空；也可用 --home 写明")
    ] = None,
    # A new home is never taken from the environment: WGG_HOME names one that is in use.
    home: Annotated[Path | None, typer.Option("--home", metavar="目录", help="新网关目录的另一种写法")] = None,
    production: Annotated[bool, typer.Option("--production", help="生产目录：不许回环地址与明文 http")] = False,
    deployment: Annotated[str | None, typer.Option("--deployment", help="部署名称，默认取目录名")] = None,
    database: Annotated[str | None, typer.Option("--database", help="sqlite:///文件 或 postgresql://…")] = None,
    bus: Annotated[str | None, typer.Option("--bus", help="local 或 amqp://…")] = None,
    clock_rate: Annotated[
        int | None,
        typer.Option("--clock-rate", min=1, max=1_000_000, help="法定期限快进的倍数，仅限开发目录（演示用）"),
    ] = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """建立网关目录：设置文件、网关密钥与空数据库。"""
    home = _choose_home(folder, home)
    values: dict[str, Any] = {
        "environment": "production" if production else "sandbox",
        "development": not production,
        "deployment": deployment or home.name,
    }
    values |= {name: value for name, value in (("database", database), ("bus", bus)) if value}
    if clock_rate is not None and clock_rate > 1:
        values["clock"] = {"rate": clock_rate, "epoch": now_us() // 1_000_000}
    serial_no = _make(home, _render(values), operator)
    put_record(
        {"home": str(home), "environment": values["environment"], "gatewaySerialNo": serial_no},
        as_json=as_json,
        text=f"网关目录 {home}\n网关公钥序列号 {serial_no}",
    )
    say(_next_steps(home, production=production))


def _choose_home(folder: Path | None, home: Path | None) -> Path:
    named = {path.resolve() for path in (folder, home) if path is not None}
    if len(named) != 1:
        raise Failure(USAGE, "请写明一个新网关目录：wgg init 目录，或 wgg init --home 目录。")
    (chosen,) = named
    if chosen.exists() and (not chosen.is_dir() or any(chosen.iterdir())):
        raise Failure(CHECK, f"{chosen} 已存在且不为空，未作改动；请换一个目录。")
    return chosen


def _render(values: dict[str, Any]) -> str:
    try:
        return render_home_file(values)
    except ValueError as error:
        raise ConfigError([Mistake(file="wgg init", field="--database / --bus", text=str(error))]) from error


def _make(home: Path, text: str, operator: str | None) -> str:
    """Everything or nothing: what a failed attempt made is taken away, so that it can be tried again."""
    fresh = not home.exists()
    home.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    try:
        return _fill(home, text, operator)
    except BaseException:
        for made in home.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        if fresh:
            home.rmdir()
        raise


def _fill(home: Path, text: str, operator: str | None) -> str:
    from gateway.bootstrap import found_home
    from gateway.bootstrap.sealing import write_home_keys
    from gateway.crypto.keys import PrivateKey
    from gateway.crypto.sm4 import new_key

    (home / SETTINGS_FILE).write_text(text, encoding="utf-8")
    (home / SETTINGS_FILE).chmod(0o600)  # it may hold passwords
    settings = open_home(home)
    private = PrivateKey.generate()
    settings.key_file.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_private_key(settings.key_file, private)
    write_home_keys(settings.seal_key_file, [new_key()])
    asyncio.run(found_home(settings, actor=operator or system_user(), now=now_us()))
    return private.serial_no


def _next_steps(home: Path, *, production: bool) -> str:
    live = "；上线凭正式测试的证书，须两名操作员，见 docs/onboarding.md" if production else " --live"
    public = home / HomeFile().key_file.with_suffix(".pub.pem")
    return f"""下一步：
  1. 查看并修改 {home / SETTINGS_FILE}，每项都有说明；
  2. 登记平台：wgg platform add --home {home} --public-key 平台公钥.pem
  3. 登记机构：wgg institution add --home {home} --id 标识 --kind bank --name 名称 --public-key 公钥.pem \
--endpoint 接收地址{live}
  4. 检查：wgg doctor --home {home}
  5. 启动：wgg serve --home {home}
网关公钥 {public} 交给各对手方；私钥与封存密钥 {home / HomeFile().seal_key_file} 请妥善备份。"""
