from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from gateway.cli.application import build
from gateway.cli.exits import Failure, explain
from gateway.config import ConfigError
from gateway.core.errors import Problem
from gateway.crypto.faults import KeyFormatError, SecretExposed
from gateway.ports import Duplicate, Missing, StoreUnavailable
from gateway.store import SchemaMismatch
from tests.cli.conftest import Wgg

CHINESE = re.compile("[\u4e00-\u9fff]")

COMMANDS = [
    "init",
    "serve",
    "send",
    "sign",
    "verify",
    "example",
    "doctor",
    "keys generate",
    *(
        f"institution {verb}"
        for verb in ("add", "list", "set", "check", "pause", "resume", "suspend", "restore", "stop", "exit")
    ),
    *(f"institution key {verb}" for verb in ("add", "retire", "revoke")),
    "quickstart",
    "platform add",
    "messages show",
    "messages list",
    "dead list",
    "dead replay",
    "dead discard",
    "forms list",
    "forms render",
    "report",
    "alerts list",
    "alerts close",
    "audit list",
    *(f"evidence {verb}" for verb in ("status", "export", "verify")),
    *(f"sla {verb}" for verb in ("list", "show")),
    *(
        f"onboarding {verb}"
        for verb in ("apply", "attach", "submit", "fetch", "check", "return", "complete", "open", "extend")
    ),
    *(
        f"onboarding {verb}"
        for verb in ("fail", "pass", "go-live", "reinstate", "withdraw", "suspend", "restore", "terminate", "exit")
    ),
    *(f"onboarding {verb}" for verb in ("list", "show")),
    "retention plan",
    "retention run",
    "subject find",
    "seal status",
    "seal rotate",
    "reconcile show",
    "reconcile run",
    *(f"calendar {verb}" for verb in ("show", "check", "due")),
    "deposit quote",
    "db upgrade",
    "db check",
    "simulate institution",
    "simulate platform",
    "simulate defects",
    *(f"conformance {verb}" for verb in ("cases", "judge", "official", "run", "verify")),
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_speaks_chinese_and_names_json(wgg: Wgg, command: str) -> None:
    """Every command explains itself in Chinese and offers --json; the help ends with 0 on the standard output."""
    ended = wgg(*command.split(), "--help")
    assert ended.code == 0
    assert CHINESE.search(ended.out)
    assert not command or "--json" in ended.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "没有命令 'nonsense'"),
        ("institution add", "缺少 --home"),
        ("db check --home /nowhere --json --what", "没有选项 --what"),
        ("institution add --home h --id a --kind fund --name n --public-key k", "--kind 的值不对"),
        ("db check --home /nowhere", "wgg init"),
        ("keys generate out.txt", "应以 .pem 结尾"),
        ("keys generate out.pub.pem", "应以 .pem 结尾"),
    ],
)
def test_a_wrong_line_ends_with_2(wgg: Wgg, line: str, said: str) -> None:
    """Usage faults, a missing home among them, end with 2 and say on the standard error what is wrong."""
    ended = wgg(*line.split())
    assert ended.code == 2
    assert said in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Failure(6, "慢"), 6),
        (RuntimeError("bug"), 1),
        (ConfigError([]), 2),
        (KeyFormatError("x"), 2),
        (Duplicate("x"), 3),
        (SchemaMismatch("数据库版本不符"), 3),
        (Problem("STATE_CONFLICT"), 3),
        (PermissionError("x"), 4),
        (SecretExposed("密钥文件 x"), 4),
        (Missing("x"), 5),
        (FileNotFoundError("x"), 5),
        (Problem("TYPE_UNKNOWN"), 5),
        (TimeoutError(), 6),
        (ConnectionRefusedError("x"), 7),
        (StoreUnavailable("x"), 7),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    """One table says which error ends a command with which code; each says something to people."""
    assert explain(error)[0] == code
    assert CHINESE.search(explain(error)[1])


def test_no_traceback_unless_asked(wgg: Wgg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An internal error is one line with code 1; WGG_DEBUG adds the traceback."""
    (tmp_path / "gateway.yaml").write_text("")
    monkeypatch.setattr("gateway.cli.databases.hide_password", lambda _url: 1 // 0)
    monkeypatch.setattr("gateway.store.check", lambda _url: "")
    ended = wgg("db", "check", "--home", tmp_path)
    assert (ended.code, "Traceback" in ended.err, "内部错误" in ended.err) == (1, False, True)
    monkeypatch.setenv("WGG_DEBUG", "1")
    assert "Traceback" in wgg("db", "check", "--home", tmp_path).err


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command by its words, from the parser itself."""
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from walk(below, (*path, name))
    else:
        yield " ".join(path), command


def test_every_command_takes_a_home_and_json() -> None:
    """As the README promises: --home everywhere, --json everywhere but in the demo."""
    found = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in walk(get_command(build()))
    }
    assert set(COMMANDS) < set(found)
    assert [name for name, options in found.items() if "--home" not in options] == []
    assert [name for name, options in found.items() if "--json" not in options] == ["demo"]


def test_the_list_of_commands_is_whole() -> None:
    """No command is forgotten in these tests; the demo has tests of its own."""
    app = build()
    found = [command.name for command in app.registered_commands if command.name != "demo"]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        found += [f"{group.name} {command.name}" for command in group.typer_instance.registered_commands]
    assert {*found, *(name for name in COMMANDS if name.startswith("institution key"))} == set(COMMANDS)
