"""A gateway and its counterparts as operators run them: `wgg` commands in processes of their own."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from tests.harness.masking_watch import WATCH, is_meant_to_show
from tests.harness.processes import free_port

WGG = Path(sys.executable).with_name("wgg")
ROOT = Path(__file__).parents[2]
APPLICATION, ISSUED = "guarantee.application.v1", "guarantee.issued.v1"
NOTICE, RESULT = "payment.notice.v1", "payment.result.v1"
PATIENCE = 30.0
Found = TypeVar("Found")


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Running:
    """A lasting command and the JSON by which it told that it is ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    log: Path

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def pid(self) -> int:
        return self.process.pid

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's events of this name: JSON lines on the standard error, among words for people."""
        lines = [line for line in self.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def kill(self) -> None:
        """SIGKILL, as a power cut of the process would."""
        self.process.kill()
        self.process.wait(timeout=10)

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


def eventually(look: Callable[[], Found], what: str, *, within: float = PATIENCE) -> Found:
    """What `look` finds once it finds something true; other processes give no signal to wait for."""
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within} s: {what}"
        time.sleep(0.05)
    return found


@dataclass
class World:
    """One folder with keys and a home, and the processes that work on it."""

    folder: Path
    stack: ExitStack
    bank_port: int
    port: int
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def bank_url(self) -> str:
        return f"http://127.0.0.1:{self.bank_port}/wgg"

    def wgg(self, *arguments: object, **env: str) -> Ended:
        """Run one command to its end; `--home` is known to it."""
        line = [str(WGG), *map(str, arguments)]
        done = subprocess.run(
            line, env=self._environment(env), cwd=self.folder, capture_output=True, text=True, check=False, timeout=240
        )
        with WATCH.looking_away(is_meant_to_show(arguments)):
            WATCH.see(f"wgg {arguments[0]}", done.stdout + done.stderr)
        return Ended(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: object, **env: str) -> Ended:
        """Run one command that has to succeed."""
        ended = self.wgg(*arguments, **env)
        assert ended.code == 0, f"{arguments}: {ended.code}\n{ended.err}"
        return ended

    def start(self, *arguments: object, **env: str) -> Running:
        """Start a lasting command and wait until it is ready; it ends with the test at the latest."""
        name = "-".join(str(part).strip("-") for part in arguments[:2])
        log = self.stack.enter_context((self.folder / f"{name}.{time.monotonic_ns()}.log").open("w"))
        process = subprocess.Popen(
            [str(WGG), *map(str, arguments), "--json"],
            env=self._environment(env),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self.stack.callback(_put_away, process, Path(log.name))
        return Running(process, _read_ready(process, Path(log.name)), Path(log.name))

    def serve(self, **env: str) -> Running:
        """The whole gateway in one process, on the same port each time."""
        return self.start("serve", "--port", self.port, **env)

    def bank(self, url: str, *options: object, port: int | None = None) -> Running:
        """The simulated bank, pushed at the endpoint that it is registered with."""
        who = ("--kind", "bank", "--id", "xmccb", "--key", self.folder / "xmccb.pem")
        where = ("--port", port or self.bank_port, "--ledger", self.folder / "bank.jsonl")
        return self.start("simulate", "institution", *who, *where, *self._to(url), *options)

    def platform(self, url: str) -> Running:
        """The simulated platform, which pulls."""
        who = ("--key", self.folder / "platform.pem", "--ledger", self.folder / "platform.jsonl")
        return self.start("simulate", "platform", *who, *self._to(url))

    def write(self, type_: str, message_id: str, subject: str) -> Path:
        """The example of a type as a file."""
        parties = ("platform", "xmccb") if type_ in (APPLICATION, NOTICE) else ("xmccb", "platform")
        line = ("--source", parties[0], "--recipient", parties[1], "--subject", subject, "--id", message_id)
        path = self.folder / f"{message_id}.json"
        path.write_text(self.must("example", type_, *line).out, encoding="utf-8")
        return path

    def send(self, url: str, event: Path, sender: str = "platform") -> Ended:
        """Send a file; its receipt is on the standard output."""
        who = ("--key", self.folder / f"{sender}.pem", "--sender-id", sender)
        return self.wgg("send", event, "--url", url, "--gateway-key", self.home / "keys/gateway.pub.pem", *who)

    def ledger(self, name: str, kind: str, **wanted: Any) -> list[dict[str, Any]]:
        """The whole entries of a counterpart's ledger that are of a kind and have these values."""
        path = self.folder / f"{name}.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        entries = [json.loads(line) for line in lines]
        return [entry for entry in entries if entry["kind"] == kind and wanted.items() <= entry.items()]

    def show(self, source: str, message_id: str) -> dict[str, Any]:
        return dict(self.must("messages", "show", source, message_id, "--json").json)

    def await_state(self, source: str, message_id: str, state: str) -> dict[str, Any]:
        """The message as shown, once it is in this state."""
        wanted = "SELECT 1 FROM deliveries WHERE source = ? AND message_id = ? AND state = ?"
        eventually(lambda: self.query(wanted, source, message_id, state), f"{source}/{message_id} {state}")
        return self.show(source, message_id)

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the database beside its servers; values stand at question marks."""
        if "WGG_DATABASE" in self.env:
            with psycopg.connect(self.env["WGG_DATABASE"]) as server:
                return server.execute(statement.replace("?", "%s").encode(), values).fetchall()
        with sqlite3.connect(f"file:{self.home}/gateway.db?mode=ro", uri=True) as connection:
            return connection.execute(statement, values).fetchall()

    def _to(self, url: str) -> tuple[object, ...]:
        return ("--url", url, "--gateway-key", self.home / "keys/gateway.pub.pem")

    def _environment(self, env: dict[str, str]) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WGG_")}
        return {**clean, "WGG_HOME": str(self.home), **self.env, **env}


def _put_away(process: subprocess.Popen[str], log: Path) -> None:
    process.kill()
    process.wait(timeout=10)
    WATCH.see(log.name, log.read_text(encoding="utf-8", errors="replace"))
    assert process.stdout is not None
    process.stdout.close()


def _read_ready(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    text = ""
    while select.select([process.stdout], [], [], PATIENCE)[0] and (line := process.stdout.readline()):
        text += line
        if line.rstrip().endswith("}"):
            return dict(json.loads(text))
    raise AssertionError(f"not ready: {text!r}\n{log.read_text(errors='replace')[-2000:]}")


def get(url: str) -> tuple[int, bytes]:
    """Status and body of an unsigned GET; 0 where nothing listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body of a POST."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def found(world: World, *options: object) -> None:
    """Make a development home with the platform on the mailbox and one pushed bank."""
    world.must("init", world.home, "--deployment", "e2e", *options)
    for name in ("platform", "xmccb"):
        world.must("keys", "generate", world.folder / f"{name}.pem")
    world.must("platform", "add", "--public-key", world.folder / "platform.pub.pem")
    bank = ("--id", "xmccb", "--kind", "bank", "--name", "示例银行", "--endpoint", world.bank_url, "--live")
    world.must("institution", "add", *bank, "--public-key", world.folder / "xmccb.pub.pem")


def copy(world: World, folder: Path, stack: ExitStack) -> World:
    """The same world in a folder of its own."""
    shutil.copytree(world.folder, folder, dirs_exist_ok=True)
    return World(folder, stack, world.bank_port, free_port())


def new_world(folder: Path, stack: ExitStack) -> World:
    """An empty folder whose bank will listen on a port that is free now."""
    return World(folder, stack, free_port(), free_port())
