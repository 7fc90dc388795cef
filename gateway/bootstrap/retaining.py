"""The purging of a home: what the timers and the command run, and the log files that were rotated away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gateway.bootstrap.sealing import open_files
from gateway.config import Settings
from gateway.core.delivery import SECOND
from gateway.core.retention import RetentionTerms, find_border
from gateway.flow.retain import Log, Retainer
from gateway.ports import Clock, Store


def make_retainer(settings: Settings, store: Store, clock: Clock, *, holder: str, log: Log) -> Retainer:
    """The retainer by the home's settings."""
    plan = settings.retention
    terms = RetentionTerms(
        case_months=plan.case_months,
        other_months=plan.other_months,
        onboarding_months=plan.onboarding_months,
        alert_months=plan.alert_months,
        log_months=plan.log_months,
    )
    return Retainer(
        store,
        open_files(settings, store),
        clock,
        terms=terms,
        hour=plan.hour,
        rows=plan.rows,
        holder=holder,
        purge_logs=partial(purge_logs, settings),
        log=log,
    )


def find_old_logs(settings: Settings, now: int) -> Sequence[Path]:
    """Files beside the log, named as it is with something behind, that were last written before their term."""
    file = settings.log.file
    if file is None or not file.parent.is_dir():
        return []
    before = find_border(now, settings.retention.log_months) / SECOND
    rotated = (path for path in sorted(file.parent.iterdir()) if path.name.startswith(f"{file.name}."))
    return [path for path in rotated if path.is_file() and path.stat().st_mtime < before]


async def purge_logs(settings: Settings, now: int) -> int:
    """Delete them; how many."""
    old = await asyncio.to_thread(find_old_logs, settings, now)
    for path in old:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return len(old)
