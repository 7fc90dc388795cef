"""The tables of onboarding: events that are appended and never changed, and what is read from them.

Each event holds the application after it, without the persons whom its form names: they stand in `onboarding_people`
under the number of the event that filed the form, sealed, and emptied in their time. `onboarding_applications` holds
each institution's newest event over again, so that the sweep reads a row an institution. `onboarding_papers` says which
files are papers; `held` until retention lets one go, `left_at` since when it is a paper no more.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text

from gateway.store.schema import METADATA
from gateway.store.sealed import SealedBytes

ONBOARDING_EVENTS: Final = Table(
    "onboarding_events",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("institution", Text, nullable=False),
    Column("move", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("application", Text, nullable=False),
)
Index("ix_onboarding_events_institution", ONBOARDING_EVENTS.c.institution, ONBOARDING_EVENTS.c.number)

ONBOARDING_APPLICATIONS: Final = Table(
    "onboarding_applications",
    METADATA,
    Column("institution", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("stage", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("form", BigInteger, nullable=False),
    Column("application", Text, nullable=False),
)

ONBOARDING_PEOPLE: Final = Table(
    "onboarding_people",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("institution", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("people", SealedBytes(), nullable=False),
)
Index("ix_onboarding_people_institution", ONBOARDING_PEOPLE.c.institution, ONBOARDING_PEOPLE.c.number)

ONBOARDING_PAPERS: Final = Table(
    "onboarding_papers",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("institution", Text, primary_key=True),
    Column("held", Boolean, nullable=False),
    Column("left_at", BigInteger),
)
