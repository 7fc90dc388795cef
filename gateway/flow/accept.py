"""Accepting: proof first, then the verdict, then one grouped commit that makes it durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.catalogue import Catalogue
from gateway.core.area import Area
from gateway.core.documents import name_documents
from gateway.core.errors import Problem
from gateway.core.failpoints import ACCEPT_COMMITTED, reach
from gateway.core.intake import Accepted, Item, Outcome, Refused
from gateway.core.legal_time import LegalTime
from gateway.flow.batching import Batcher
from gateway.flow.gate import Caller, Head
from gateway.flow.reading import Reading, read_message
from gateway.flow.roster import Roster
from gateway.observe import METRICS
from gateway.observe.metric_table import ACCEPT_BATCH_SIZE, ACCEPT_OUTCOMES, ACCEPT_STAGE_SECONDS
from gateway.ports import Inbox, StoreUnavailable

LARGE_BODY: Final = 64 * 1024
"""Bytes."""

_PARSING: Final = METRICS.timer(ACCEPT_STAGE_SECONDS, stage="parse")
_COMMITTING: Final = METRICS.timer(ACCEPT_STAGE_SECONDS, stage="commit")
_TOLD: Final = ("id", "type", "subject", "recipient", "digest", "traceparent")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptLimits:
    """`batch` items a commit at most, `queue` waiting at most, `lanes` commits at once."""

    batch: int = 64
    queue: int = 2000
    lanes: int = 1


FindFiles = Callable[[str, Collection[str]], Awaitable[Mapping[str, int]]]
"""Those of the files that a party may read: digest → size."""


class Acceptor:
    """Settles what proved callers ask. `on_accepted` is told after each batch that brought something new.

    `find_files` looks for the documents that a message needs; None where none need be there.
    """

    def __init__(
        self,
        inbox: Inbox,
        roster: Roster,
        catalogue: Catalogue,
        areas: Mapping[str, Area],
        legal_time: LegalTime,
        *,
        limits: AcceptLimits,
        on_accepted: Callable[[], None],
        log: Callable[..., None],
        find_files: FindFiles | None = None,
    ) -> None:
        self._inbox = inbox
        self._roster = roster
        self._catalogue = catalogue
        self._areas = areas
        self._legal_time = legal_time
        self._on_accepted = on_accepted
        self._log = log
        self._find_files = find_files
        self._batcher = Batcher(self._commit, size=limits.batch, bound=limits.queue, lanes=limits.lanes)

    async def accept(self, caller: Caller, head: Head, body: bytes) -> Accepted:
        """Make the message durable; raises the Problem that refuses it. The nonce is spent either way."""
        reading = Reading(
            caller=caller,
            head=head,
            body=body,
            directory=self._roster.directory,
            catalogue=self._catalogue,
            areas=self._areas,
            legal_time=self._legal_time,
        )
        with _PARSING():
            item = await self._read(reading)
        await self._find_documents(reading, item)
        try:
            with _COMMITTING():
                outcome = await self._settle(item)
        except Problem as problem:
            self._tell(caller, item, problem.code)
            raise
        if not isinstance(outcome, Accepted):
            raise Problem("INTERNAL")
        self._tell(caller, item, "ACCEPTED" if outcome.fresh else "REPEATED")
        self._warn(caller, item, outcome)
        return outcome

    async def _find_documents(self, reading: Reading, item: Item) -> None:
        """Looked for before the batch: a file that is there stays there."""
        if self._find_files is None or item.draft is None or item.draft.refusal is not None:
            return
        wanted = name_documents(reading.row.type, reading.envelope.data)
        if wanted:
            reading.files = await self._find_files(reading.caller.party.id, wanted)

    async def _read(self, reading: Reading) -> Item:
        """A large body may take long to refuse: it is read beside the event loop."""
        if len(reading.body) <= LARGE_BODY:
            return read_message(reading)
        return await asyncio.to_thread(read_message, reading)

    async def spend(self, caller: Caller) -> None:
        """Spend the nonce of a call that is not a message; NONCE_REPLAYED or RATE_LIMITED."""
        await self._settle(Item(nonce=caller.nonce, at=caller.at, refusal=caller.limited))

    async def drain(self) -> None:
        """Return when everything that was asked is settled."""
        await self._batcher.drain()

    def _tell(self, caller: Caller, item: Item, code: str) -> None:
        """One wide event a message; the receipt's number only where this request made the receipt."""
        METRICS.add(ACCEPT_OUTCOMES, code=code)
        message = item.draft.message if item.draft else None
        told = (*_TOLD, "receipt_no") if code == "ACCEPTED" else _TOLD
        named = {name: getattr(message, name) for name in told} if message else {}
        self._log("accept.settled", code=code, sender_id=caller.party.id, **named)

    def _warn(self, caller: Caller, item: Item, outcome: Accepted) -> None:
        """One event a broken rule that only warns (domain section 4)."""
        number = item.draft.message.id if item.draft else None
        for fault in outcome.warnings:
            self._log("accept.warned", rule=fault.rule, pointer=fault.pointer, sender_id=caller.party.id, id=number)

    async def _settle(self, item: Item) -> Outcome:
        outcome = await self._batcher.submit(item)
        if isinstance(outcome, Refused):
            raise outcome.problem  # one that is INTERNAL carries its cause, for the log
        return outcome

    async def _commit(self, batch: Sequence[Item]) -> Sequence[Outcome]:
        METRICS.observe(ACCEPT_BATCH_SIZE, len(batch))
        try:
            outcomes = await self._inbox.accept(batch)
        except StoreUnavailable as error:
            raise Problem("UNAVAILABLE", retry_after=2) from error
        reach(ACCEPT_COMMITTED)
        if any(isinstance(outcome, Accepted) and outcome.fresh for outcome in outcomes):
            self._on_accepted()
        return outcomes
