"""The table of onboarding: events that are appended and never changed, each with the application after it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.store.schema import METADATA

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
