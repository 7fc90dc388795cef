from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.application import run
from tests.harness.masking_watch import WATCH, is_meant_to_show


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Wgg = Callable[..., Ended]


@pytest.fixture
def wgg(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Wgg]:
    """Run one command line in this process."""
    for name in ("WGG_HOME", "WGG_DEBUG", "WGG_DATABASE", "WGG_BUS"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        with WATCH.looking_away(is_meant_to_show(arguments)):
            captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture
def home(wgg: Wgg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A development home with the platform and one bank on the mailbox; keys lie beside it. WGG_HOME names it."""
    folder = tmp_path / "home"
    assert wgg("init", folder, "--deployment", "test").code == 0
    monkeypatch.setenv("WGG_HOME", str(folder))
    for name in ("platform", "xmccb", "spare"):
        assert wgg("keys", "generate", tmp_path / f"{name}.pem").code == 0
    assert wgg("platform", "add", "--public-key", tmp_path / "platform.pub.pem").code == 0
    added = wgg(
        *("institution", "add", "--id", "xmccb", "--kind", "bank", "--name", "示例银行"),
        *("--public-key", tmp_path / "xmccb.pub.pem", "--adapter", "mailbox", "--live"),
    )
    assert added.code == 0, added.err
    return folder
