"""`wgg reconcile show|run`: what people see of a reconciliation, and what they may ask for."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli.application import run as main
from gateway.core.reconciliation_causes import explain
from gateway.ports import Reconciliation
from gateway.store import open_store
from tests.harness.fake_clock import START
from tests.harness.gateway import Founded

ROW = Reconciliation(
    number="DZ-xmccb-202611190001",
    institution="xmccb",
    day="2026-11-19",
    part=1,
    parts=1,
    starts_at=START - 2,
    ends_at=START - 1,
    drawn_at=START,
    answer_due=START + 1,
    message_id="reconcile-xmccb-20261119-0001",
)
CLAIM = {"source": "platform", "id": "m1", "kind": "missing_there"}


@pytest.fixture
def home(founded: Founded, tmp_path: Path) -> Path:
    """A home with one reconciliation that was answered with a difference."""
    folder = tmp_path / "home"
    shutil.copytree(founded.folder, folder)
    asyncio.run(_fill(f"sqlite:///{folder / 'gateway.db'}"))
    return folder


async def _fill(url: str) -> None:
    store = open_store(url)
    findings = explain("xmccb", {"result": "differs", "differences": [CLAIM]}, digest="", listed=frozenset(), kept={})
    await store.draw_up([ROW], [], now=START)
    done = replace(ROW, answered_at=START, answer_id="a1", result="differs", findings=findings)
    await store.conclude(done, [], now=START)
    await store.close()


def test_show_tells_each_difference_with_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names result, cause and advice; --json has them all."""
    assert main(["reconcile", "show", "--home", str(home), "--day", "2026-11-19"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("xmccb", "不符", "从未受理", "重新发送"))
    assert main(["reconcile", "show", "--home", str(home), "--institution", "xmccb", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["result"], record["findings"][0]["cause"]) == ("differs", "unknown_to_us")
    assert main(["reconcile", "show", "--home", str(home), "--institution", "picc", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (["--day", "2026-11-21"], 2, "不是工作日"),
        (["--day", "2199-01-02"], 2, "下一工作日"),
        (["--institution", "nobody"], 5, "没有机构 nobody"),
    ],
)
def test_run_refuses_what_cannot_be_drawn_up(
    home: Path, capsys: pytest.CaptureFixture[str], line: list[str], code: int, said: str
) -> None:
    """A weekend, a day that is not over, or a stranger is refused with the reason."""
    assert main(["reconcile", "run", "--home", str(home), *line]) == code
    assert said in capsys.readouterr().err


def test_run_is_audited(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is due is drawn up, and who asked stands in the audit log."""
    asked = ["--operator", "张三", "--reason", "月末核对", "--day", "2026-11-19", "--json"]
    assert main(["reconcile", "run", "--home", str(home), *asked]) == 0
    assert json.loads(capsys.readouterr().out) == {"drawn": 0}
    assert main(["audit", "list", "--home", str(home), "--limit", "1", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["actor"], row["action"], row["reason"]) == ("张三", "reconciliation.run", "月末核对")
