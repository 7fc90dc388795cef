"""A slice of the kill harness: real processes, a private broker and a private database, two minutes at most."""

from __future__ import annotations

import inspect
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.core.failpoints import NAMES
from tests.chaos import faults, killing
from tests.chaos.faults import EVERY, FAULTS
from tests.chaos.rounds import Theatre
from tests.chaos.stage import embedded_stage, one_broker, split_stage
from tests.harness.packages import install_missing

pytestmark = pytest.mark.xdist_group("chaos")

SLICE = [
    ["SIGKILL api", "SIGKILL worker"],
    ["SIGKILL relay"],
    ["SIGTERM worker"],
    ["SIGSTOP worker 过租约", "机构超时后补回执", "PostgreSQL 行被锁 deliveries"],
    ["消息中间件 SIGKILL"],
    ["PostgreSQL 立即停止"],
    ["COMMIT 应答丢失", "机构拒收", "机构答半截"],
    ["故障点 提交后未答"],
]
ALONE = [["SIGKILL 嵌入式"], ["故障点 已应答未落账 嵌入式"]]


def test_nothing_is_lost_and_nothing_is_doubled(tmp_path: Path):
    """Under load, fault after fault over PostgreSQL and RabbitMQ: the ledgers say that every promise held."""
    install_missing("postgresql", "rabbitmq-server")
    with ExitStack() as stack:
        stage = stack.enter_context(split_stage(tmp_path, *one_broker(stack)))
        played = Theatre(stage, "one", rate=25, ask_every=1).play(SLICE)
    assert played.good, (played.notes, played.verdict)
    assert played.verdict.delivered > 500


def test_nor_with_the_embedded_default(tmp_path: Path):
    """The same for one process on SQLite and the local bus."""
    with embedded_stage(tmp_path) as stage:
        played = Theatre(stage, "embedded", rate=40, ask_every=1).play(ALONE)
    assert played.good, (played.notes, played.verdict)
    assert played.verdict.delivered > 100


def test_every_failpoint_has_its_fault():
    """Whatever point of the code can be armed is armed by some fault."""
    source = inspect.getsource(faults) + inspect.getsource(killing)
    assert [point for point in NAMES if point not in source] == []


def test_every_fault_stands_in_a_list():
    """What the slice names exists, and `make chaos` plays every fault of the table."""
    played = {name for names in FAULTS.values() for name in names} | {"磁盘写满 嵌入式"}
    assert set(EVERY) == played
    assert {name for names in (*SLICE, *ALONE) for name in names} <= played
