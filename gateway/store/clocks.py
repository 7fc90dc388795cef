"""Clocks written in the transaction of their cause: let run, ended, started, each in one statement (point 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, Text, and_, bindparam, case, or_, select, true, update

from gateway.core.area import Length, Unit
from gateway.core.firing import CALENDAR_MOVED, SLA_BREACHED
from gateway.core.legal_clock import Awaits, ClockState, LegalClock
from gateway.core.sla import BeginClocks, ClockLedger, EndClocks
from gateway.store.clock_tables import CLOCKS, KEPT, OPEN, WAITING
from gateway.store.dialect import Types, as_columns, as_given, given, given_columns, insert, name_of
from gateway.store.posting import settle_alerts
from gateway.store.rows import AnyRow
from gateway.store.together import Call, Rows, run_together

CLOCK_COLUMNS: Final = tuple(column for column in CLOCKS.c if column.name not in KEPT)

_C: Final = CLOCKS.c
_ROW: Final[Types] = {column.name: column.type for column in CLOCK_COLUMNS}
_PLAIN: Final = tuple(name for name in _ROW if name not in {"term", "unit", "awaits", "state"})
_END: Final[Types] = {
    "rule": Text(),
    "scope": Text(),
    "key": Text(),
    "at": BigInteger(),
    "state": Text(),
    "by": Text(),
}
_FIRST: Final = ("start_at", "due_at", "fixed_at", "calendar")
_TRIGGER: Final[Types] = {"source": Text(), "message_id": Text()}
_MOVED: Final = (
    "awaits",
    "state",
    "start_at",
    "due_at",
    "due_date",
    "provisional",
    "calendar",
    "next_percent",
    "next_at",
    "breached_at",
    "ended_at",
    "ended_by",
)
_MOVE: Final[Types] = {name: _ROW[name] for name in ("number", *_MOVED)}
_NOW: Final = bindparam("now", type_=BigInteger())
_STEP: Final = {"steps": _C.steps + 1, "changed_at": _NOW}
_ALERTS: Final = (SLA_BREACHED, CALENDAR_MOVED)
_CLOSED: Final[Mapping[ClockState, str]] = MappingProxyType(
    {ClockState.ENDED: "超期后办结，依据 {}", ClockState.WITHDRAWN: "期限已撤销，依据 {}"}
)


def write_clocks(connection: Connection, ledger: ClockLedger, *, now: int) -> None:
    """Write the changes of a batch; nothing is asked of the database where there are none."""
    begin_clocks(connection, ledger.begun, now=now)
    calls = (ending_clocks(name_of(connection), ledger, now=now), starting_clocks(name_of(connection), ledger, now=now))
    ended, _ = run_together(connection, calls)
    close_breaches(connection, ended, now=now)


def ending_clocks(dialect: str, ledger: ClockLedger, *, now: int) -> Call | None:
    """Ends what a batch ended; `begin_clocks` comes before it, `close_breaches` takes its rows."""
    return Call(_ending(dialect), as_given(_ends(ledger.ended)) | {"now": now}) if ledger.ended else None


def starting_clocks(dialect: str, ledger: ClockLedger, *, now: int) -> Call | None:
    """Writes what a batch started, after what it ended."""
    rows = [clock_row(clock) for clock in ledger.started]
    return Call(_starting(dialect), as_columns(dialect, _ROW, rows) | {"now": now}) if rows else None


def close_breaches(connection: Connection, ended: Rows, *, now: int) -> None:
    """Close the alerts of terms that were over when their duty was done, or ceased to be one; they stay on record."""
    for rule, number, state, by, breached_at in ended:
        if breached_at is not None:
            reason = _CLOSED[ClockState(state)].format(by)
            settle_alerts(connection, codes=_ALERTS, about=f"{rule}:{number}", reason=reason, now=now)


def begin_clocks(connection: Connection, begun: Sequence[BeginClocks], *, now: int) -> None:
    """Let run what waits for these messages."""
    if not begun:
        return
    keys = sorted({(each.source, each.message_id) for each in begun})
    asked = as_given({"source": source, "message_id": number} for source, number in keys)
    waiting = {row.number: clock_of(row) for row in connection.execute(_waiting(name_of(connection)), asked)}
    running: dict[str, LegalClock] = {}
    for change in begun:
        running |= {clock.number: change.begin(clock) for clock in waiting.values() if change.begins(clock)}
        waiting |= running
    move_clocks(connection, running.values(), now=now)


def move_clocks(connection: Connection, clocks: Iterable[LegalClock], *, now: int) -> None:
    """Write clocks that the caller has locked as they stand now."""
    rows = [{name: row[name] for name in _MOVE} for row in map(clock_row, clocks)]
    if rows:
        connection.execute(_moving(name_of(connection)), as_given(rows) | {"now": now})


def clock_row(clock: LegalClock) -> dict[str, Any]:
    """The row of `clocks`, without what the store keeps for itself."""
    return {name: getattr(clock, name) for name in _PLAIN} | {
        "term": clock.length.count,
        "unit": clock.length.unit.value,
        "awaits": clock.awaits.value if clock.awaits else None,
        "state": clock.state.value,
    }


def clock_of(row: AnyRow) -> LegalClock:
    """The clock of a row that selected CLOCK_COLUMNS."""
    values = row._asdict()
    return LegalClock(
        length=Length(count=values["term"], unit=Unit(values["unit"])),
        awaits=Awaits(values["awaits"]) if values["awaits"] else None,
        state=ClockState(values["state"]),
        **{name: values[name] for name in _PLAIN},
    )


def _ends(ended: Sequence[EndClocks]) -> list[dict[str, Any]]:
    return [
        {
            "rule": each.rule,
            "scope": each.scope,
            "key": each.key,
            "at": each.at,
            "state": (ClockState.WITHDRAWN if each.withdrawn else ClockState.ENDED).value,
            "by": each.by,
        }
        for each in ended
    ]


@cache
def _starting(dialect: str) -> Any:
    """A clock with its first reckoning; one that its own batch ended has taken its first step."""
    rows = given_columns(dialect, _ROW)
    first = {f"set_{name}": rows.c[name] for name in _FIRST}
    ended = case((rows.c.ended_at.is_not(None), 1), else_=0)
    kept = {**first, "changed_at": _NOW, "steps": ended}
    source = select(*(rows.c[name] for name in _ROW), *(kept[name].label(name) for name in kept)).where(true())
    return insert(dialect, CLOCKS).from_select([*_ROW, *kept], source).on_conflict_do_nothing()


@cache
def _ending(dialect: str) -> Any:
    rows = given(dialect, _END)
    same = and_(_C.scope == rows.c.scope, _C.rule == rows.c.rule, or_(rows.c.key.is_(None), _C.key == rows.c.key))
    ended = {"state": rows.c.state, "ended_at": rows.c.at, "ended_by": rows.c.by}
    change = update(CLOCKS).where(same, OPEN).values(**ended, **_STEP, awaits=None, next_percent=None, next_at=None)
    return change.returning(_C.rule, _C.number, _C.state, _C.ended_by, _C.breached_at)


@cache
def _waiting(dialect: str) -> Select[Any]:
    rows = given(dialect, _TRIGGER)
    same = and_(_C.message_id == rows.c.message_id, _C.source == rows.c.source, WAITING)
    found = select(*CLOCK_COLUMNS).select_from(rows.join(CLOCKS, same))
    return found.order_by(_C.number).with_for_update(of=CLOCKS)


@cache
def _moving(dialect: str) -> Any:
    rows = given(dialect, _MOVE)
    return update(CLOCKS).where(_C.number == rows.c.number).values({name: rows.c[name] for name in _MOVED} | _STEP)
