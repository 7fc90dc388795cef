"""The store as its ports name it: each call runs one synchronous function in one transaction, off the event loop."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.core.errors import Problem
from gateway.core.intake import Item, Refused
from gateway.core.intake import Outcome as IntakeOutcome
from gateway.core.party import Directory, Key, KeyStatus, Party
from gateway.ports import (
    Audit,
    Cause,
    Claimed,
    Head,
    MessageView,
    PartyChange,
    Proof,
    ProofResult,
    Query,
    Settlement,
    StoreUnavailable,
    Swept,
    Waiting,
)
from gateway.store import (
    archive,
    books,
    claims,
    dead,
    intake,
    leases,
    mailbox,
    outbox,
    parties,
    proofs,
    settle,
    wakeups,
)
from gateway.store.book_tables import BookTables
from gateway.store.clock_views import ClockTables
from gateway.store.dialect import POSTGRESQL
from gateway.store.engine import check_safety, parse_url
from gateway.store.files import FileTables
from gateway.store.gathering import Gathering
from gateway.store.ledger import LedgerTables
from gateway.store.onboarding import OnboardingTables
from gateway.store.papers import PaperTables
from gateway.store.reconciliations import ReconciliationTables
from gateway.store.retention import RetentionTables
from gateway.store.runners import PostgresRunner, Runner, SqliteRunner
from gateway.store.seal_keys import SealTables
from gateway.store.standings import StandingTables
from gateway.store.statistics import StatisticsTables
from gateway.store.version import check_version

POOL: Final = 8
"""Connections to PostgreSQL a process."""

PROOFS: Final = 64
"""Receipts recorded in one transaction at most."""


def open_store(url: str, *, size: int = POOL) -> SqlStore:
    """A store over `sqlite:///path` or `postgresql://…`, not opened yet. ValueError for another address."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == POSTGRESQL:
        return SqlStore(PostgresRunner(parsed, size=size))
    return SqlStore(SqliteRunner(parsed))


class _Base:
    """Where the work is run."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._read = runner.read
        self._write = runner.write
        self._write_hot = runner.write_hot


class _Intake(_Base):
    """The Inbox and the Outbox."""

    async def accept(self, batch: Sequence[Item]) -> Sequence[IntakeOutcome]:
        """Settle a batch; one that fails on data is settled item by item."""
        if not batch:
            return []
        try:
            return await self._write_hot(partial(intake.accept, items=batch))
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever one item carries, its neighbours are settled; its own run tells
            return [await self._accept_alone(item) for item in batch]

    async def _accept_alone(self, item: Item) -> IntakeOutcome:
        try:
            return (await self._write(partial(intake.accept, items=[item])))[0]
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - told as INTERNAL, its cause kept
            return await self._spend_alone(item, error)

    async def _spend_alone(self, item: Item, error: Exception) -> IntakeOutcome:
        """INTERNAL for an item that cannot be written; its nonce is spent all the same, where it can be."""
        problem = Problem("INTERNAL")
        problem.__cause__ = error
        bare = Item(nonce=item.nonce, at=item.at, refusal=problem)
        try:
            return (await self._write(partial(intake.accept, items=[bare])))[0]
        except SQLAlchemyError:
            return Refused(problem=problem)

    async def heads(self, *, limit: int, now: int, without: Collection[str] = ()) -> Sequence[Head]:
        """Due, unpublished, unclaimed heads."""
        return await self._read(partial(outbox.heads, limit=limit, now=now, without=without))

    async def mark(self, tokens: Mapping[int, int], *, now: int) -> None:
        """Their wake-ups are confirmed."""
        await self._write(partial(outbox.mark, tokens=tokens, now=now))

    async def forget(self, recipients: Collection[str] | None = None) -> int:
        """Take back all published marks."""
        return await self._write(partial(outbox.forget, recipients=recipients))

    async def lead(self, role: str, *, holder: str, now: int) -> bool:
        """Hold or take over the lease of a role."""
        return await self._write(partial(outbox.lead, role=role, holder=holder, now=now))


class _Deliveries(_Base):
    """Claims and their ends."""

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner)
        self._proofs = Gathering(self._prove_all, most=PROOFS)

    async def claim(self, delivery_ids: Collection[int], *, worker: str, now: int) -> Sequence[Claimed]:
        """Claim those that may be tried now."""
        return await self._write(partial(claims.claim, delivery_ids=delivery_ids, worker=worker, now=now))

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Write what still counts."""
        return await self._write(partial(settle.settle, settlements=settlements))

    async def prove(self, proof: Proof) -> ProofResult:
        """Record a good receipt, with those that come meanwhile. Raises Missing."""
        result = await self._proofs.ask(proof)
        if isinstance(result, Exception):
            raise result
        return result

    async def _prove_all(self, batch: Sequence[Proof]) -> Sequence[ProofResult | Exception]:
        try:
            return await self._write(partial(proofs.prove_all, proofs=batch))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one receipt carries, its neighbours are recorded
            return [error] if len(batch) == 1 else [(await self._prove_all([proof]))[0] for proof in batch]

    async def beat(self, worker: str, *, now: int) -> None:
        """The worker lives."""
        await self._write(partial(leases.beat, worker=worker, now=now))

    async def release(self, worker: str, *, now: int, keep: Collection[int] | None = None) -> int:
        """Give back everything that the worker holds."""
        return await self._write(partial(leases.release, worker=worker, now=now, keep=keep))

    async def sweep(self, *, now: int) -> Swept:
        """Mend what dead workers left."""
        return await self._write(partial(leases.sweep, now=now))

    async def void_leases(self, now: int) -> Swept:
        """Take back the claims of every worker at once: for the start of the one process of a SQLite home."""
        return await self._write(partial(leases.void_leases, now=now))

    async def stale(self, *, now: int) -> Mapping[str, int]:
        """Recipients with late wake-ups."""
        return await self._read(partial(wakeups.stale, now=now))

    async def republish(self, recipient: str, *, limit: int, now: int) -> int:
        """Take back the marks of late wake-ups."""
        return await self._write(partial(wakeups.republish, recipient=recipient, limit=limit, now=now))

    async def purge_nonces(self, *, before: int, limit: int) -> int:
        """Delete old nonces."""
        return await self._write(partial(books.purge_nonces, before=before, limit=limit))


