"""The sample clients of examples/, each against a real gateway: send, pull, be pushed, and refuse what is forged."""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli.application import run
from gateway.conformance.keyring import open_ring
from gateway.conformance.runner import Bounds
from gateway.crypto.keys import PrivateKey
from tests.conformance.play import Seat, examine, failures
from tests.e2e.openssl import receipt_signed_string, sm3_hex, verifies
from tests.e2e.world import APPLICATION, PATIENCE, ROOT, World, copy, eventually
from tests.harness.packages import install_missing
from tests.harness.processes import free_port

EXAMPLES = ROOT / "examples"
BOUNCY_CASTLE = Path("/usr/share/java/bcprov.jar")
STATUS = "order.status.v1"
GATEWAY_KEY = "keys/gateway.pub.pem"


def wgg(world: World, *arguments: object) -> str:
    """Run one command in this process, which is quicker than one of its own; what it printed."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setenv("WGG_HOME", str(world.home))
        assert run([str(argument) for argument in arguments]) == 0, arguments
    return printed.getvalue()


@dataclass(frozen=True)
class Client:
    """How a sample is run; the shell's takes its settings from the environment, pulls once and does not listen."""

    name: str
    line: Sequence[str]
    by_environment: bool = False

    def command(self, verb: str, *more: str) -> list[str]:
        return [*self.line, verb, *more]


def _python(build: Path) -> Client:
    del build
    return Client("python", ["python3", str(EXAMPLES / "python/institution.py")])


def _shell(build: Path) -> Client:
    del build
    install_missing("curl", "jq")
    return Client("shell", [str(EXAMPLES / "shell/institution.sh")], by_environment=True)


def _node(build: Path) -> Client:
    """Needs node and npm, which `make test` does not install: without them these tests say so and are skipped."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("没有 node 与 npm：apt-get install nodejs npm 之后再运行")
    folder = shutil.copytree(EXAMPLES / "node", build / "node", ignore=shutil.ignore_patterns("node_modules"))
    _run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], folder)
    return Client("node", ["node", str(folder / "institution.mjs")])


def _java(build: Path) -> Client:
    """Needs a JDK, which `make test` does not install; BouncyCastle is the system's package of the pinned version."""
    if shutil.which("javac") is None:
        pytest.skip("没有 JDK：apt-get install default-jdk-headless 之后再运行")
    install_missing("libbcprov-java")
    sources = sorted(map(str, (EXAMPLES / "java/src/main/java").rglob("*.java")))
    _run(["javac", "-d", str(build / "java"), "-cp", str(BOUNCY_CASTLE), *sources], build)
    return Client("java", ["java", "-Xshare:auto", "-cp", f"{build / 'java'}:{BOUNCY_CASTLE}", "example.Institution"])


MAKERS = {"python": _python, "shell": _shell, "node": _node, "java": _java}


def _run(line: Sequence[str], folder: Path) -> None:
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=list(MAKERS))
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return MAKERS[request.param](tmp_path_factory.mktemp(request.param))


