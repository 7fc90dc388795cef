"""A home for a benchmark: made with the product's own commands, served by the product's own processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Sender
from gateway.crypto.keys import PrivateKey, PublicKey

WGG = str(Path(sys.executable).with_name("wgg"))


@dataclass(slots=True, kw_only=True)
class Home:
    """A home in `folder` over the database and the bus that `env` names; its processes end with `close`."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def wgg(self, *words: str) -> str:
        """Run one command; what it printed."""
        done = subprocess.run(
            [WGG, *words], env=self._environment(), capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode:
            raise RuntimeError(f"wgg {' '.join(words)}: {done.stderr}")
        return done.stdout

    def make_key(self, name: str) -> PrivateKey:
        """A key pair in the home's folder."""
        path = self.folder.parent / f"{name}.pem"
        self.wgg("keys", "generate", str(path))
        return PrivateKey.from_pem(path.read_bytes())

    def public(self, name: str) -> str:
        """Where the public half lies."""
        return str(self.folder.parent / f"{name}.pub.pem")

    def sender(self) -> Sender:
        """The platform of this home, which believes its gateway."""
        key = PrivateKey.from_pem((self.folder.parent / "platform.pem").read_bytes())
        return Sender(key=key, gateway=PublicKey.from_pem((self.folder / "keys" / "gateway.pub.pem").read_bytes()))

    def serve(self, role: str) -> int:
        """Start a process of this role; its port."""
        words = [WGG, "serve", "--home", str(self.folder), "--port", "0", "--role", role, "--json"]
        process = subprocess.Popen(
            words, env=self._environment(), stdout=subprocess.PIPE, stderr=self._log(role), text=True
        )
        self.processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            log = (self.folder.parent / f"{role}.log").read_text()
            raise RuntimeError(f"wgg serve --role {role} did not start: {log}")
        return int(json.loads(line)["url"].rsplit(":", 1)[1])

    def resident_mib(self) -> float:
        """The most resident memory that any one process has had, MiB."""
        texts = [Path(f"/proc/{process.pid}/status").read_text() for process in self.processes]
        return max(int(text.split("VmHWM:")[1].split()[0]) / 1024 for text in texts)

    def close(self) -> None:
        """Stop every process."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)
            assert process.stdout is not None
            process.stdout.close()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "WGG_HOME": str(self.folder), **self.env}

    def _log(self, role: str) -> int:
        return os.open(self.folder.parent / f"{role}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def make_home(folder: Path, env: dict[str, str], institutions: Sequence[str], *, endpoint: str) -> Home:
    """A home with the platform and live push institutions at `endpoint`."""
    home = Home(folder=folder, env=env)
    home.wgg("init", str(folder))
    home.make_key("platform")
    home.wgg("platform", "add", "--public-key", home.public("platform"))
    for name in institutions:
        home.make_key(name)
        home.wgg(
            *("institution", "add", "--id", name, "--kind", "bank", "--name", name, "--live"),
            *("--public-key", home.public(name), "--adapter", "native", "--endpoint", endpoint),
        )
    return home
