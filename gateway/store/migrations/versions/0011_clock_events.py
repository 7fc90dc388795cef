"""What becomes of clocks, kept by the database itself: a row for each writing of a clock after its first.

The clocks of before get what is known of their breach and end, as of the upgrade.

Revision ID: 0011
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_COLUMNS = (
    "clock, step, event, at, rule, subject, percent, state, start_at, due_at, calendar, breached_at, ended_at, ended_by"
)
_BREACHED = (
    f"INSERT INTO clock_events ({_COLUMNS}) SELECT number, 1, 'breached', {{now}}, rule, subject, 100, 'running',"  # noqa: S608
    " start_at, due_at, calendar, breached_at, NULL, NULL FROM clocks WHERE breached_at IS NOT NULL ORDER BY id"
)
_ENDED = (
    f"INSERT INTO clock_events ({_COLUMNS}) SELECT number, CASE WHEN breached_at IS NULL THEN 1 ELSE 2 END, state,"  # noqa: S608
    " {now}, rule, subject, NULL, state, start_at, due_at, calendar, breached_at, ended_at, ended_by"
    " FROM clocks WHERE ended_at IS NOT NULL ORDER BY id"
)
_STEPS = (
    "UPDATE clocks SET steps = CASE WHEN breached_at IS NULL THEN 0 ELSE 1 END + CASE WHEN ended_at IS NULL THEN 0"
    " ELSE 1 END WHERE breached_at IS NOT NULL OR ended_at IS NOT NULL"
)

# Of a clock's row before (OLD) and after (NEW): what happened to it. At its insert there is no row before.
_ROW = (
    "NEW.number, NEW.steps, {event}, COALESCE(NEW.changed_at, NEW.created_at), NEW.rule, NEW.subject, {percent},"
    " NEW.state, NEW.start_at, NEW.due_at, NEW.calendar, NEW.breached_at, NEW.ended_at, NEW.ended_by"
)
_EVENT = (
    "CASE WHEN NEW.state <> OLD.state AND NEW.state IN ('ended', 'withdrawn') THEN NEW.state"
    " WHEN OLD.state = 'waiting' AND NEW.state = 'running' THEN 'begun'"
    " WHEN NEW.breached_at IS DISTINCT FROM OLD.breached_at THEN 'breached'"
    " WHEN NEW.due_at IS DISTINCT FROM OLD.due_at OR NEW.calendar <> OLD.calendar THEN 'reckoned'"
    " WHEN NEW.next_percent IS DISTINCT FROM OLD.next_percent THEN 'warned' ELSE 'changed' END"
)
_PERCENT = (
    "CASE WHEN NEW.state = OLD.state AND NEW.next_percent IS DISTINCT FROM OLD.next_percent THEN OLD.next_percent END"
)
_AFTER_INSERT = f"INSERT INTO clock_events ({_COLUMNS}) VALUES ({_ROW.format(event='NEW.state', percent='NULL')});"  # noqa: S608
_AFTER_UPDATE = f"INSERT INTO clock_events ({_COLUMNS}) VALUES ({_ROW.format(event=_EVENT, percent=_PERCENT)});"  # noqa: S608


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _big(name: str, *, null: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    for name in ("set_start_at", "set_due_at", "set_fixed_at", "changed_at"):
        op.add_column("clocks", _big(name))
    op.add_column("clocks", _text("set_calendar", null=True))
    op.add_column("clocks", sa.Column("steps", sa.Integer(), nullable=False, server_default="0"))
    _create_events()
    now = time.time_ns() // 1000
    for statement in (_BREACHED, _ENDED, _STEPS):
        op.execute(statement.format(now=now))
    make = _write_triggers if op.get_bind().dialect.name == "postgresql" else _write_lite_triggers
    make()


def _create_events() -> None:
    op.create_table(
        "clock_events",
        sa.Column("id", _SERIAL, primary_key=True),
        _text("clock"),
        sa.Column("step", sa.Integer(), nullable=False),
        _text("event"),
        _big("at", null=False),
        _text("rule"),
        _text("subject"),
        sa.Column("percent", sa.Integer(), nullable=True),
        _text("state"),
        _big("start_at"),
        _big("due_at"),
        _text("calendar"),
        _big("breached_at"),
        _big("ended_at"),
        _text("ended_by", null=True),
    )


def _write_triggers() -> None:
    for moment, body, when in (
        ("insert", _AFTER_INSERT, "WHEN (NEW.ended_at IS NOT NULL)"),
        ("update", _AFTER_UPDATE, ""),
    ):
        function = f"keep_clock_{moment}"
        op.execute(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {function} AFTER {moment.upper()} ON clocks FOR EACH ROW {when}"
            f" EXECUTE FUNCTION {function}()"
        )


def _write_lite_triggers() -> None:
    for moment, body, when in (
        ("insert", _AFTER_INSERT, "WHEN NEW.ended_at IS NOT NULL"),
        ("update", _AFTER_UPDATE.replace("IS DISTINCT FROM", "IS NOT"), ""),
    ):
        op.execute(f"CREATE TRIGGER keep_clock_{moment} AFTER {moment.upper()} ON clocks {when} BEGIN {body} END")