def options(bank: str, folder: Path, url: str, client: Client) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of a run as a bank whose keys lie in a folder."""
    values = {
        "id": bank,
        "key": str(folder / f"{bank}.pem"),
        "gateway": url,
        "gateway-key": str(folder / f"{bank}.gateway.pem"),
        "ledger": str(folder / f"{bank}.sample.jsonl"),
    }
    if client.by_environment:
        return [], {**os.environ, **{name.replace("-", "_").upper(): value for name, value in values.items()}}
    return [part for name, value in values.items() for part in (f"--{name}", value)], dict(os.environ)


@dataclass(frozen=True)
class Bank:
    """A party that a sample plays; its key lies in the world's folder."""

    id: str
    world: World
    url: str

    def options(self, client: Client) -> tuple[list[str], dict[str, str]]:
        """Arguments and environment of a run as this bank."""
        return options(self.id, self.world.folder, self.url, client)

    def run(self, client: Client, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
        """One run of the sample to its end."""
        arguments, env = self.options(client)
        line = client.command(verb, *more, *arguments)
        return subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=60)

    def write(self, type_: str, message_id: str, *, mine: bool) -> Path:
        """The example of a type, from the platform or from this bank, as a file."""
        parties = (self.id, "platform") if mine else ("platform", self.id)
        line = ("--source", parties[0], "--recipient", parties[1], "--subject", f"DD-{self.id}", "--id", message_id)
        path = self.world.folder / f"{message_id}.json"
        path.write_text(wgg(self.world, "example", type_, *line), encoding="utf-8")
        return path

    def send(self, event: Path) -> None:
        """Let the platform send a file."""
        who = ("--key", self.world.folder / "platform.pem", "--sender-id", "platform")
        wgg(self.world, "send", event, "--url", self.url, "--gateway-key", self.world.home / GATEWAY_KEY, *who)

    def check_receipt(self, message_id: str, event: Path) -> None:
        """The gateway delivered it, and the sample's signed receipt names the very bytes."""
        wanted = "SELECT 1 FROM deliveries WHERE message_id = ? AND state = 'delivered'"
        eventually(lambda: self.world.query(wanted, message_id), f"{message_id} is delivered")
        receipt = json.loads(wgg(self.world, "messages", "show", "platform", message_id, "--json"))["receipt"]
        wanted = {"id": message_id, "digest": sm3_hex(event.read_bytes()), "status": "ACCEPTED"}
        assert json.loads(receipt["body"]) == wanted
        key = self.world.folder / f"{self.id}.pub.pem"
        assert verifies(key, receipt["signature"], receipt_signed_string(receipt), self.world.folder)


def register(world: World, bank: str, *how: object) -> None:
    """A bank with a key of its own, and the gateway's key that it pinned."""
    wgg(world, "keys", "generate", world.folder / f"{bank}.pem")
    public = ("--public-key", world.folder / f"{bank}.pub.pem")
    wgg(world, "institution", "add", "--id", bank, "--kind", "bank", "--name", bank, "--live", *public, *how)
    shutil.copy(world.home / GATEWAY_KEY, world.folder / f"{bank}.gateway.pem")


@dataclass(frozen=True)
class Served:
    """One running gateway for all samples; each has a bank that pulls and one that is pushed to at its port."""

    world: World
    url: str
    ports: dict[str, int]

    def bank(self, how: str, client: Client) -> Bank:
        return Bank(f"{how}-{client.name}", self.world, self.url)


