"""Every fault by its name: entering the block brings it about, leaving it ends it. The load goes on meanwhile."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

import psycopg

from tests.chaos.roles import Member
from tests.chaos.stage import INSTITUTIONS, Stage

Fault = Callable[[Stage], "Iterator[None]"]
LEASE_SECONDS = 7.0
"""A little more than a worker's lease of five seconds."""

_NEVER = threading.Event()


def let(seconds: float) -> None:
    """Real time goes by for real processes."""
    _NEVER.wait(seconds)


def _one_of(stage: Stage, role: str) -> Member:
    return random.choice(stage.of(role))


def _killed(stage: Stage, *, role: str, seconds: float = 1.0) -> Iterator[None]:
    """Kill -9 of one, a while without it, and its return."""
    member = _one_of(stage, role)
    member.kill()
    let(seconds)
    yield
    member.start()


def _all_killed(stage: Stage) -> Iterator[None]:
    """Kill -9 of every process of the gateway at once."""
    for member in stage.roles.values():
        member.kill()
    yield
    for member in stage.roles.values():
        member.launch()
    for member in stage.roles.values():
        member.await_ready()


def _frozen(stage: Stage, *, role: str) -> Iterator[None]:
    """SIGSTOP past the lease, then SIGCONT: the process believes that it still holds what others took over."""
    member = _one_of(stage, role)
    member.freeze()
    let(LEASE_SECONDS)
    yield
    member.thaw()


def _terminated(stage: Stage, *, role: str) -> Iterator[None]:
    """SIGTERM under load: it must end by itself with 0."""
    member = _one_of(stage, role)
    code = member.end()
    if code:
        stage.notes.append(f"{member.name} ended with {code} at SIGTERM")
    yield
    member.start()


def _failpoint(stage: Stage, *, role: str, name: str, times: int = 20) -> Iterator[None]:
    """A process that dies by itself at a named point of the code."""
    member = _one_of(stage, role)
    member.end()
    member.launch(WGG_FAILPOINTS=f"{name}={times}")
    if not member.await_death(30):
        stage.notes.append(f"{member.name} did not reach {name} {times} times")
        member.kill()
    yield
    member.start()


def _broker_killed(stage: Stage) -> Iterator[None]:
    """Kill -9 of the broker, two seconds without it."""
    node = stage.rabbits[0]
    node.kill()
    let(2)
    yield
    node.start()


def _broker_reset(stage: Stage) -> Iterator[None]:
    """The broker forgets everything: its queues are gone with all wake-ups."""
    stage.rabbits[0].reset()
    yield


def _node_killed(stage: Stage) -> Iterator[None]:
    """Kill -9 of one node of the cluster, a while without it."""
    node = random.choice(stage.rabbits)
    node.kill()
    let(5)
    yield
    node.start()


def _line_cut(stage: Stage, *, line: str, seconds: float = 4.0) -> Iterator[None]:
    """Connections die and none is taken for a while."""
    proxy = getattr(stage, line)
    proxy.cut()
    let(seconds)
    yield
    proxy.restore()


def _line_stalled(stage: Stage, *, line: str, seconds: float = 4.0) -> Iterator[None]:
    """Connections stay, and nothing passes."""
    proxy = getattr(stage, line)
    proxy.stall()
    let(seconds)
    yield
    proxy.restore()


def _commits_unanswered(stage: Stage) -> Iterator[None]:
    """The database does its work; again and again what it answers is lost, to COMMIT too."""
    assert stage.database_line is not None
    for _ in range(5):
        stage.database_line.deafen()
        let(0.3)
        stage.database_line.restore()
        let(0.7)
    yield


def _postgres(stage: Stage, *, number: int) -> Iterator[None]:
    """The server is stopped at once (SIGQUIT) or killed (SIGKILL), two seconds without it, and it recovers."""
    server = stage.postgres
    assert server is not None
    if number == signal.SIGKILL:
        server.kill()
    else:
        assert server._process is not None
        server._process.send_signal(number)
        server._process.wait(30)
        server._process = None
    let(2)
    yield
    server.start()


