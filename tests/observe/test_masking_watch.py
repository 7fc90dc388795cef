"""The watch over the suite's own output: it sees planted values wherever they come out, and only those."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.harness.masking_watch import Watch, find_planted, is_meant_to_show

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = "from tests.harness.masking_watch import pytest_configure, pytest_runtest_makereport\n"
LEAKS = {
    "print": "print('电话 {value}')",
    "capsys": "print('{value}'); capsys.readouterr()",
    "stderr": "import sys; sys.stderr.write('{value}')",
    "logging": "import logging; logging.getLogger('x').warning('{value}')",
    "metric": "from gateway.observe import METRICS, metric_table as t; METRICS.add(t.SWEPT, kind='{value}')",
    "journal": "from tests.harness.masking_watch import WATCH; WATCH.see_event('x.y', {{'worker': '{value}'}})",
}
FINE = {
    "masked": "print('138***0001')",
    "told": "print('{value}')",
    "journal_masked": "from tests.harness.masking_watch import WATCH; WATCH.see_event('x.y', {{'phone': '{value}'}})",
}


def test_the_examples_plant_values_of_each_kind() -> None:
    """Id numbers, accounts, mobile phones and landlines are among what is looked for."""
    planted = find_planted()
    assert {"35042119880315002X", "6222000000000000001", "13800000001", "0592-5550001"} <= planted


def test_whoever_leaks_fails_and_nobody_else(tmp_path: Path) -> None:
    """Each way out is watched, while a test runs: the leaking test fails, and names what came out."""
    lines = ["import pytest"]
    for name, body in (LEAKS | FINE).items():
        mark = "@pytest.mark.unmasked('on purpose')\n" if name == "told" else ""
        lines.append(f"{mark}def test_{name}(capsys):\n    {body.format(value='13800000001')}")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_leaks.py").write_text("\n".join(lines))
    line = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    ended = re.findall(r"^(FAILED|ERROR) \S+::test_(\w+)", done.stdout, re.MULTILINE)
    assert {name for _, name in ended} == set(LEAKS), done.stdout


def test_what_is_meant_to_be_shown_is_passed_over() -> None:
    """Inside `looking_away` nothing is noted; examples and unmasked messages are shown on purpose."""
    watch = Watch(frozenset({"13800000001"}))
    with watch.looking_away():
        watch.see("here", "13800000001")
    with watch.looking_away(False):
        watch.see("there", "x13800000001y")
    assert [place.split(":")[0] for place in watch.take()] == ["there"]
    assert watch.take() == []
    assert is_meant_to_show(("example", "order.status.v1"))
    assert is_meant_to_show(("messages", "show", "--unmask"))
    assert not is_meant_to_show(("messages", "show"))
