"""The ports: what the flow asks of the store, the bus, the network and the clock. The contracts are the text.

One call of a store port is one transaction. Instants are microseconds UTC. Every store call may raise
`StoreUnavailable`: then nothing is known to have happened, and whoever asked may ask again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.core.delivery import Decision, State
from gateway.core.exchange import Answer, Outcome, Outgoing, Request, Stand
from gateway.core.intake import Item
from gateway.core.intake import Outcome as IntakeOutcome
from gateway.core.message import Message
from gateway.core.party import Directory, Key, KeyStatus, Link, Party, Standing


class StoreUnavailable(Exception):  # noqa: N818 - named for the condition, as the wire's UNAVAILABLE
    """The database did not answer, or its answer to COMMIT was lost: nothing is known, ask again."""


class Duplicate(Exception):  # noqa: N818 - the caller's fault, told to people in Chinese by the command
    """A party id or a key is registered already (protocol section 1: a key has one owner)."""


class Missing(Exception):  # noqa: N818 - the caller's fault, told to people in Chinese by the command
    """There is no such party, key, message or delivery."""


class Clock(Protocol):
    """Time as the process sees it."""

    def now(self) -> int:
        """Microseconds UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock; a fake clock returns when it is moved past them."""
        ...


# --- the store: books beside the messages ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that people must look at. One row a (`code`, `about`) while it is open; raising it again counts."""

    code: str
    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Who changed what, and why: append-only."""

    actor: str
    action: str
    about: str
    reason: str


# --- the store: intake -------------------------------------------------------------------------------------------


class Inbox(Protocol):
    """Accepts messages."""

    async def accept(self, batch: Sequence[Item]) -> Sequence[IntakeOutcome]:
        """Settle a batch in arrival order in one transaction; outcomes stand in the batch's order.

        Nonces are inserted first, then subjects are locked in sorted order (made on demand), then ids are read, then
        `core.intake.Fold` decides, then messages, deliveries and orders are written. A batch that fails on data is
        run again item by item (an item that still fails gets INTERNAL). Serialisation failures and deadlocks are
        retried inside; a COMMIT whose answer is lost is not: StoreUnavailable.
        A delivery is due at once when no live row of its recipient and subject stands before it, else it waits.
        """
        ...


# --- the store: outbox -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A live row with no earlier live row of its recipient and subject, due and not published."""

    delivery_id: int
    message: Message


class Outbox(Protocol):
    """What the relay needs."""

    async def heads(self, *, limit: int, now: int, without: Collection[str] = ()) -> Sequence[Head]:
        """Due, unpublished, unclaimed heads in order of their rows, those of recipients in `without` left out."""
        ...

    async def mark(self, delivery_ids: Collection[int], *, now: int) -> None:
        """Their wake-ups are confirmed by the bus: published at `now`, one more time."""
        ...

    async def forget(self) -> int:
        """Take back all published marks of live rows (the local bus forgets at start); how many."""
        ...

    async def lead(self, role: str, *, holder: str, now: int) -> bool:
        """Hold or take over the lease of a role: True while `holder` has it; a lease not renewed for 5 s is free."""
        ...


