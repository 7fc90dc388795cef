"""Roles in processes of their own over PostgreSQL and RabbitMQ: the same messages, the same promises."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.openssl import receipt_signed_string, verifies
from tests.e2e.world import APPLICATION, NOTICE, RESULT, Running, World, eventually, found, get, new_world
from tests.harness.packages import install_missing
from tests.harness.postgres import create_database, drop_database
from tests.harness.proxy import Proxy

pytestmark = pytest.mark.xdist_group("e2e-cluster")
HELD = "SELECT worker FROM deliveries WHERE source = ? AND message_id = ? AND worker IS NOT NULL"


@dataclass
class Cluster:
    """One api, relay and timers, two workers, the bank behind a line that can be stalled."""

    world: World
    roles: dict[str, Running]
    line: Proxy
    stack: ExitStack

    @property
    def url(self) -> str:
        return self.roles["api"].url

    def add(self, name: str, role: str) -> Running:
        self.roles[name] = self.world.start("serve", "--role", role, "--port", 0)
        return self.roles[name]

    def holder(self, source: str, message_id: str) -> str:
        """The name of the worker that holds the message's delivery."""
        ((worker,),) = eventually(lambda: self.world.query(HELD, source, message_id), "a worker holds it")
        pid = int(str(worker).split(":")[1])
        return next(name for name, running in self.roles.items() if running.pid == pid)


@pytest.fixture(scope="module")
def cluster(postgres_server: str, amqp_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    database = create_database(postgres_server)
    with ExitStack() as stack:
        stack.callback(drop_database, database, server_url=postgres_server)
        world = new_world(tmp_path_factory.mktemp("cluster"), stack)
        world.env = {"WGG_DATABASE": database, "WGG_BUS": amqp_url}
        found(world)
        line = stack.enter_context(Proxy(world.bank_port))
        world.must("institution", "set", "xmccb", "--endpoint", f"http://127.0.0.1:{line.port}/wgg")
        cluster = Cluster(world, {}, line, stack)
        for name in ("api", "relay", "timers", "worker", "worker-2"):
            cluster.add(name, name.split("-")[0])
        world.bank(cluster.url)
        world.platform(cluster.url)
        yield cluster


def test_an_order_goes_both_ways(cluster: Cluster) -> None:
    """The platform applies, the bank issues, the platform's payment notice is pushed and its receipt comes back with
    the bank's signature, the bank's result is pulled; every receipt verifies with openssl.
    """
    world = cluster.world
    application = world.write(APPLICATION, "a1", "DD1")
    assert world.send(cluster.url, application).code == 0
    issued = eventually(
        lambda: world.ledger("platform", "received", type="guarantee.issued.v1", subject="DD1"), "the guarantee arrives"
    )[0]
    sent = world.ledger("bank", "outgoing", type="guarantee.issued.v1", subject="DD1")[0]
    assert (issued["body"], issued["via"]) == (sent["body"], "pull")
    notice = world.write(NOTICE, "n1", "DD1")
    assert world.send(cluster.url, notice).code == 0
    assert eventually(lambda: world.ledger("platform", "received", type=RESULT), "the result arrives")
    for source, message_id, signer, way in (
        ("platform", "n1", "xmccb", (None, None)),
        ("xmccb", issued["id"], "platform", ("POST", f"/v1/mailbox/{issued['delivery']}/receipt")),
    ):
        shown = world.await_state(source, message_id, "delivered")
        receipt = shown["receipt"]
        assert (receipt["method"], receipt["path"]) == way
        assert json.loads(receipt["body"]) == {"id": message_id, "digest": shown["digest"], "status": "ACCEPTED"}
        key = world.folder / f"{signer}.pub.pem"
        assert verifies(key, receipt["signature"], receipt_signed_string(receipt), world.folder)


def test_another_worker_delivers_what_a_killed_one_held(cluster: Cluster) -> None:
    """Kill -9 in the middle of a push: the other worker tries again; the recipient acts once."""
    world, line = cluster.world, cluster.line
    line.stall()
    assert world.send(cluster.url, world.write(APPLICATION, "a2", "DD2")).code == 0
    name = cluster.holder("platform", "a2")
    cluster.roles[name].kill()
    line.drop()
    line.restore()
    shown = world.await_state("platform", "a2", "delivered")
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["retry", "delivered"]
    assert shown["attempts"][0]["code"] == "WORKER_LOST"
    assert len(world.ledger("bank", "effect", id="a2")) == 1
    cluster.add(name, "worker")


def test_each_role_stops_cleanly(cluster: Cluster) -> None:
    """SIGTERM: a worker in the middle of a push says on readyz that it stops, ends the push and exits with 0; then the
    others exit with 0, and a new set takes over what came meanwhile.
    """
    world, line, roles = cluster.world, cluster.line, cluster.roles
    line.stall()
    assert world.send(cluster.url, world.write(APPLICATION, "a3", "DD3")).code == 0
    worker = roles[cluster.holder("platform", "a3")]
    assert get(f"{worker.url}/readyz")[0] == 200
    worker.process.terminate()
    eventually(lambda: get(f"{worker.url}/readyz")[0] == 503, "readyz says that the worker stops")
    line.restore()
    assert worker.process.wait(timeout=20) == 0
    assert len(world.await_state("platform", "a3", "delivered")["attempts"]) == 1
    assert [running.end() for running in roles.values() if running is not worker] == [0, 0, 0, 0]


def test_a_dump_of_postgresql_restores(cluster: Cluster, postgres_server: str, tmp_path: Path) -> None:
    """As docs/operating.md has it: pg_dump while serving, psql into an empty database: nothing that was accepted
    before is missing, and the restored home takes the same bytes as a repeat.
    """
    install_missing("postgresql-client")
    world, roles = cluster.world, cluster.roles
    if roles["api"].process.poll() is not None:
        cluster.add("api", "api")
    event = world.write(APPLICATION, "b1", "DD-backup")
    receipt = world.send(cluster.url, event).out
    dump = tmp_path / "gateway.sql"
    _shell(f'pg_dump --no-owner --dbname="$FROM" --file="{dump}"', FROM=world.env["WGG_DATABASE"])
    fresh = create_database(postgres_server)
    cluster.stack.callback(drop_database, fresh, server_url=postgres_server)
    _shell(f'psql --quiet --set ON_ERROR_STOP=1 --single-transaction --dbname="$TO" --file="{dump}"', TO=fresh)
    world.must("db", "check", WGG_DATABASE=fresh)
    restored = world.start("serve", "--role", "api", "--port", 0, WGG_DATABASE=fresh)
    again = world.send(restored.url, event)
    assert (again.code, again.out) == (0, receipt)
    assert restored.end() == 0


def _shell(line: str, **env: str) -> None:
    done = subprocess.run(["sh", "-c", line], env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
