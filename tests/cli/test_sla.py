from __future__ import annotations

import time
from pathlib import Path

import yaml

from gateway.core.legal_time import LegalTime
from tests.cli.conftest import Wgg


def test_clocks_of_a_new_home(wgg: Wgg, home: Path) -> None:
    """An empty list, an unknown number and an unknown filter are told plainly."""
    assert wgg("sla", "list", "--json").json == []
    assert "没有记录" in wgg("sla", "list", "--state", "breached", "--due-before", "2026-12-31").err
    assert wgg("sla", "show", "NONE").code == 5
    assert wgg("sla", "list", "--rule", "nothing").code == 2


def test_a_development_home_may_be_fast_forwarded(wgg: Wgg, tmp_path: Path) -> None:
    """`--clock-rate` writes the rate and the instant from which it counts; production refuses it."""
    before = int(time.time())
    assert wgg("init", tmp_path / "fast", "--clock-rate", "86400").code == 0
    clock = yaml.safe_load((tmp_path / "fast" / "gateway.yaml").read_text())["clock"]
    assert clock["rate"] == 86_400
    assert before <= clock["epoch"] <= int(time.time())
    refused = wgg("init", tmp_path / "real", "--production", "--clock-rate", "2")
    assert refused.code == 2
    assert "clock.rate" in refused.err


def test_legal_time_runs_from_its_epoch() -> None:
    """Before the epoch and at rate one it is the machine's time; after it every second counts for so many."""
    fast = LegalTime(calendar=None, rate=60, epoch=1000)  # type: ignore[arg-type]
    assert [fast.at(instant) for instant in (0, 1000, 1001, 1010)] == [0, 1000, 1060, 1600]
    assert LegalTime(calendar=None).at(5) == 5  # type: ignore[arg-type]
