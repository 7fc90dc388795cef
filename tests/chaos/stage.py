"""The stage: a home over its database and bus, the gateway's processes, and the counterparts with their ledgers."""

from __future__ import annotations

import json
import shutil
import struct
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.crypto.keys import PrivateKey
from tests.chaos.lines import DeafProxy
from tests.chaos.roles import WGG, Member, clean_environment, run_wgg
from tests.harness.postgres import Postgres
from tests.harness.rabbit import Rabbit

INSTITUTIONS = ("bank-a", "bank-b", "bank-c")
PARTIES = ("platform", *INSTITUTIONS)
SPLIT = ("api-1", "api-2", "relay-1", "relay-2", "worker-1", "worker-2", "timers-1", "timers-2")
ALONE = ("all-1",)
SHIFTED = Path(__file__).with_name("shifted")

# A schedule of seconds, so that what an outage delayed comes within the round; giving up lies beyond every outage.
SETTINGS = {
    "WGG_DELIVERY__SCHEDULE_SECONDS": "[0.3, 0.5, 1, 2]",
    "WGG_DELIVERY__REPEAT_SECONDS": "2",
    "WGG_DELIVERY__GIVE_UP_HOURS": "0.2",
    "WGG_LIMITS__ADDRESS_RATE": "5000",
    "WGG_LOG__LEVEL": "warning",
}
LINK = "answer_timeout: 2\nconnect_timeout: 2\nconcurrency: 16\n"


@dataclass
class Stage:
    """Everything that runs, and what faults reach for: the servers, the lines to them, and the clock.

    `notes` say what did not happen as it should, `remarks` what a reader of the report should know besides.
    """

    folder: Path
    env: dict[str, str]
    roles: dict[str, Member] = field(default_factory=dict)
    counterparts: dict[str, Member] = field(default_factory=dict)
    keys: dict[str, PrivateKey] = field(default_factory=dict)
    postgres: Postgres | None = None
    database_line: DeafProxy | None = None
    rabbits: list[Rabbit] = field(default_factory=list)
    bus_line: DeafProxy | None = None
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The gateway's processes have wall clocks that can be set."""
        self.env["PYTHONPATH"] = str(SHIFTED)

    @property
    def home(self) -> Path:
        """The gateway's home."""
        return self.folder / "home"

    @property
    def apis(self) -> list[int]:
        """Where messages may be sent to."""
        return [role.port for name, role in self.roles.items() if name.split("-")[0] in ("api", "all")]

    def of(self, role: str) -> list[Member]:
        """The processes that play a role."""
        return [member for name, member in self.roles.items() if name.split("-")[0] in (role, "all")]

    def public(self, name: str) -> str:
        """Where a party's public key lies."""
        return str(self.folder / f"{name}.pub.pem")

    def private(self, name: str) -> str:
        """Where a party's private key lies."""
        return str(self.folder / f"{name}.pem")

    def ledger(self, name: str) -> Path:
        """A party's ledger."""
        return self.folder / f"{name}.jsonl"

    def behave(self, name: str, conduct: str = "well", **how: Any) -> None:
        """Tell a counterpart how to behave from now on."""
        body = json.dumps({"conduct": conduct, **how}).encode()
        url = f"http://127.0.0.1:{self.counterparts[name].port}/conduct"
        urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=10).close()

    def shift_clocks(self, seconds: float, roles: Iterable[str]) -> None:
        """Let the wall clock of every process of these roles be this much ahead; a role that nobody plays is passed."""
        for clock in {self.folder / f"clock-{role}" for role in roles if self.of(role)}:
            with clock.open("r+b" if clock.exists() else "wb") as file:
                file.write(struct.pack("=q", int(seconds * 1e9)))

    def found(self) -> None:
        """Make the home, its parties and their keys, by the product's commands."""
        run_wgg("init", str(self.home), env=self.env)
        shutil.copy(self.home / "keys" / "gateway.pub.pem", self.public("gateway"))
        for name in PARTIES:
            self.keys[name] = PrivateKey.generate()
            Path(self.private(name)).write_text(self.keys[name].to_pem())
            Path(self.public(name)).write_text(self.keys[name].public.to_pem())
        (self.folder / "link.yaml").write_text(LINK)
        for name in PARTIES:
            self._register(name)

    def _register(self, name: str) -> None:
        inbox = self._counterpart(name)
        link = ("--adapter", "native", "--endpoint", f"http://127.0.0.1:{inbox.port}/push")
        words = ("--public-key", self.public(name), *link, "--file", str(self.folder / "link.yaml"))
        if name == "platform":
            run_wgg("platform", "add", *words, env=self.env)
            return
        who = ("--id", name, "--kind", "bank", "--name", name, "--live")
        run_wgg("institution", "add", *who, *words, env=self.env)

    def _counterpart(self, name: str) -> Member:
        words = (sys.executable, "-m", "tests.chaos.recipient", str(self.folder / f"{name}.json"))
        member = Member(name, words, clean_environment(), self.folder / f"{name}.log")
        self.counterparts[name] = member
        return member

    def cast(self, names: Sequence[str]) -> None:
        """Name the gateway's processes: role and number."""
        for name in names:
            role = name.split("-")[0]
            words = (WGG, "serve", "--home", str(self.home), "--port", "@PORT@", "--role", role, "--json")
            env = {**self.env, "CHAOS_CLOCK": str(self.folder / f"clock-{role}")}
            self.roles[name] = Member(name, words, env, self.folder / f"{name}.log")
            self.shift_clocks(0, [role])

    def open(self) -> None:
        """Start the counterparts and the gateway."""
        for name, member in self.counterparts.items():
            self._configure(name, member)
        members = [*self.counterparts.values(), *self.roles.values()]
        for member in members:
            member.launch()
        for member in members:
            member.await_ready()

    def _configure(self, name: str, member: Member) -> None:
        config = {
            "id": name,
            "port": member.port,
            "apis": self.apis,
            "ledger": str(self.ledger(name)),
            "key": self.private(name),
            "keys": {other: self.public(other) for other in (*PARTIES, "gateway")},
        }
        (self.folder / f"{name}.json").write_text(json.dumps(config))

    def close(self) -> None:
        """Kill what still runs."""
        for member in (*self.roles.values(), *self.counterparts.values()):
            member.kill()


