"""A private RabbitMQ for tests: a node of its own name service, cookie, ports and files, on loopback only."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from tests.harness.processes import (
    free_port,
    kill_tree,
    run_tool,
    service_directory,
    service_user,
    start_process,
    wait_until,
)

_SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # Debian's own wrappers refuse other users and log into /var


def rabbit_binary(name: str) -> str | None:
    """Find a server program: Debian's scripts without their wrapper, then PATH."""
    script = _SCRIPTS / name
    return str(script) if script.exists() else shutil.which(name)


def answers(url: str) -> bool:
    """Tell whether an AMQP 0-9-1 server greets at this URL."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5672), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False


def _configuration(port: int) -> str:
    lines = [
        f"listeners.tcp.1 = 127.0.0.1:{port}",
        "loopback_users = none",
        "log.console = true",
        "log.console.level = warning",
        "log.file = false",
        "disk_free_limit.absolute = 50MB",
        "vm_memory_high_watermark.absolute = 2GB",
    ]
    return "\n".join(lines) + "\n"


class RabbitControl:
    """What `rabbitmqctl` can do to a node; the node may have been started by another process."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.home = home
        self.env = env

    @classmethod
    def of(cls, home: str) -> RabbitControl:
        """Control the node whose files are in `home` (variable WGG_TEST_RABBIT_HOME)."""
        path = Path(home)
        return cls(path, json.loads((path / "control.json").read_text()))

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` with these arguments and return its output; ServiceError when it fails."""
        argv = [rabbit_binary("rabbitmqctl") or "rabbitmqctl", "--quiet", *arguments]
        return run_tool(argv, user=service_user("rabbitmq"), env=self.env, cwd=self.home)

    def create_vhost(self, url: str) -> str:
        """Make a fresh virtual host and return its URL."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        self.ctl(
            "eval",
            f'rabbit_vhost:add(<<"{name}">>, <<"test">>),'
            f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>,'
            '<<".*">>, <<".*">>, <<".*">>, <<"test">>).',
        )
        return urlsplit(url)._replace(path=f"/{name}", query="").geturl()

    def delete_vhost(self, url: str) -> None:
        """Remove a virtual host that `create_vhost` made, with its queues and connections."""
        self.ctl("delete_vhost", urlsplit(url).path.lstrip("/"))

    def block(self) -> None:
        """Raise the memory alarm: every connection that publishes becomes blocked."""
        self.ctl("set_vm_memory_high_watermark", "0")

    def unblock(self) -> None:
        """Clear the memory alarm."""
        self.ctl("set_vm_memory_high_watermark", "absolute", "2GB")

    def save(self) -> None:
        """Write out which queues there are: 3.10 does so once a second, and SIGKILL loses a younger queue whole."""
        self.ctl("eval", "[dets:sync(Table) || Table <- dets:all()].")

    def stop_queue(self, queue: str) -> None:
        """End the server of one queue of the default virtual host; who consumes it loses its connection."""
        self.ctl("eval", f"ra:stop_server(quorum_queues, {{'%2F_{queue}', node()}}).")

    def freeze_queue(self, queue: str) -> None:
        """Let the server of one queue of the default virtual host answer nobody, as one without a leader does."""
        self.ctl("eval", f"sys:suspend('%2F_{queue}').")

    def thaw_queue(self, queue: str) -> None:
        """Let the server of a frozen queue go on with all that was asked of it meanwhile."""
        self.ctl("eval", f"sys:resume('%2F_{queue}').")

    def start_queue(self, queue: str) -> None:
        """Start the server of a stopped queue."""
        self.ctl("eval", f"ra:restart_server(quorum_queues, {{'%2F_{queue}', node()}}).")


class Rabbit(RabbitControl):
    """One private node."""

    def __init__(self) -> None:
        self.user = service_user("rabbitmq")
        home = service_directory("rabbitmq", self.user)
        self.port = free_port()
        super().__init__(home, _environment(home, self.port))
        self.log = home / "node.log"
        self._node: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None
        _write_files(home, self.port, self.env, self.user)

    @property
    def url(self) -> str:
        """The node's URL, as the gateway's `bus` setting takes it."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def start(self) -> None:
        """Start the node and wait until it greets clients."""
        if self._names is None:
            self._names = self._spawn([shutil.which("epmd") or "epmd"], "names.log")
        node = self._spawn([rabbit_binary("rabbitmq-server") or "rabbitmq-server"], "node.log")
        self._node = node
        wait_until(
            lambda: answers(self.url), alive=lambda: node.poll() is None, what="RabbitMQ", log=self.log, timeout=120
        )

    def stop(self) -> None:
        """Stop the node as an operator would."""
        if self._node is not None:
            self._node.terminate()
            self._node.wait(timeout=60)
            self._node = None

    def kill(self) -> None:
        """SIGKILL the node with everything that it started."""
        if self._node is not None:
            kill_tree(self._node)
            self._node = None

    def wipe(self) -> None:
        """Kill the node and start it with nothing: queues and exchanges are gone.

        The node's own reset stops its application first, which may wait for ever for a queue that is still recovering.
        """
        self.kill()
        shutil.rmtree(self.env["RABBITMQ_MNESIA_BASE"])
        self.start()

    def restart(self) -> None:
        """Stop and start on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the node and its name service and remove its files."""
        self.kill()
        if self._names is not None:
            kill_tree(self._names)
            self._names = None
        shutil.rmtree(self.home, ignore_errors=True)

    def _spawn(self, argv: list[str], log_name: str) -> subprocess.Popen[bytes]:
        with (self.home / log_name).open("ab") as log:
            return start_process(argv, user=self.user, env=self.env, cwd=self.home, log=log)


def _environment(home: Path, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),  # the Erlang cookie's place
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # A host's own name need not resolve; localhost does.
        "RABBITMQ_NODENAME": f"wgg{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "config"),
        "RABBITMQ_SCHEMA_DIR": str(home / "schema"),
        "RABBITMQ_PID_FILE": str(home / "node.pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


def _write_files(home: Path, port: int, env: dict[str, str], user: str | None) -> None:
    files = {
        "rabbitmq.conf": _configuration(port),
        "advanced.config": "[].\n",
        "rabbitmq-env.conf": "",
        "enabled_plugins": "[].\n",
        "control.json": json.dumps(env),
        ".erlang.cookie": secrets.token_hex(20),
    }
    for name, text in files.items():
        path = home / name
        path.write_text(text)
        path.chmod(0o400 if name == ".erlang.cookie" else 0o644)
        if user is not None:
            shutil.chown(path, user)