@pytest.fixture(scope="module")
def served(founded: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ExitStack() as stack:
        world = copy(founded, tmp_path_factory.mktemp("samples") / "world", stack)
        ports = {name: free_port() for name in MAKERS}
        for name, port in ports.items():
            register(world, f"pulls-{name}", "--adapter", "mailbox")
            register(world, f"pushed-{name}", "--endpoint", f"http://127.0.0.1:{port}/in?from=gateway")
        yield Served(world, world.serve().url, ports)


def test_a_sample_pulls_receipts_and_sends(served: Served, client: Client) -> None:
    """It takes the application from its mailbox and gives a signed receipt; its own message earns the gateway's. An
    answer that another key signed proves nothing: the sample fails.
    """
    bank = served.bank("pulls", client)
    event = bank.write(APPLICATION, f"{bank.id}-1", mine=False)
    bank.send(event)
    done = bank.run(client, "pull", *(() if client.by_environment else ("--once",)))
    assert done.returncode == 0, done.stderr
    bank.check_receipt(f"{bank.id}-1", event)
    status = bank.write(STATUS, f"{bank.id}-2", mine=True)
    sent = bank.run(client, "send", str(status))
    assert sent.returncode == 0, sent.stderr
    said = json.loads(sent.stdout)
    assert (said["status"], said["digest"]) == ("ACCEPTED", sm3_hex(status.read_bytes()))
    shutil.copy(bank.world.folder / "platform.pub.pem", bank.world.folder / f"{bank.id}.gateway.pem")
    forged = bank.run(client, "send", str(status))
    assert forged.returncode != 0
    assert "ACCEPTED" not in forged.stdout


def test_a_sample_takes_pushes(served: Served, client: Client) -> None:
    """It serves the registered endpoint: the pushed message is delivered with its signed receipt. The shell's only
    pulls, and says so.
    """
    bank = served.bank("pushed", client)
    if client.by_environment:
        ended = bank.run(client, "serve")
        assert (ended.returncode, "用法" in ended.stderr) == (2, True)
        return
    arguments, env = bank.options(client)
    line = client.command("serve", "--port", str(served.ports[client.name]), *arguments)
    process = _start(line, env)
    bank.world.stack.callback(_stop, process)
    event = bank.write(APPLICATION, f"{bank.id}-1", mine=False)
    bank.send(event)
    bank.check_receipt(f"{bank.id}-1", event)


CASES = (
    "body-indented",
    "body-escaped",
    "body-unicode",
    "body-extension",
    "push-accept-second-key",
    "push-accept-blanks",
    "push-refuse-absent",
    "push-refuse-late",
    "push-refuse-as-platform",
    "push-refuse-by-platform",
    "push-refuse-revoked-key",
    "push-refuse-raw",
    "push-refuse-unpadded",
    "push-refuse-no-za",
    "origin-refuse-absent",
    "origin-refuse-bit-flipped",
    "origin-refuse-der-trailing",
    "origin-refuse-revoked-key",
    "origin-refuse-by-gateway",
    "origin-accept-retired-key-in-time",
    "origin-accept-long-ago",
    "tampered-lf",
    "refuse-other-recipient",
    "refuse-repeated-name",
    "refuse-bom",
    "refuse-deep",
    "refuse-no-data",
    "duplicate-different",
    "refused-then-good",
    "same-id-other-source",
    "gateway-refuse-absent",
    "gateway-refuse-by-platform",
    "keys-untrusted-absent",
    "push-accept-nonce-of-forgery",
    "push-refuse-authorization-twice",
    "push-refuse-nonce-again",
    "push-refuse-origin-twice",
)


async def test_a_sample_passes_the_kit(client: Client, tmp_path: Path) -> None:
    """Of the conformance cases those about taking a message, pushed or, for the shell, pulled again and again: the
    sample takes and refuses what it must.
    """
    key, port, kit_port = PrivateKey.generate(), free_port(), free_port()
    (tmp_path / "xmccb.pem").write_text(key.to_pem())
    open_ring(tmp_path / "kit" / "keys", now=time.time_ns() // 1000)
    shutil.copy(tmp_path / "kit" / "keys" / "gateway.pub.pem", tmp_path / "xmccb.gateway.pem")
    arguments, env = options("xmccb", tmp_path, f"http://127.0.0.1:{kit_port}", client)
    pulls = client.by_environment
    if pulls:
        line = ["bash", "-c", f"while :; do {client.line[0]} pull; done"]
    else:
        line = client.command("serve", "--port", str(port), *arguments)
    process = _start(line, env, says=not pulls)
    endpoint = None if pulls else f"http://127.0.0.1:{port}/in?from=kit"
    bounds = Bounds(wait=PATIENCE, answer=PATIENCE, first_poll=PATIENCE, total=240.0, parallel=4)
    try:
        seat = Seat(endpoint=endpoint, port=kit_port, kind="bank")
        wanted = {"selected": CASES, "publics": (key.public,), "institution": "xmccb", "bounds": bounds}
        stored = await examine(seat, tmp_path / "kit", **wanted)
    finally:
        _stop(process)
    assert failures(stored) == []
    assert stored.verdict.verdict == "pass"


def _start(line: Sequence[str], env: dict[str, str], *, says: bool = True) -> subprocess.Popen[str]:
    """A sample that goes on, once it says that it listens; in a group of its own."""
    process = subprocess.Popen(
        line, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    if says:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], PATIENCE)[0]
        assert "就绪" in process.stdout.readline()
    return process


def _stop(process: subprocess.Popen[str]) -> None:
    """End a sample and what it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=PATIENCE)
    assert process.stdout is not None
    process.stdout.close()