def _backends_terminated(stage: Stage) -> Iterator[None]:
    """Every connection of the gateway is ended by the server, five times."""
    assert stage.postgres is not None
    for _ in range(5):
        with psycopg.connect(stage.postgres.url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wgg'")
        let(0.5)
    yield


def _locked(stage: Stage, *, table: str) -> Iterator[None]:
    """Somebody holds a lock on a hot table for five seconds."""
    assert stage.postgres is not None
    with psycopg.connect(stage.postgres.url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        let(5)
    yield


def _misbehaves(stage: Stage, *, conduct: str, seconds: float = 6.0, share: float = 1.0) -> Iterator[None]:
    """One institution does not do what it should for a while."""
    name = random.choice(INSTITUTIONS)
    stage.behave(name, conduct, share=share)
    let(seconds)
    yield
    stage.behave(name)


def _disk_full(stage: Stage) -> Iterator[None]:
    """Not one byte is left on the home's disk for five seconds."""
    filler = stage.home.resolve() / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    let(5)
    yield
    filler.unlink()


# Faults of the processes that every kind of deployment has.
_ALONE = {
    "SIGKILL 嵌入式": partial(_killed, role="all"),
    "SIGTERM 嵌入式": partial(_terminated, role="all"),
    "故障点 提交后未答 嵌入式": partial(_failpoint, role="all", name="accept.committed"),
    "故障点 已发布未标记 嵌入式": partial(_failpoint, role="all", name="relay.published", times=5),
    "故障点 已应答未落账 嵌入式": partial(_failpoint, role="all", name="deliver.answered"),
}
_SPLIT = {
    "SIGKILL api": partial(_killed, role="api"),
    "SIGKILL relay": partial(_killed, role="relay"),
    "SIGKILL worker": partial(_killed, role="worker"),
    "SIGKILL timers": partial(_killed, role="timers"),
    "SIGKILL 全部进程": _all_killed,
    "SIGSTOP worker 过租约": partial(_frozen, role="worker"),
    "SIGSTOP relay 过租约": partial(_frozen, role="relay"),
    "SIGTERM api": partial(_terminated, role="api"),
    "SIGTERM worker": partial(_terminated, role="worker"),
    "故障点 提交后未答": partial(_failpoint, role="api", name="accept.committed"),
    "故障点 已领取未发送": partial(_failpoint, role="worker", name="deliver.claimed"),
    "故障点 已应答未落账": partial(_failpoint, role="worker", name="deliver.answered"),
    "PostgreSQL 立即停止": partial(_postgres, number=signal.SIGQUIT),
    "PostgreSQL SIGKILL": partial(_postgres, number=signal.SIGKILL),
    "PostgreSQL 后端被终止": _backends_terminated,
    "PostgreSQL 表被锁 deliveries": partial(_locked, table="deliveries"),
    "PostgreSQL 表被锁 subjects": partial(_locked, table="subjects"),
    "PostgreSQL 断线": partial(_line_cut, line="database_line"),
    "COMMIT 应答丢失": _commits_unanswered,
    "消息中间件断线": partial(_line_cut, line="bus_line"),
    "消息中间件停滞": partial(_line_stalled, line="bus_line"),
    "机构挂起不答": partial(_misbehaves, conduct="hang"),
    "机构断开连接": partial(_misbehaves, conduct="reset"),
    "机构办妥后断开": partial(_misbehaves, conduct="half", share=0.5),
    "机构超时后补回执": partial(_misbehaves, conduct="late", share=0.5),
    "机构答非所问": partial(_misbehaves, conduct="garbage"),
    "机构 503 二十秒": partial(_misbehaves, conduct="error", seconds=20.0),
    "机构拒收": partial(_misbehaves, conduct="refuse", share=0.3),
}
_ONE_BROKER = {
    "消息中间件 SIGKILL": _broker_killed,
    "消息中间件清空": _broker_reset,
}
_CLUSTER = {"集群节点 SIGKILL": _node_killed}

FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "one": {**_SPLIT, **_ONE_BROKER},
    "cluster": {**_CLUSTER, **_SPLIT},
    "embedded": _ALONE,
}
DISK_FULL = "磁盘写满 嵌入式"
EVERY: Mapping[str, Fault] = {DISK_FULL: _disk_full, **_SPLIT, **_ONE_BROKER, **_CLUSTER, **_ALONE}


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

    A process that is to die at a failpoint or to end by itself needs its surroundings; it is played alone.
    """
    around = [name for name in names if not name.startswith(("SIG", "故障点"))]
    processes = [name for name in names if name.startswith(("SIGKILL", "SIGSTOP"))]
    return [random.choice(group) for group in (around, processes) if group]
