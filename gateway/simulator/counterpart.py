"""What an institution and the platform have in common: keys, ledger, reception, sending, push server or mailbox."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.core.wire.envelope import Envelope
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PublicKey
from gateway.net.server import Server, start_server
from gateway.ports import Clock
from gateway.simulator.client import GatewayClient
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.identity import Identity
from gateway.simulator.ledger import Entry, Ledger, read_ledger
from gateway.simulator.mailbox import MailboxReader
from gateway.simulator.push import PushFace
from gateway.simulator.reception import Outgoing, Parcel, Reception, Taken
from gateway.simulator.sending import Sender, find_unsent
from gateway.simulator.trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a counterpart runs. `port` None pulls from the mailbox; `pinned` is the gateway's key, learned from its first
    answer where it is empty (development only). `wait` is the mailbox's long poll in seconds. `observe` is told of each
    entry of the ledger as it is written. `habits` are honest but for a named defect's.
    """

    identity: Identity
    gateway: str
    ledger: Path
    port: int | None = None
    host: str = "127.0.0.1"
    pinned: tuple[PublicKey, ...] = ()
    ca_file: str | None = None
    wait: int = 20
    stop_grace: float = 5.0
    observe: Callable[[Entry], None] | None = None
    habits: Habits = HONEST


class Counterpart:
    """One party of the gateway's. Subclasses say what a message makes them send (`act`).

    `files` are put before the first message that names them.
    """

    def __init__(self, options: Options, clock: Clock, files: Iterable[bytes] = ()) -> None:
        self.options = options
        self.clock = clock
        self.party_id = options.identity.party_id
        trust = Trust(options.pinned)
        self.client = GatewayClient(
            options.gateway, options.identity, clock=clock, trust=trust, ca_file=options.ca_file, habits=options.habits
        )
        self.ledger = Ledger(options.ledger, options.observe)
        in_turn = options.habits.does("in-turn")
        self.sender = Sender(self.client, self.ledger, clock, self._own_files(files), in_turn=in_turn)
        self.reception = Reception(self.party_id, self.client, self.ledger, clock, self.act, habits=options.habits)
        self._server: Server | None = None
        self._puller: asyncio.Task[None] | None = None

    def act(self, message: Envelope) -> Sequence[Outgoing]:  # noqa: ARG002 - a counterpart that only takes notes
        """What a message makes this party send, decided once, before the message is receipted."""
        return ()

    def _own_files(self, files: Iterable[bytes]) -> dict[str, bytes]:
        habits = self.options.habits
        return habits.files({sm3_hex(data): data for data in files}) if habits.does("files") else {}

    @property
    def port(self) -> int | None:
        """The port that it listens on; None when it pulls."""
        return self._server.port if self._server else None

    async def start(self) -> None:
        """Take up where the ledger ends, learn keys, and begin to listen or to pull. OSError when it cannot listen."""
        entries = list(read_ledger(self.options.ledger))
        self.reception.restore(entries)
        self.remember(entries)
        await self.client.get_keys()
        self.sender.queue(find_unsent(entries))
        if self.options.port is None:
            reader = MailboxReader(
                self.client, self.clock, self.take, wait=self.options.wait, habits=self.options.habits
            )
            self._puller = asyncio.create_task(reader.run())
            return
        face = PushFace(self.options.identity, self.client, self.clock, self.take, self.options.habits)
        self._server = await start_server(face.handle, host=self.options.host, port=self.options.port)

    def remember(self, entries: Sequence[Entry]) -> None:
        """Take in what earlier runs left in the ledger."""

    async def take(self, parcel: Parcel) -> Taken:
        """Take a parcel, and send in the background what it calls for."""
        taken = await self.reception.take(parcel)
        if taken.envelope is not None:
            self.sender.queue(taken.replies)
            self.notice(taken.envelope)
        return taken

    def notice(self, message: Envelope) -> None:
        """Told of each message that was taken for the first time."""

    async def stop(self) -> None:
        """Stop listening, pulling and sending; the ledger holds what is left to do."""
        if self._server is not None:
            await self._server.stop(self.options.stop_grace)
        if self._puller is not None:
            self._puller.cancel()
            await asyncio.gather(self._puller, return_exceptions=True)
        await self.sender.stop()
        await self.client.close()
        self.ledger.close()


async def run(
    counterpart: Counterpart,
    *,
    ready: Callable[[int | None], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run until `stop` is set, or cancelled; without an event of the caller's, until SIGTERM or SIGINT.

    `ready` is told the port once it listens, or None once it pulls.
    """
    ended = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = () if stop else (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, ended.set)
    try:
        await counterpart.start()
        if ready is not None:
            ready(counterpart.port)
        await ended.wait()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        await counterpart.stop()
