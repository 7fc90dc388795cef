"""Onboarding: events appended under their number, with what is read of them (domain section 6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from gateway.core.onboarding import Application, Registry
from gateway.core.onboarding_moves import Event
from gateway.core.sealing import ONBOARDING
from gateway.core.sla import ClockLedger
from gateway.ports import HISTORY, Filed, PartyChange, Recorded
from gateway.store.books import write_audit
from gateway.store.clocks import write_clocks
from gateway.store.dialect import insert, name_of
from gateway.store.onboarding_tables import (
    ONBOARDING_APPLICATIONS,
    ONBOARDING_EVENTS,
    ONBOARDING_PAPERS,
    ONBOARDING_PEOPLE,
)
from gateway.store.parties import change as change_party
from gateway.store.rows import AnyRow
from gateway.store.runners import Runner
from gateway.store.sealed import Confidential

_E: Final = ONBOARDING_EVENTS.c
_A: Final = ONBOARDING_APPLICATIONS.c
_N: Final = ONBOARDING_PEOPLE.c
_P: Final = ONBOARDING_PAPERS.c
_STANDING: Final = select(_A.number, _A.application, _N.people).select_from(
    ONBOARDING_APPLICATIONS.outerjoin(ONBOARDING_PEOPLE, _N.number == _A.form)
)
_HISTORY: Final = (
    select(ONBOARDING_EVENTS)
    .where(_E.institution == bindparam("whose"))
    .order_by(_E.number.desc())
    .limit(bindparam("most"))
)
_NAMED: Final = select(_N.number, _N.people).where(_N.number.in_(bindparam("forms", expanding=True)))
_FILED: Final = (
    select(ONBOARDING_PEOPLE).where(_N.number > bindparam("past")).order_by(_N.number).limit(bindparam("most"))
)
_LEAVING: Final = (
    update(ONBOARDING_PAPERS)
    .where(_P.institution == bindparam("whose"), _P.left_at.is_(None))
    .values(left_at=bindparam("at"))
)
_FORMS: Final = frozenset({"apply", "attach"})


class OnboardingTables:
    """The part of the store that keeps onboarding."""

    _runner: Runner

    async def registry(self) -> Registry:
        """All applications."""
        return await self._runner.read(registry)

    async def record_move(self, recorded: Recorded, *, now: int) -> bool:
        """A move, if nothing came between."""
        try:
            await self._runner.write(partial(record, recorded=recorded, now=now))
        except _OvertakenError:
            return False
        return True

    async def history(self, institution: str, *, limit: int = HISTORY) -> Sequence[Event]:
        """One institution's newest events."""
        return await self._runner.read(partial(history, institution=institution, limit=limit))

    async def filed(self, *, after: int, limit: int) -> Sequence[Filed]:
        """Whom application forms name."""
        return await self._runner.read(partial(filed, after=after, limit=limit))


class _OvertakenError(Exception):
    """Another event has the number: the transaction is undone."""


def registry(connection: Connection) -> Registry:
    """The newest event of each institution."""
    rows = connection.execute(_STANDING).all()
    applications = [Application.from_json(json.loads(row.application), _people(row.people)) for row in rows]
    return Registry(
        applications=MappingProxyType({each.institution: each for each in applications}),
        number=max((row.number for row in rows), default=0),
    )


@cache
def _appending(dialect: str) -> Any:
    return insert(dialect, ONBOARDING_EVENTS).on_conflict_do_nothing().returning(_E.number)


@cache
def _standing(dialect: str) -> Any:
    statement = insert(dialect, ONBOARDING_APPLICATIONS)
    anew = {name: statement.excluded[name] for name in ("number", "stage", "since", "form", "application")}
    return statement.on_conflict_do_update(index_elements=["institution"], set_=anew)


@cache
def _holding(dialect: str) -> Any:
    statement = insert(dialect, ONBOARDING_PAPERS)
    return statement.on_conflict_do_update(
        index_elements=["digest", "institution"], set_={"held": True, "left_at": None}
    )


def record(connection: Connection, *, recorded: Recorded, now: int) -> None:
    """Append the events, and write what goes with them; raises _OvertakenError, and then nothing may stay."""
    statement = _appending(name_of(connection))
    for event in recorded.events:
        if connection.execute(statement, _event_row(event)).first() is None:
            raise _OvertakenError
        _keep(connection, event)
    ledger = ClockLedger()
    ledger.add(recorded.clocks)
    write_clocks(connection, ledger, now=now)
    _write_standing(connection, recorded, now=now)


def _keep(connection: Connection, event: Event) -> None:
    """What is read of the event: how the application stands, whom a form names, which files are papers."""
    application = event.application
    row = {name: getattr(application, name) for name in ("institution", "since", "form")}
    row |= {"number": event.number, "stage": application.stage.value, "application": _as_text(application)}
    connection.execute(_standing(name_of(connection)), row)
    if application.form == event.number:
        people = Confidential(ONBOARDING, json.dumps(application.people, ensure_ascii=False).encode())
        filed = {"number": event.number, "institution": application.institution, "at": event.at, "people": people}
        connection.execute(ONBOARDING_PEOPLE.insert(), filed)
    if event.move in _FORMS:
        _keep_papers(connection, event)


def _keep_papers(connection: Connection, event: Event) -> None:
    """A file that is a paper no more begins its term."""
    whose = event.application.institution
    connection.execute(_LEAVING, {"whose": whose, "at": event.at})
    digests = {paper.digest for paper in event.application.papers.values()}
    rows = [{"digest": digest, "institution": whose, "held": True} for digest in sorted(digests)]
    if rows:
        connection.execute(_holding(name_of(connection)), rows)


def _write_standing(connection: Connection, recorded: Recorded, *, now: int) -> None:
    """The audit row goes with the party's change where there is one."""
    if recorded.standing is None:
        write_audit(connection, recorded.audit, now=now)
        return
    wanted = PartyChange(standing=recorded.standing)
    change_party(connection, party_id=recorded.audit.about, change=wanted, now=now, audit=recorded.audit)


def history(connection: Connection, *, institution: str, limit: int) -> list[Event]:
    """One institution's newest events, the oldest of them first."""
    rows = connection.execute(_HISTORY, {"whose": institution, "most": limit}).all()
    told = [(row, json.loads(row.application)) for row in reversed(rows)]
    forms = sorted({doc["form"] for _, doc in told})
    named = {row.number: row.people for row in connection.execute(_NAMED, {"forms": forms})}
    return [_event(row, Application.from_json(doc, _people(named.get(doc["form"])))) for row, doc in told]


def filed(connection: Connection, *, after: int, limit: int) -> list[Filed]:
    """Whom the forms behind this number name, in order."""
    rows = connection.execute(_FILED, {"past": after, "most": limit})
    return [
        Filed(number=row.number, institution=row.institution, at=row.at, people=_people(row.people) or {})
        for row in rows
    ]


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "number": event.number,
        "institution": event.application.institution,
        "move": event.move,
        "actor": event.actor,
        "at": event.at,
        "reason": event.reason,
        "application": _as_text(event.application),
    }


def _event(row: AnyRow, application: Application) -> Event:
    return Event(
        number=row.number,
        move=row.move,
        actor=row.actor,
        at=row.at,
        reason=row.reason,
        application=application,
    )


def _as_text(application: Application) -> str:
    return json.dumps(application.to_json(), ensure_ascii=False)


def _people(body: bytes | None) -> dict[str, Any] | None:
    """None once they are purged."""
    return json.loads(body) if body else None
