"""Persons apart from onboarding's events, the newest of each institution over again, and which files are papers.

What was stored before stays in the clear, for there is no key here; what is filed from now on is sealed.

Revision ID: 0014
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_PEOPLE = ("contact", "third_contact")


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), primary_key=key, nullable=False, autoincrement=False)


def upgrade() -> None:
    applications = op.create_table(
        "onboarding_applications",
        _text("institution", key=True),
        _number("number"),
        _text("stage"),
        _number("since"),
        _number("form"),
        _text("application"),
    )
    people = op.create_table(
        "onboarding_people",
        _number("number", key=True),
        _text("institution"),
        _number("at"),
        sa.Column("people", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_onboarding_people_institution", "onboarding_people", ["institution", "number"])
    papers = op.create_table(
        "onboarding_papers",
        _text("digest", key=True),
        _text("institution", key=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
    )
    _move(applications, people, papers)


def _move(applications: sa.Table, people: sa.Table, papers: sa.Table) -> None:
    """Take the persons out of the events, each form once, and write down the newest event of each institution."""
    connection, newest = op.get_bind(), dict[str, dict[str, Any]]()
    names = ("number", "institution", "move", "at", "application")
    events = sa.table("onboarding_events", *(sa.column(name) for name in names))
    for row in connection.execute(sa.select(events).order_by(events.c.number)).all():
        doc = json.loads(row.application)
        named = {name: doc["details"].pop(name, None) for name in _PEOPLE}
        before = newest.get(row.institution)
        doc["form"] = row.number if before is None or row.move == "apply" else before["form"]
        if doc["form"] == row.number:
            body = json.dumps(named, ensure_ascii=False).encode()
            filed = {"number": row.number, "institution": row.institution, "at": row.at, "people": body}
            connection.execute(sa.insert(people), filed)
        text = json.dumps(doc, ensure_ascii=False)
        connection.execute(sa.update(events).where(events.c.number == row.number).values(application=text))
        standing = {"stage": doc["stage"], "since": doc["since"], "form": doc["form"], "application": text}
        newest[row.institution] = {"institution": row.institution, "number": row.number, **standing}
    for each in newest.values():
        connection.execute(sa.insert(applications), each)
        digests = {paper["digest"] for paper in json.loads(each["application"])["papers"].values()}
        for digest in sorted(digests):
            held = {"digest": digest, "institution": each["institution"], "held": True, "left_at": None}
            connection.execute(sa.insert(papers), held)
