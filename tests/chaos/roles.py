"""The gateway's processes and the counterparts' as the harness starts, kills, freezes and starts them again."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.processes import ServiceError, free_port

PATIENCE = 120.0
WGG = str(Path(sys.executable).with_name("wgg"))


@dataclass
class Member:
    """One process that is started again on the same port with the same words."""

    name: str
    words: Sequence[str]
    env: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def launch(self, **env: str) -> None:
        """Start; `await_ready` says when it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [word.replace("@PORT@", str(self.port)) for word in self.words],
                env={**self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def await_ready(self) -> None:
        """Return when the process has printed its first line. ServiceError with the end of its log otherwise."""
        assert self.process is not None
        assert self.process.stdout is not None
        came = select.select([self.process.stdout], [], [], PATIENCE)[0]
        if not came or not self.process.stdout.readline():
            raise ServiceError(f"{self.name} did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def start(self, **env: str) -> None:
        """Start and wait until it serves."""
        self.launch(**env)
        self.await_ready()

    @property
    def lives(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self._reap(10)

    def end(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._reap(PATIENCE)

    def await_death(self, seconds: float) -> bool:
        """Whether it ended by itself within the time."""
        assert self.process is not None
        try:
            self._reap(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _reap(self, seconds: float) -> int:
        assert self.process is not None
        code = self.process.wait(seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def freeze(self) -> None:
        """SIGSTOP."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)


def clean_environment(**env: str) -> dict[str, str]:
    """Ours without anything that configures a gateway, and with `env`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WGG_")}
    return {**kept, **env}


def run_wgg(*words: str, env: Mapping[str, str]) -> None:
    """One command of the product. ServiceError when it fails."""
    done = subprocess.run([WGG, *words], env=dict(env), capture_output=True, text=True, check=False, timeout=PATIENCE)
    if done.returncode:
        raise ServiceError(f"wgg {' '.join(words)}: {done.stderr}")