class _Reading(_Base):
    """The Mailbox and the Archive."""

    async def waiting(self, recipient: str, *, limit: int, after: int | None) -> Sequence[Waiting]:
        """What stands in a mailbox."""
        return await self._read(partial(mailbox.waiting, recipient=recipient, limit=limit, after=after))

    async def delivery(self, delivery_id: int) -> MessageView | None:
        """The delivery with its message."""
        return await self._read(partial(mailbox.delivery, delivery_id=delivery_id))

    async def message(self, source: str, message_id: str) -> MessageView | None:
        """One message."""
        return await self._read(partial(archive.message, source=source, message_id=message_id))

    async def find(self, query: Query) -> Sequence[MessageView]:
        """Messages by filter."""
        return await self._read(partial(archive.find, query=query))

    async def find_ids(self, query: Query) -> Sequence[int]:
        """Delivery ids by filter."""
        return await self._read(partial(archive.find_ids, query=query))

    async def page(self, *, after: int, limit: int) -> Sequence[Head]:
        """Every message once, in order."""
        return await self._read(partial(archive.page, after=after, limit=limit))

    async def find_causes(self, query: Query) -> Sequence[Cause]:
        """Ended deliveries by cause."""
        return await self._read(partial(archive.find_causes, query=query))

    async def replay(self, delivery_ids: Sequence[int], *, now: int, audit: Audit) -> Sequence[int]:
        """Dead letters once more."""
        return await self._write(partial(dead.replay, delivery_ids=delivery_ids, now=now, audit=audit))

    async def discard(self, delivery_ids: Sequence[int], *, now: int, audit: Audit) -> int:
        """Dead or held letters never more."""
        return await self._write(partial(dead.discard, delivery_ids=delivery_ids, now=now, audit=audit))


class _Parties(_Base):
    """Parties and keys."""

    async def revision(self) -> int:
        """The number that rises with every change."""
        return await self._read(parties.revision)

    async def directory(self) -> Directory:
        """All parties and keys."""
        return await self._read(parties.directory)

    async def add(self, party: Party, keys: Sequence[Key], *, now: int, audit: Audit) -> None:
        """Register a party. Raises Duplicate."""
        await self._write(partial(parties.add, party=party, keys=keys, now=now, audit=audit))

    async def change(self, party_id: str, change: PartyChange, *, now: int, audit: Audit) -> Party:
        """Change a party. Raises Missing."""
        return await self._write(partial(parties.change, party_id=party_id, change=change, now=now, audit=audit))

    async def add_key(self, key: Key, *, now: int, audit: Audit) -> None:
        """Register a key. Raises Duplicate or Missing."""
        await self._write(partial(parties.add_key, key=key, now=now, audit=audit))

    async def end_key(self, owner_id: str, serial_no: str, status: KeyStatus, *, now: int, audit: Audit) -> None:
        """Retire or revoke a key. Raises Missing."""
        work = partial(parties.end_key, owner_id=owner_id, serial_no=serial_no, status=status, now=now, audit=audit)
        await self._write(work)


class SqlStore(
    _Intake,
    _Deliveries,
    _Reading,
    _Parties,
    BookTables,
    ClockTables,
    FileTables,
    PaperTables,
    StandingTables,
    LedgerTables,
    ReconciliationTables,
    OnboardingTables,
    SealTables,
    RetentionTables,
    StatisticsTables,
):
    """All store ports over one database."""

    async def open(self) -> None:
        """Check version and safety. Raises SchemaMismatch, UnsafeDatabase (both ValueError) or StoreUnavailable."""
        await self._read(_check)

    async def close(self) -> None:
        """Flush what is queued and let go."""
        await self._runner.close()


def _check(connection: Connection) -> None:
    check_version(connection)
    check_safety(connection)
