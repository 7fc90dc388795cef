"""The demo's home: made with the product's own commands, served by the product's own process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.crypto.keys import PrivateKey

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0


class CommandFailed(RuntimeError):  # noqa: N818 - names the event
    """A command of the demo failed; the text is what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An institution of the demo; `port` None means that it pulls from its mailbox."""

    id: str
    kind: str
    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class DemoHome:
    """The folder that holds keys, home and ledgers."""

    folder: Path

    @property
    def home(self) -> Path:
        """The gateway's home."""
        return self.folder / "home"

    async def found(self, members: Sequence[Member], *options: str) -> None:
        """Make keys and home (`options` of `wgg init`), register the platform and the institutions."""
        await run("init", str(self.home), *options)
        await asyncio.gather(*(self._make_key(name) for name in ("platform", *(member.id for member in members))))
        await run("platform", "add", "--home", str(self.home), "--public-key", self._public("platform"))
        for member in members:
            await run(*self._registration(member))

    def key(self, party_id: str) -> PrivateKey:
        """A party's private key."""
        return PrivateKey.from_pem((self.folder / f"{party_id}.pem").read_bytes())

    def ledger(self, party_id: str) -> Path:
        """A party's ledger."""
        return self.folder / f"{party_id}.jsonl"

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """The gateway's URL while its process runs."""
        with (self.folder / "gateway.log").open("wb") as log:
            process = await _spawn("serve", "--home", str(self.home), "--port", "0", stderr=asyncio.subprocess.PIPE)
            assert process.stderr is not None
            try:
                async with asyncio.timeout(_START_SECONDS):
                    url = await _read_url(process.stderr)
                copying = asyncio.create_task(_copy(process.stderr, log.fileno()))
                yield url
            finally:
                if process.returncode is None:
                    process.terminate()
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            await copying

    async def _make_key(self, party_id: str) -> None:
        await run("keys", "generate", str(self.folder / f"{party_id}.pem"))

    def _public(self, party_id: str) -> str:
        return str(self.folder / f"{party_id}.pub.pem")

    def _registration(self, member: Member) -> list[str]:
        words = ["institution", "add", "--home", str(self.home), "--id", member.id, "--kind", member.kind, "--live"]
        words += ["--name", member.name, "--public-key", self._public(member.id)]
        if member.port is None:
            return [*words, "--adapter", "mailbox"]
        return [*words, "--adapter", "native", "--endpoint", f"http://127.0.0.1:{member.port}/gzbzj?from=gateway"]


async def run(*words: str) -> None:
    """Run one command of the product; CommandFailed with what it said."""
    process = await _spawn(*words, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    if process.returncode:
        raise CommandFailed(f"wgg {' '.join(words)}：{said.decode()}")


async def _spawn(*words: str, stderr: int) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WGG_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from gateway.cli import main; sys.exit(main())",
        *words,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=stderr,
        env=environment,
    )


async def _read_url(stream: asyncio.StreamReader) -> str:
    said: list[str] = []
    while line := (await stream.readline()).decode():
        said.append(line)
        if "http://" in line:
            return "http://" + line.split("http://", 1)[1].split("（", 1)[0].strip()
    raise CommandFailed("网关没有启动：" + "".join(said))


async def _copy(stream: asyncio.StreamReader, descriptor: int) -> None:
    while block := await stream.read(65_536):
        os.write(descriptor, block)
