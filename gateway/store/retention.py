"""What has served its term: dossiers gathered set by set, bodies emptied slice by slice.

A body is emptied only when its message stands in the chain of evidence: then its digest, and with it the sender's
signature, stay proven without the bytes. An empty body says that it was purged, for no message is empty.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from gateway.core.case import Case
from gateway.core.order import Order
from gateway.core.order_table import FINAL
from gateway.core.retention import CASE, OTHER, Dossier, Leaving
from gateway.store.clock_tables import CLOCKS
from gateway.store.clock_tables import OPEN as CLOCK_OPEN
from gateway.store.dialect import Types, as_given, as_ids, given, given_ids, name_of
from gateway.store.evidence_tables import CASE_ORDERS, LEAVES
from gateway.store.file_retention import count_idle, forget_files, leave_files
from gateway.store.file_tables import NAMINGS
from gateway.store.intake import CASE_KEY
from gateway.store.onboarding_retention import count_people, purge_people
from gateway.store.runners import Runner
from gateway.store.schema import ALERTS, ATTEMPTS, DELIVERIES, MESSAGES, RECEIPTS, SUBJECTS
from gateway.store.views import OF_DELIVERY

_D = DELIVERIES.c
_SUBJECT: Final[Types] = {"subject": Text()}
_KEY: Final[Types] = {"source": Text(), "id": Text()}
_MESSAGE: Final = "message"
_HELD: Final = func.length(MESSAGES.c.body) > 0


class RetentionTables:
    """Implements ports.Retention."""

    _runner: Runner

    async def dossiers(self, *, after: str, limit: int) -> Sequence[Dossier]:
        """What hangs together with the next business numbers."""
        return await self._runner.read(partial(dossiers, after=after, limit=limit))

    async def purge_bodies(self, subjects: Collection[str], *, limit: int) -> int:
        """Empty a slice of bodies."""
        return await self._runner.write(partial(purge_bodies, subjects=subjects, limit=limit))

    async def leave_files(self, *, after: str, before: int, now: int, limit: int) -> Leaving:
        """A page of files: marked, unmarked, or to be removed now."""
        return await self._runner.write(partial(leave_files, after=after, before=before, now=now, limit=limit))

    async def forget_files(self, digests: Collection[str]) -> int:
        """Forget files whose bytes are removed."""
        return await self._runner.write(partial(forget_files, digests=digests))

    async def idle_files(self, *, before: int) -> int:
        """How many files may go."""
        return await self._runner.read(partial(count_idle, before=before))

    async def purge_people(self, *, before: int, limit: int) -> int:
        """Empty the persons of a slice of application forms."""
        return await self._runner.write(partial(purge_people, before=before, limit=limit))

    async def idle_people(self, *, before: int) -> int:
        """How many forms' persons may go."""
        return await self._runner.read(partial(count_people, before=before))

    async def purge_alerts(self, *, before: int, limit: int) -> int:
        """Delete a slice of closed alerts."""
        return await self._runner.write(partial(purge_alerts, before=before, limit=limit))


@dataclass(slots=True)
class _Facts:
    """What the database says of some business numbers."""

    orders: dict[str, Order] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    traffic: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    clocks: set[str] = field(default_factory=set)

    def case_of(self, subject: str) -> str | None:
        """The case that a number belongs to: its order's, or itself where it is a case's number."""
        order = self.orders.get(subject)
        if order is not None:
            return order.case_no
        return subject if subject in self.cases or subject in self.members else None


_NEXT: Final = (
    select(SUBJECTS.c.subject)
    .where(SUBJECTS.c.subject > bindparam("past"), SUBJECTS.c.subject.not_like(f"{CASE_KEY}%"))
    .order_by(SUBJECTS.c.subject)
    .limit(bindparam("most"))
)


def dossiers(connection: Connection, *, after: str, limit: int) -> list[Dossier]:
    """Of the business numbers behind `after`, in order: what hangs together with each."""
    subjects = list(connection.execute(_NEXT, {"past": after, "most": limit}).scalars())
    if not subjects:
        return []
    facts = _Facts()
    _read_states(connection, facts, subjects)
    _read_members(connection, facts, {*(order.case_no for order in facts.orders.values()), *subjects})
    whole = {*subjects, *facts.members, *(each for members in facts.members.values() for each in members)}
    _read_states(connection, facts, whole - set(subjects))
    _read_traffic(connection, facts, whole)
    _read_clocks(connection, facts, whole)
    return [_dossier(facts, subject) for subject in subjects]


@cache
def _states(dialect: str) -> Select[Any]:
    wanted = select(given(dialect, _SUBJECT).c.subject)
    return select(SUBJECTS.c.subject, SUBJECTS.c.order_json).where(SUBJECTS.c.subject.in_(wanted))


def _read_states(connection: Connection, facts: _Facts, subjects: Iterable[str]) -> None:
    """Orders by their numbers, and cases, whose rows have keys of their own."""
    keys = [key for subject in subjects for key in (subject, CASE_KEY + subject)]
    rows = connection.execute(_states(name_of(connection)), _as_subjects(keys))
    for key, text in rows:
        if text is None:
            continue
        if key.startswith(CASE_KEY):
            facts.cases[key.removeprefix(CASE_KEY)] = Case.from_json(json.loads(text))
        else:
            facts.orders[key] = Order.from_json(json.loads(text))


@cache
def _belonging(dialect: str) -> Select[Any]:
    wanted = select(given(dialect, _SUBJECT).c.subject)
    return select(CASE_ORDERS.c.case_no, CASE_ORDERS.c.subject).where(CASE_ORDERS.c.case_no.in_(wanted))


