"""The store's ports. The contracts are the text.

One call is one transaction. Every call may raise `StoreUnavailable`: then nothing is known to have happened, and
whoever asked may ask again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from gateway.core.intake import Item
from gateway.core.intake import Outcome as IntakeOutcome
from gateway.core.party import Directory, Key, KeyStatus, Party
from gateway.ports.clocks import Clocks
from gateway.ports.evidence import Ledger
from gateway.ports.files import FileRows, Guarantees
from gateway.ports.onboarding import Onboardings
from gateway.ports.papers import Papers
from gateway.ports.reconciliation import Reconciliations
from gateway.ports.records import (
    Alert,
    Audit,
    Cause,
    Claimed,
    ClosedAlert,
    Head,
    MessageView,
    PartyChange,
    Proof,
    ProofResult,
    Query,
    Settlement,
    Swept,
    Tally,
    Waiting,
)
from gateway.ports.retention import Retention
from gateway.ports.sealing import SealKeys
from gateway.ports.standings import Standings
from gateway.ports.statistics import Counts


class StoreUnavailable(Exception):  # noqa: N818 - named for the condition, as the wire's UNAVAILABLE
    """The database did not answer, or its answer to COMMIT was lost: nothing is known, ask again."""


class Duplicate(Exception):  # noqa: N818 - the caller's fault, told to people in Chinese by the command
    """A party id or a key is registered already (protocol section 1: a key has one owner)."""


class Missing(Exception):  # noqa: N818 - the caller's fault, told to people in Chinese by the command
    """There is no such party, key, message or delivery."""


class Inbox(Protocol):
    """Accepts messages."""

    async def accept(self, batch: Sequence[Item]) -> Sequence[IntakeOutcome]:
        """Settle a batch in arrival order in one transaction; outcomes stand in the batch's order.

        Subjects are locked first, in sorted order (made on demand), then nonces are inserted and ids are read, then
        `core.intake.Fold` decides, then messages, deliveries and orders are written. A batch that fails on data is
        run again item by item (an item that still fails gets INTERNAL). Serialisation failures and deadlocks are
        retried inside; a COMMIT whose answer is lost is not: StoreUnavailable.
        A delivery is due at once when no live row of its recipient and subject stands before it, else it waits.
        """
        ...


class Outbox(Protocol):
    """What the relay needs."""

    async def heads(self, *, limit: int, now: int, without: Collection[str] = ()) -> Sequence[Head]:
        """Due, unpublished, unclaimed heads in order of their rows, those of recipients in `without` left out."""
        ...

    async def mark(self, tokens: Mapping[int, int], *, now: int) -> None:
        """The wake-ups of rows (delivery id → the token of the head) are confirmed by the bus: published at `now`.

        A row that was claimed since has used its wake-up up, and is not marked.
        """
        ...

    async def forget(self, recipients: Collection[str] | None = None) -> int:
        """Take back the published marks of live rows, of these recipients or of all (the local bus forgets at start):
        their wake-ups are gone; how many.
        """
        ...

    async def lead(self, role: str, *, holder: str, now: int) -> bool:
        """Hold or take over the lease of a role: True while `holder` has it; a lease not renewed for 5 s is free."""
        ...


class Deliveries(Protocol):
    """Claims and their ends. Ending a row makes the next of its recipient and subject due in the same transaction."""

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

    async def release(self, worker: str, *, now: int, keep: Collection[int] | None = None) -> int:
        """Give back what this worker holds without costing an attempt; how many.

        Without `keep` it gives back everything and the worker's row goes; with it, those deliveries stay claimed and
        the worker goes on.
        """
        ...

    async def void_leases(self, now: int) -> Swept:
        """Take back every claim, whoever holds it, as `sweep` does: when the one process of a SQLite home starts."""
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


class Archive(Protocol):
    """Reading what was kept."""

    async def message(self, source: str, message_id: str) -> MessageView | None:
        """One message."""
        ...

    async def find(self, query: Query) -> Sequence[MessageView]:
        """Messages by filter, newest first; `state=FAILED` lists the dead letters."""
        ...

    async def find_ids(self, query: Query) -> Sequence[int]:
        """The delivery ids of what `find` would find, oldest first."""
        ...

    async def page(self, *, after: int, limit: int) -> Sequence[Head]:
        """Every message once, in order of its first delivery, at most `limit` behind the delivery `after`."""
        ...

    async def find_causes(self, query: Query) -> Sequence[Cause]:
        """Ended deliveries of what matches, counted by the code that ended them and by recipient, most first."""
        ...

    async def replay(self, delivery_ids: Sequence[int], *, now: int, audit: Audit) -> Sequence[int]:
        """A new, linked row at the tail of the subject for each failed row that has no receipt of refusal pending
        and was not replayed yet; the new delivery ids. History stays.
        """
        ...

    async def discard(self, delivery_ids: Sequence[int], *, now: int, audit: Audit) -> int:
        """Failed or held rows become cancelled (a held one frees its subject); how many."""
        ...


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

    async def closed_alerts(self, *, limit: int) -> Sequence[ClosedAlert]:
        """Closed alerts, the last one closed first."""
        ...

    async def close_alert(self, code: str, about: str, *, now: int, audit: Audit) -> bool:
        """Close an open alert."""
        ...

    async def record(self, audit: Audit, *, now: int) -> None:
        """Append an audit row for what changed nothing here, or changed it elsewhere: who looked, who asked."""
        ...

    async def audits(self, *, limit: int, about: str | None = None) -> Sequence[tuple[int, Audit]]:
        """The newest audit rows with their instants: all, or those about something."""
        ...

    async def tally(self) -> Tally:
        """What gauges show of deliveries and alerts."""
        ...

    async def skew(self, now: int) -> int:
        """The process's clock minus the database's, microseconds."""
        ...


class Store(
    Inbox,
    Outbox,
    Deliveries,
    Mailbox,
    Archive,
    Parties,
    Books,
    FileRows,
    Guarantees,
    Papers,
    Standings,
    Clocks,
    Ledger,
    Reconciliations,
    Onboardings,
    SealKeys,
    Retention,
    Counts,
    Protocol,
):
    """All store ports over one database."""

    async def open(self) -> None:
        """Check the schema version and the database's safety settings; raise StoreUnavailable or ValueError."""
        ...

    async def close(self) -> None:
        """Flush what is queued and let go."""
        ...