@contextmanager
def split_stage(folder: Path, broker_url: str, rabbits: list[Rabbit], bus_line: DeafProxy) -> Iterator[Stage]:
    """Two processes of each role over a private PostgreSQL behind a line, and the broker behind another."""
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.close)
        postgres.start()
        line = stack.enter_context(DeafProxy(postgres.port))
        env = clean_environment(
            WGG_HOME=str(folder / "home"),
            WGG_DATABASE=postgres.url.replace(str(postgres.port), str(line.port)),
            WGG_BUS=broker_url,
            **SETTINGS,
        )
        stage = Stage(folder, env, postgres=postgres, database_line=line, rabbits=rabbits, bus_line=bus_line)
        stack.callback(stage.close)
        stage.found()
        stage.cast(SPLIT)
        stage.open()
        yield stage


@contextmanager
def embedded_stage(folder: Path, home: Path | None = None, **env: str) -> Iterator[Stage]:
    """One process on SQLite and the local bus; `home` is where its files lie, if not in the folder."""
    if home is not None:
        (folder / "home").symlink_to(home)
    stage = Stage(folder, clean_environment(WGG_HOME=str(folder / "home"), **SETTINGS, **env))
    try:
        stage.found()
        stage.cast(ALONE)
        stage.open()
        yield stage
    finally:
        stage.close()


def one_broker(stack: ExitStack) -> tuple[str, list[Rabbit], DeafProxy]:
    """A private broker behind a line."""
    node = Rabbit()
    stack.callback(node.close)
    node.start()
    line = stack.enter_context(DeafProxy(node.port))
    return node.url.replace(str(node.port), str(line.port)), [node], line