def _read_members(connection: Connection, facts: _Facts, case_numbers: Iterable[str]) -> None:
    for subject, order in facts.orders.items():
        facts.members[order.case_no].add(subject)
    for case_no, subject in connection.execute(_belonging(name_of(connection)), _as_subjects(case_numbers)):
        facts.members[case_no].add(subject)


@cache
def _moving(dialect: str) -> Select[Any]:
    wanted = select(given(dialect, _SUBJECT).c.subject)
    busy = case((or_(_D.ended_at.is_(None), _D.mailed.is_(True)), 1), else_=0)
    joined = LEAVES.join(DELIVERIES, DELIVERIES.c.id == LEAVES.c.number).join(MESSAGES, OF_DELIVERY)
    counted = (func.max(_D.ended_at), func.sum(busy), func.sum(case((_HELD, 1), else_=0)))
    rows = select(LEAVES.c.subject, *counted).select_from(joined)
    return rows.where(LEAVES.c.kind == _MESSAGE, LEAVES.c.subject.in_(wanted)).group_by(LEAVES.c.subject)


def _read_traffic(connection: Connection, facts: _Facts, subjects: Iterable[str]) -> None:
    """Of the messages in the chain: when the last one ended, how many are under way, how many have their bytes."""
    for subject, last, busy, held in connection.execute(_moving(name_of(connection)), _as_subjects(subjects)):
        facts.traffic[subject] = (last or 0, int(busy), int(held))


@cache
def _ticking(dialect: str) -> Select[Any]:
    wanted = select(given(dialect, _SUBJECT).c.subject)
    named = or_(CLOCKS.c.subject.in_(wanted), CLOCKS.c.scope.in_(wanted))
    return select(CLOCKS.c.subject, CLOCKS.c.scope).where(CLOCK_OPEN, named)


def _read_clocks(connection: Connection, facts: _Facts, subjects: Iterable[str]) -> None:
    for subject, scope in connection.execute(_ticking(name_of(connection)), _as_subjects(subjects)):
        facts.clocks |= {subject, scope}


def _dossier(facts: _Facts, subject: str) -> Dossier:
    case_no = facts.case_of(subject)
    whole = {subject} if case_no is None else {subject, case_no, *facts.members.get(case_no, ())}
    orders = [facts.orders[number] for number in whole if number in facts.orders]
    kept = facts.cases.get(case_no) if case_no else None
    traffic = [facts.traffic[number] for number in whole if number in facts.traffic]
    return Dossier(
        subject=subject,
        kind=OTHER if case_no is None else CASE,
        case_no=case_no,
        last_service=max((last for last, _, _ in traffic), default=0),
        live=sum(busy for _, busy, _ in traffic),
        order_open=any(order.state not in FINAL for order in orders) or bool(kept and kept.shares),
        claim_open=any(order.claim_open for order in orders) or bool(kept and kept.claim_open),
        clock_open=bool(whole & facts.clocks),
        bodies=facts.traffic.get(subject, (0, 0, 0))[2],
    )


@cache
def _holding(dialect: str) -> Select[Any]:
    wanted = select(given(dialect, _SUBJECT).c.subject)
    joined = LEAVES.join(DELIVERIES, DELIVERIES.c.id == LEAVES.c.number).join(MESSAGES, OF_DELIVERY)
    rows = select(_D.id, _D.source, _D.message_id).select_from(joined)
    mine = and_(LEAVES.c.kind == _MESSAGE, LEAVES.c.subject.in_(wanted), _HELD)
    return rows.where(mine).order_by(_D.id).limit(bindparam("most", type_=BigInteger()))


@cache
def _emptying(dialect: str) -> tuple[Any, Any, Any, Any]:
    keys = given(dialect, _KEY)
    named = select(keys.c.source, keys.c.id)
    mine = tuple_(MESSAGES.c.source, MESSAGES.c.id).in_(named)
    tried = ATTEMPTS.c.delivery_id.in_(given_ids(dialect))
    told = tuple_(RECEIPTS.c.source, RECEIPTS.c.message_id).in_(named)
    return (
        update(MESSAGES).where(mine).values(body=b""),
        update(RECEIPTS).where(told, RECEIPTS.c.text.is_not(None)).values(text=None),
        delete(NAMINGS).where(tuple_(NAMINGS.c.source, NAMINGS.c.message_id).in_(named)),
        update(ATTEMPTS).where(tried, ATTEMPTS.c.text.is_not(None)).values(text=None),
    )


def purge_bodies(connection: Connection, *, subjects: Collection[str], limit: int) -> int:
    """Empty at most `limit` bodies, and the words of institutions about them; they name no file any more."""
    asked = _as_subjects(subjects) | {"most": limit}
    rows = connection.execute(_holding(name_of(connection)), asked).all()
    if not rows:
        return 0
    bodies, receipts, namings, attempts = _emptying(name_of(connection))
    keys = as_given({"source": source, "id": id_} for source, id_ in sorted({(row[1], row[2]) for row in rows}))
    connection.execute(bodies, keys)
    connection.execute(receipts, keys)
    connection.execute(namings, keys)
    connection.execute(attempts, as_ids(row[0] for row in rows))
    return len(rows)


def purge_alerts(connection: Connection, *, before: int, limit: int) -> int:
    """Delete at most `limit` alerts that were closed before `before`."""
    old = select(ALERTS.c.id).where(ALERTS.c.closed_at < before).order_by(ALERTS.c.id).limit(limit)
    return connection.execute(delete(ALERTS).where(ALERTS.c.id.in_(old))).rowcount


def _as_subjects(subjects: Iterable[str]) -> dict[str, Any]:
    return as_given({"subject": subject} for subject in sorted(set(subjects)))
