"""A scene in one process: gateways whose clock and steps the test drives, true recipients and senders, the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.net.server import start_server
from tests.chaos.client import Line
from tests.chaos.evidence import gather
from tests.chaos.ledger import Ledger, now_us, read_all
from tests.chaos.recipient import Recipient
from tests.chaos.sender import Letter, Senders, Templates
from tests.chaos.verdict import Papers, Verdict, judge
from tests.harness.gateway import Founded, Gateway, run_gateway

NAMES = ("platform", "xmccb")
APPLICATION, QUERY, CANCELLATION = "guarantee.application.v1", "authenticity.query.v1", "guarantee.cancellation.v1"
PATIENCE = 60.0


@dataclass
class Scene:
    """Gateways over one database, the platform and one bank."""

    gateways: list[Gateway]
    folder: Path
    recipients: dict[str, Recipient] = field(default_factory=dict)
    templates: Templates = field(default_factory=Templates)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder / "senders.jsonl")

    @property
    def gateway(self) -> Gateway:
        """The first one."""
        return self.gateways[0]

    @property
    def bank(self) -> Recipient:
        """The bank's inbox."""
        return self.recipients["xmccb"]

    def now(self) -> int:
        """Everybody's clock."""
        return self.gateway.clock.now()

    def letter(self, type_: str, subject: str, number: str, *, rivals: str | None = None) -> Letter:
        """A message from the platform to the bank."""
        return self.templates.write(type_, "platform", "xmccb", subject=subject, number=number, rivals=rivals)

    async def send(self, *letters: Letter, at: int = 0) -> None:
        """Send together, each until it has its answer, to one of the gateways."""
        senders = Senders(
            apis=[self.gateways[at].port],
            keys=dict(self.gateway.keys),
            gateway=self.gateway.keys["gateway"].public,
            ledger=self.ledger,
            orders=iter(()),
            least=0,
            rate=1,
        )
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(self._send(senders, letter) for letter in letters))

    async def _send(self, senders: Senders, letter: Letter) -> None:
        line = Line(senders.apis, self.now)
        await senders._send(line, letter)
        line.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the loop go on until a condition of ours holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - a recipient's ledger sets no event of ours
                await asyncio.sleep(0.005)

    def entries(self, kind: str, name: str = "xmccb") -> list[str]:
        """The ids of a kind in a recipient's ledger, in order."""
        return [entry["id"] for entry in read_all(self.folder / f"{name}.jsonl") if entry["kind"] == kind]

    async def verdict(self) -> Verdict:
        """Collect the papers and judge."""
        sent = read_all(self.folder / "senders.jsonl")
        wanted = [(entry["source"], entry["id"]) for entry in sent if entry["kind"] == "accepted"]
        shown = await gather(self.gateway.keys, wanted, [self.gateway.port], seconds=0.5, now=self.now)
        received = {name: read_all(self.folder / f"{name}.jsonl") for name in NAMES}
        keys = {name: self.gateway.keys[name].public for name in NAMES}
        return judge(Papers(sent=sent, received=received, shown=shown, keys=keys))


@asynccontextmanager
async def staged(founded: Founded, folder: Path, *, gateways: int = 1, **env: str) -> AsyncIterator[Scene]:
    """A scene with pushed recipients; `env` are settings, as for `run_gateway`."""
    async with AsyncExitStack() as stack:
        running = []
        for number in range(gateways):
            (folder / str(number)).mkdir()
            gateway = await stack.enter_async_context(run_gateway(founded, folder / str(number), **env))
            gateway.clock.set(now_us())
            running.append(gateway)
        scene = Scene(running, folder)
        public = {name: key.public for name, key in founded.keys.items()}
        for name in NAMES:
            recipient = Recipient(
                id=name,
                key=founded.keys[name],
                keys=public,
                ledger=Ledger(folder / f"{name}.jsonl"),
                now=scene.now,
            )
            server = await start_server(recipient.handle, host="127.0.0.1", port=0)
            stack.push_async_callback(server.stop, 0.1)
            stack.callback(recipient.behave, {})
            scene.recipients[name] = recipient
            url = f"http://127.0.0.1:{server.port}/push"
            await scene.gateway.change(name, adapter="native", endpoint=url)
        yield scene
