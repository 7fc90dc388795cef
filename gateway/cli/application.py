"""The command line put together, and the one place where its errors become exit codes."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import typer
from typer.exceptions import TyperException

from gateway.cli import (
    alerts,
    audits,
    calendar,
    conformance,
    databases,
    dead,
    demo,
    deposit,
    doctor,
    evidence,
    examples,
    forms,
    initialise,
    institution_keys,
    institutions,
    keys,
    messages,
    onboarding,
    platforms,
    quickstart,
    reconciling,
    reporting,
    retaining,
    seals,
    sending,
    serving,
    signing,
    simulating,
    sla,
    standings,
    subjects,
)
from gateway.cli.exits import INTERNAL, OK, USAGE, explain
from gateway.cli.output import say

_INTERRUPTED = 130
_HELP = "工资保证金网关：在市级平台与银行、保险、担保机构之间可靠传递签名报文。"


def build() -> typer.Typer:
    """All commands."""
    app = _group(_HELP)
    for module in (demo, quickstart, initialise, serving, sending, signing, examples, doctor, reporting):
        module.attach(app)
    institution = _group("机构的登记、设置与停复")
    for module in (institutions, standings):
        module.attach(institution)
    institution.add_typer(_filled(institution_keys, "公钥的登记、停用与吊销"), name="key")
    app.add_typer(institution, name="institution")
    for name, module, text in (
        ("keys", keys, "密钥生成"),
        ("platform", platforms, "平台的登记"),
        ("messages", messages, "查询报文"),
        ("forms", forms, "打印表格、保函与受理凭证"),
        ("sla", sla, "法定期限的查询"),
        ("onboarding", onboarding, "机构对接：申请、材料、排队、测试、上线"),
        ("dead", dead, "死信的查询、重投与作废"),
        ("alerts", alerts, "告警的查询与关闭"),
        ("audit", audits, "审计记录"),
        ("reconcile", reconciling, "日对账的编制与核对"),
        ("retention", retaining, "保存期限与清除"),
        ("subject", subjects, "个人数据的查找"),
        ("seal", seals, "机密数据的封存密钥"),
        ("calendar", calendar, "工作日历与到期日"),
        ("deposit", deposit, "工资保证金测算"),
        ("evidence", evidence, "存证：封块、导出与核验"),
        ("db", databases, "数据库结构"),
        ("simulate", simulating, "模拟对手方"),
        ("conformance", conformance, "一致性测试"),
    ):
        app.add_typer(_filled(module, text), name=name)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. No traceback but with WGG_DEBUG set."""
    if not arguments or "--help" in arguments:
        _speak_chinese()
    try:
        result = build()(args=list(arguments), prog_name="wgg", standalone_mode=False)
    except TyperException as error:
        return _tell_usage(error)
    except typer.Abort:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the rim: every error gets its code and its text here
        return _tell(error)
    return result if isinstance(result, int) else OK


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _filled(module: Any, text: str) -> typer.Typer:
    group = _group(text)
    module.attach(group)
    return group


def _tell(error: Exception) -> int:
    code, text = explain(error)
    if os.environ.get("WGG_DEBUG"):
        say("".join(traceback.format_exception(error)))
    say(text)
    return code or INTERNAL


def _tell_usage(error: TyperException) -> int:
    """Typer's classes for what is wrong with a line are not public: their names are, and so is what they hold."""
    describe = _USAGE.get(type(error).__name__, str)
    if describe is not None:  # else the help has been printed
        say(f"用法有误：{describe(error)}")
        context = getattr(error, "ctx", None)
        say(f"请用 {context.command_path if context else 'wgg'} --help 查看用法。")
    return USAGE


def _name(error: TyperException) -> str:
    parameter = getattr(error, "param", None)
    if parameter is None:
        return "参数"
    return str(parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar or parameter.name)


_USAGE: Final[Mapping[str, Callable[[TyperException], str] | None]] = {
    "NoArgsIsHelpError": None,
    "UsageError": lambda error: error.message.replace("No such command", "没有命令").rstrip("."),
    "MissingParameter": lambda error: f"缺少 {_name(error)}",
    "NoSuchOption": lambda error: f"没有选项 {getattr(error, 'option_name', '')}",
    "BadParameter": lambda error: f"{_name(error)} 的值不对：{error.message}",
}


def _speak_chinese() -> None:
    """The titles of the help's panels; loaded only where help is printed."""
    from typer import rich_utils

    rich_utils.OPTIONS_PANEL_TITLE = "选项"
    rich_utils.COMMANDS_PANEL_TITLE = "命令"
    rich_utils.ARGUMENTS_PANEL_TITLE = "参数"
    rich_utils.DEFAULT_STRING = "[默认：{}]"
    rich_utils.ENVVAR_STRING = "[环境变量：{}]"
    rich_utils.REQUIRED_LONG_STRING = "[必填]"
