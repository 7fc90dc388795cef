"""The tables of legal clocks, of their thresholds that were fired, and of what became of them.

`set_…` are a clock's first reckoning, which stays as it was written; `changed_at` is when the row was last written,
`steps` how often it was since it was set up. Each of these writings leaves a row in `clock_events`, put there by the
database itself (ADR 0024), which is never changed.

Each question has a partial index of just its rows: `next_at` set is a threshold to come, `state` waiting is a clock
that a delivery or a service lets run, open clocks are ended by rule and scope.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, and_, literal_column

from gateway.store.schema import METADATA, SERIAL, make_partial

CLOCKS: Final = Table(
    "clocks",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("number", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("institution", Text),
    Column("region", Text),
    Column("basis", Text, nullable=False),
    Column("unverified", Boolean, nullable=False),
    Column("term", Integer, nullable=False),
    Column("unit", Text, nullable=False),
    Column("close", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("awaits", Text),
    Column("fixed_at", BigInteger),
    Column("state", Text, nullable=False),
    Column("start_at", BigInteger),
    Column("due_at", BigInteger),
    Column("due_date", Text),
    Column("provisional", Boolean, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("next_percent", Integer),
    Column("next_at", BigInteger),
    Column("breached_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ended_by", Text),
    Column("set_start_at", BigInteger),
    Column("set_due_at", BigInteger),
    Column("set_fixed_at", BigInteger),
    Column("set_calendar", Text),
    Column("changed_at", BigInteger),
    Column("steps", Integer, nullable=False, server_default="0"),
)

KEPT: Final = frozenset({"id", "set_start_at", "set_due_at", "set_fixed_at", "set_calendar", "changed_at", "steps"})
"""Columns that are the store's own, of which a clock's record knows nothing."""

_C: Final = CLOCKS.c
OPEN: Final = _C.ended_at.is_(None)
WAITING: Final = _C.state == literal_column("'waiting'")
AIMED: Final = _C.next_at.is_not(None)
LATE: Final = and_(_C.breached_at.is_not(None), OPEN)
_COUNTED: Final = _C.unit == literal_column("'working_days'")
RECKONED: Final = and_(OPEN, _COUNTED, _C.start_at.is_not(None), _C.fixed_at.is_(None))
"""What the arrangement of days decides."""

Index("ux_clocks_number", _C.number, unique=True)
Index("ix_clocks_subject", _C.subject)
Index("ix_clocks_institution", _C.institution, _C.id)
make_partial("ix_clocks_state", _C.state, _C.id, where=OPEN)
make_partial("ix_clocks_late", _C.state, _C.id, where=LATE)
make_partial("ix_clocks_open", _C.scope, _C.rule, where=OPEN)
make_partial("ix_clocks_waiting", _C.message_id, _C.source, where=WAITING)
make_partial("ix_clocks_next", _C.next_at, _C.id, where=AIMED)
make_partial("ix_clocks_reckoned", _C.calendar, _C.id, where=RECKONED)

CLOCK_WARNINGS: Final = Table(
    "clock_warnings",
    METADATA,
    Column("clock", Text, primary_key=True),
    Column("percent", Integer, primary_key=True, autoincrement=False),
    Column("fired_at", BigInteger, nullable=False),
)

CALENDARS: Final = Table(
    "calendars",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("version", Text, nullable=False),
    Column("adopted_at", BigInteger, nullable=False),
)
"""The calendars that counted, one after another; the last one counts."""

CLOCK_EVENTS: Final = Table(
    "clock_events",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("clock", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("percent", Integer),
    Column("state", Text, nullable=False),
    Column("start_at", BigInteger),
    Column("due_at", BigInteger),
    Column("calendar", Text, nullable=False),
    Column("breached_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ended_by", Text),
)
