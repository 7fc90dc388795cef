"""The statistics of a period, gathered slice by slice: memory does not grow with what is stored."""

from __future__ import annotations

from typing import Final

from gateway.core.calendar import Calendar
from gateway.core.statistics import Statistics
from gateway.ports.statistics import Counts

SLICE: Final = 2000
"""Rows a slice: a read of some milliseconds, so that nobody waits for it."""


async def gather_statistics(
    counts: Counts, calendar: Calendar, *, since: int, until: int, slice_size: int = SLICE
) -> Statistics:
    """What happened in [since, until), microseconds UTC. Raises StoreUnavailable."""
    statistics = Statistics(calendar, since=since, until=until)
    await _gather_messages(counts, statistics, since, until, slice_size)
    await _gather_clocks(counts, statistics, since, until, slice_size)
    return statistics


async def _gather_messages(counts: Counts, statistics: Statistics, since: int, until: int, limit: int) -> None:
    part = await counts.count_messages(since=since, until=until, after=None, limit=limit)
    while True:
        for event in part.happened:
            statistics.add_event(event)
        if part.after is None:
            return
        part = await counts.count_messages(since=since, until=until, after=part.after, limit=limit)


async def _gather_clocks(counts: Counts, statistics: Statistics, since: int, until: int, limit: int) -> None:
    part = await counts.count_clocks(since=since, until=until, after=None, limit=limit)
    while True:
        for clock in part.clocks:
            statistics.add_clock(clock)
        if part.after is None:
            return
        part = await counts.count_clocks(since=since, until=until, after=part.after, limit=limit)