# --- the store: deliveries ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row that this worker may try now. `token` fences what the worker decides later."""

    delivery_id: int
    token: int
    attempt: int
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a worker decided about its claim; void unless the claim is still its own.

    `http_status`, `code`, `text` close the attempt row. `messages` (the gateway's own) and `alerts` are written in
    the same transaction, and only if the settlement counts. GiveBack removes the attempt row.
    """

    delivery_id: int
    token: int
    worker: str
    decision: Decision
    at: int
    http_status: int | None = None
    code: str | None = None
    text: str | None = None
    messages: Sequence[Message] = ()
    alerts: Sequence[Alert] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A good receipt, verified. `method` and `path` are those of the receipt's request if pulled, None if pushed.

    `status` is "ACCEPTED" or "REFUSED". `attempt` names the attempt whose answer brought it, None if pulled.
    `messages` (message.failed of a refusal) are written with it, once.
    """

    delivery_id: int
    status: str
    body: bytes
    serial_no: str
    timestamp: int
    nonce: str
    signature: str
    at: int
    method: str | None = None
    path: str | None = None
    attempt: int | None = None
    http_status: int | None = None
    code: str | None = None
    text: str | None = None
    messages: Sequence[Message] = ()
    alerts: Sequence[Alert] = ()


class ProofResult(StrEnum):
    """RECORDED: it closed the delivery. SAME: it had been recorded. CONFLICT: another receipt had (409)."""

    RECORDED = "recorded"
    SAME = "same"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep mended: delivery ids by kind."""

    lost: Sequence[int] = ()
    parked: Sequence[int] = ()
    unblocked: Sequence[int] = ()


class Deliveries(Protocol):
    """Claims and their ends. Ending a row makes the next row of its recipient and subject due, in the same transaction."""

    async def claim(self, delivery_ids: Collection[int], *, worker: str, now: int) -> Sequence[Claimed]:
        """Claim those that are claimable heads, due and free; others are silently left out.

        Inserts the attempt row (`started`), raises the token. Nothing is claimed for a worker without a fresh beat.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Write each decision whose (worker, token) still holds the row; True where it counted."""
        ...

    async def prove(self, proof: Proof) -> ProofResult:
        """Record a good receipt whoever holds the row, even after it failed for want of one.

        The first receipt is the legal instant. The same receipt again (id, digest, status, code, message) is SAME.
        ACCEPTED → delivered; REFUSED → failed. Closes the open attempt, or adds one where none is open.
        """
        ...

    async def beat(self, worker: str, *, now: int) -> None:
        """The worker lives. Its leases end when the beat is 5 s old."""
        ...

    async def release(self, worker: str, *, now: int) -> int:
        """Give back everything this worker holds without costing an attempt; how many. The worker's row goes."""
        ...

    async def sweep(self, *, now: int) -> Swept:
        """Take back rows of dead workers (attempt closed: retry, WORKER_LOST), due at once; five claims without an
        outcome park the row (held, with an alert). Mend heads that wait although nothing stands before them.
        """
        ...

    async def stale(self, *, now: int) -> Mapping[str, int]:
        """Recipients with published, unclaimed, due heads older than 30 s × 2^(times-1) → their count of live heads."""
        ...

    async def republish(self, recipient: str, *, limit: int, now: int) -> int:
        """Take back the published mark of at most `limit` such stale heads, oldest first; how many."""
        ...

    async def purge_nonces(self, *, before: int, limit: int) -> int:
        """Delete at most `limit` nonces spent before `before`; how many."""
        ...


# --- the store: mailbox and archive ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that stands in a mailbox; `attempt` from 1."""

    delivery_id: int
    attempt: int
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt as GET /v1/messages shows it."""

    number: int
    time: int
    outcome: str
    http_status: int | None
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message with its latest delivery, its attempts over all its deliveries and its receipt if any."""

    message: Message
    delivery_id: int
    state: State
    next_attempt_at: int | None
    attempts: Sequence[AttemptView]
    proof: Proof | None
    replay_of: int | None = None


class Mailbox(Protocol):
    """The pull side."""

    async def waiting(self, recipient: str, *, limit: int, after: int | None) -> Sequence[Waiting]:
        """Unreceipted messages in order of acceptance, also dead-lettered ones, also several of one subject; not
        discarded ones, and a replayed message once. `after` is a delivery id.
        """
        ...

    async def delivery(self, delivery_id: int) -> MessageView | None:
        """The delivery with its message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A filter over messages; empty fields match all."""

    state: State | None = None
    source: str | None = None
    recipient: str | None = None
    type: str | None = None
    subject: str | None = None
    code: str | None = None
    limit: int = 100


class Archive(Protocol):
    """Reading what was kept."""

    async def message(self, source: str, message_id: str) -> MessageView | None:
        """One message."""
        ...

    async def find(self, query: Query) -> Sequence[MessageView]:
        """Messages by filter, newest first; `state=FAILED` lists the dead letters."""
        ...

    async def replay(self, delivery_ids: Sequence[int], *, now: int, audit: Audit) -> Sequence[int]:
        """A new, linked row at the tail of the subject for each failed row that has no receipt of refusal pending
        and was not replayed yet; the new delivery ids. History stays.
        """
        ...

    async def discard(self, delivery_ids: Sequence[int], *, now: int, audit: Audit) -> int:
        """Failed or held rows become cancelled (a held one frees its subject); how many."""
        ...


# --- the store: parties ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyChange:
    """The fields of a party to change; None leaves a field as it is."""

    name: str | None = None
    adapter: str | None = None
    endpoint: str | None = None
    link: Link | None = None
    paused: bool | None = None
    gone: bool | None = None
    standing: Standing | None = None


class Parties(Protocol):
    """Parties and keys; each change raises the revision and writes its audit row."""

    async def revision(self) -> int:
        """The number that rises with every change of parties, keys or settings."""
        ...

    async def directory(self) -> Directory:
        """All parties and keys as of now."""
        ...

    async def add(self, party: Party, keys: Sequence[Key], *, now: int, audit: Audit) -> None:
        """Register a party with its keys. Raises Duplicate."""
        ...

    async def change(self, party_id: str, change: PartyChange, *, now: int, audit: Audit) -> Party:
        """Change a party. Raises Missing. Resuming (paused or gone set to False) makes its held rows due and takes
        back the published marks of its live rows, so that delivery goes on at once; so does a new adapter.
        """
        ...

    async def add_key(self, key: Key, *, now: int, audit: Audit) -> None:
        """Register one more key. Raises Duplicate when the serial is known, whoever owns it; Missing for no owner."""
        ...

    async def end_key(self, owner_id: str, serial_no: str, status: KeyStatus, *, now: int, audit: Audit) -> None:
        """Retire or revoke a key. Raises Missing."""
        ...


class Books(Protocol):
    """Alerts, the audit log, and the state of the database itself."""

    async def raise_alert(self, alert: Alert, *, now: int) -> bool:
        """Write or count an alert; True when it is new."""
        ...

    async def alerts(self) -> Sequence[tuple[Alert, int, int]]:
        """Open alerts with their first instant and count."""
        ...

    async def close_alert(self, code: str, about: str, *, now: int, audit: Audit) -> bool:
        """Close an open alert."""
        ...

    async def audits(self, *, limit: int) -> Sequence[tuple[int, Audit]]:
        """The newest audit rows with their instants."""
        ...

    async def tally(self) -> Mapping[tuple[str, str], int]:
        """Live and failed rows: (recipient, state) → count."""
        ...

    async def skew(self, now: int) -> int:
        """The process's clock minus the database's, microseconds."""
        ...


class Store(Inbox, Outbox, Deliveries, Mailbox, Archive, Parties, Books, Protocol):
    """All store ports over one database."""

    async def open(self) -> None:
        """Check the schema version and the database's safety settings; raise StoreUnavailable or ValueError."""
        ...

    async def close(self) -> None:
        """Flush what is queued and let go."""
        ...


# --- the bus -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A wake-up to publish: the delivery row it names and the message it carries.

    `body` is the raw bytes as signed; `headers` the CloudEvents attributes (`cloudEvents:id`, …), `gzbzj-origin` and
    `traceparent`.
    """

    delivery_id: int
    recipient: str
    type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakeup:
    """A wake-up that came off a recipient's queue."""

    delivery_id: int
    recipient: str
    redelivered: bool
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusState:
    """`silent` names recipients whose queue should have a consumer here and has none."""

    connected: bool
    blocked: bool = False
    silent: Sequence[str] = ()


Handle = Callable[[Wakeup], Awaitable[None]]
"""Returning acknowledges the wake-up; raising gives it back to the queue."""


class Subscription(Protocol):
    """One consumer of one recipient's queue."""

    async def cancel(self) -> None:
        """No new wake-ups; returns when those under way are finished and acknowledged."""
        ...


class Bus(Protocol):
    """Moves wake-ups. Losing all of it loses nothing: the database is the truth."""

    async def start(self) -> None:
        """Connect in the background; returns at once, the broker up or down."""
        ...

    async def stop(self) -> None:
        """Close; unconfirmed publishes stay unknown."""
        ...

    async def declare(self, recipients: Collection[str]) -> None:
        """Their queues exist from now on; remembered, and declared again after each reconnect."""
        ...

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """The delivery ids that the bus confirmed; one that is missing is unknown: publish it again.

        Never raises for the broker's troubles, is bounded in time, and returns promptly when the broker is away.
        An unroutable wake-up has its queue declared and is published once more.
        """
        ...

    async def subscribe(self, recipient: str, *, prefetch: int, handle: Handle) -> Subscription:
        """Consume a recipient's queue, at most `prefetch` wake-ups in hand at once; survives reconnects."""
        ...

    async def depth(self, recipient: str) -> int | None:
        """Wake-ups ready in the queue; None when unknown."""
        ...

    async def dead_depth(self) -> int | None:
        """Wake-ups that the broker gave up on; None when unknown."""
        ...

    def state(self) -> BusState:
        """How the bus is, now."""
        ...


# --- adapters and the network ------------------------------------------------------------------------------------


class Adapter(Protocol):
    """One dialect: two pure functions."""

    name: str

    def encode(self, delivery: Outgoing) -> Request | Stand:
        """What to send for this attempt."""
        ...

    def decode(self, delivery: Outgoing, answer: Answer) -> Outcome:
        """What the answer means. Total: any answer, or none, gives an outcome."""
        ...


class Transport(Protocol):
    """Carries requests to a party, within its bounds."""

    async def send(self, request: Request, party: Party) -> Answer:
        """One request, one answer; no redirects, the address guarded at dial time. Never raises for the network's or
        the recipient's faults: the answer then has no status and an `error`.
        """
        ...
