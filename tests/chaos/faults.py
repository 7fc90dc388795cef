"""Every fault by its name: entering the block brings it about, leaving it ends it. The load goes on meanwhile."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from tests.chaos import cutting, killing, surroundings
from tests.chaos.stage import Stage

Fault = Callable[[Stage], "Iterator[None]"]

GIVE_UP = "机构失败超过整张重试表"
CLOCKS = "故障点 期限已触发未通知"
JUMP = 20.0
"""Seconds. What is accepted while the clock is ahead is due by that clock: it waits as long after the jump back."""

# What institutions do and what clocks do reaches every kind of deployment.
_EVERYWHERE: Mapping[str, Fault] = {
    "机构挂起不答": partial(surroundings.misbehaves, conduct="hang"),
    "机构断开连接": partial(surroundings.misbehaves, conduct="reset"),
    "机构答半截": partial(surroundings.misbehaves, conduct="torn", share=0.5),
    "机构办妥后断开": partial(surroundings.misbehaves, conduct="half", share=0.5),
    "机构超时后补回执": partial(surroundings.misbehaves, conduct="late", share=0.5),
    "机构答非所问": partial(surroundings.misbehaves, conduct="garbage"),
    "机构 503 二十秒": partial(surroundings.misbehaves, conduct="error", seconds=20.0),
    "机构拒收": partial(surroundings.misbehaves, conduct="refuse", share=0.3),
    "时钟前跳": partial(surroundings.clock_jumps, seconds=JUMP),
    "时钟后跳": partial(surroundings.clock_jumps, seconds=-JUMP),
}
_ALONE: Mapping[str, Fault] = {
    "SIGKILL 嵌入式": partial(killing.killed, role="all"),
    "SIGTERM 嵌入式": partial(killing.terminated, role="all"),
    "SIGSTOP 嵌入式 过租约": partial(killing.frozen, role="all"),
    "故障点 提交后未答 嵌入式": partial(killing.dying, role="all", point="accept.committed"),
    "故障点 已发布未标记 嵌入式": partial(killing.dying, role="all", point="relay.published", times=5),
    "故障点 已领取未发送 嵌入式": partial(killing.dying, role="all", point="deliver.claimed", times=5),
    "故障点 已应答未落账 嵌入式": partial(killing.dying, role="all", point="deliver.answered"),
    f"{CLOCKS} 嵌入式": killing.dying_keeper,
    f"{GIVE_UP} 嵌入式": partial(killing.given_up, role="all"),
}
_SPLIT: Mapping[str, Fault] = {
    "SIGKILL api": partial(killing.killed, role="api"),
    "SIGKILL relay": partial(killing.killed, role="relay"),
    "SIGKILL worker": partial(killing.killed, role="worker"),
    "SIGKILL timers": partial(killing.killed, role="timers"),
    "SIGKILL 全部进程": killing.all_killed,
    "SIGSTOP api": partial(killing.frozen, role="api"),
    "SIGSTOP relay 过租约": partial(killing.frozen, role="relay"),
    "SIGSTOP worker 过租约": partial(killing.frozen, role="worker"),
    "SIGSTOP timers": partial(killing.frozen, role="timers"),
    "SIGTERM api": partial(killing.terminated, role="api"),
    "SIGTERM relay": partial(killing.terminated, role="relay"),
    "SIGTERM worker": partial(killing.terminated, role="worker"),
    "SIGTERM timers": partial(killing.terminated, role="timers"),
    "故障点 提交后未答": partial(killing.dying, role="api", point="accept.committed"),
    "故障点 已发布未标记": killing.dying_relay,
    "故障点 已领取未发送": partial(killing.dying, role="worker", point="deliver.claimed"),
    "故障点 已应答未落账": partial(killing.dying, role="worker", point="deliver.answered"),
    "故障点 已收回未通知": killing.dying_timers,
    CLOCKS: killing.dying_keeper,
    GIVE_UP: partial(killing.given_up, role="worker"),
    "PostgreSQL 立即停止": partial(cutting.postgres_stopped, number=signal.SIGQUIT),
    "PostgreSQL SIGKILL": partial(cutting.postgres_stopped, number=signal.SIGKILL),
    "PostgreSQL 后端被终止": cutting.backends_terminated,
    "PostgreSQL 表被锁 deliveries": partial(cutting.table_locked, table="deliveries"),
    "PostgreSQL 表被锁 subjects": partial(cutting.table_locked, table="subjects"),
    "PostgreSQL 行被锁 deliveries": partial(cutting.rows_locked, table="deliveries"),
    "PostgreSQL 行被锁 subjects": partial(cutting.rows_locked, table="subjects"),
    "PostgreSQL 断线": partial(cutting.line_cut, line="database_line"),
    "PostgreSQL 停滞": partial(cutting.line_stalled, line="database_line"),
    "PostgreSQL 磁盘写满": surroundings.database_disk_full,
    "时钟 worker 慢半秒": partial(surroundings.clock_jumps, seconds=-0.5, roles=["worker"]),
    "时钟 timers 前跳": partial(surroundings.clock_jumps, seconds=JUMP, roles=["timers"]),
    "COMMIT 应答丢失": cutting.commits_unanswered,
    "消息中间件断线": partial(cutting.line_cut, line="bus_line"),
    "消息中间件停滞": partial(cutting.line_stalled, line="bus_line"),
    "消息中间件停滞 过心跳": partial(cutting.line_stalled, line="bus_line", seconds=25.0),
    **_EVERYWHERE,
}
_ONE_BROKER = {
    "消息中间件 SIGKILL": cutting.broker_killed,
    "消息中间件清空": cutting.broker_reset,
}
_CLUSTER = {"集群节点 SIGKILL": cutting.node_killed}

FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "one": {**_SPLIT, **_ONE_BROKER},
    "cluster": {**_CLUSTER, **_SPLIT},
    "embedded": {**_ALONE, **_EVERYWHERE},
}
DISK_FULL = "磁盘写满 嵌入式"
EVERY: Mapping[str, Fault] = {
    DISK_FULL: surroundings.disk_full,
    **_SPLIT,
    **_ONE_BROKER,
    **_CLUSTER,
    **_ALONE,
}


@contextmanager
def applied(stage: Stage, names: list[str]) -> Iterator[None]:
    """Several faults at once: all are brought about together, then ended one after another."""
    faults = [contextmanager(EVERY[name])(stage) for name in names]
    with ThreadPoolExecutor(len(faults)) as threads:
        list(threads.map(lambda fault: fault.__enter__(), faults))
    yield
    for fault in faults:
        fault.__exit__(None, None, None)


def pair(names: Sequence[str]) -> list[str]:
    """Two faults at random: something around the gateway, and one of its processes, which returns last.

    A process that is to die at a failpoint, to end by itself or to give up needs its surroundings: it is played alone.
    """
    around = [name for name in names if not name.startswith(("SIG", "故障点", GIVE_UP))]
    processes = [name for name in names if name.startswith(("SIGKILL", "SIGSTOP"))]
    return [random.choice(around), random.choice(processes)]
