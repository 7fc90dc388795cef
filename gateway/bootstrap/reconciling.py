"""Reconciliations on command: the same steps as the timers' sweep, run once."""

from __future__ import annotations

from datetime import date

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.parts import Parts
from gateway.config import Settings
from gateway.core.reconciliation import make_period
from gateway.observe import get_log
from gateway.ports import Store


class NotReconcilable(ValueError):  # noqa: N818 - the caller's fault, told to people in Chinese by the command
    """The day is no working day, or not over yet."""


async def run_reconciliation(settings: Settings, store: Store, *, day: date | None, institution: str | None) -> int:
    """Draw up what is due, or one working day, and look at the answers; how many institutions' days were new.

    Raises NotReconcilable, or StoreUnavailable.
    """
    parts = Parts(settings, store, SystemClock(), get_log())
    await parts.roster.refresh()
    reconciler = parts.reconciler
    if day is None:
        made = await reconciler.draw_up_due(institution)
    else:
        period = make_period(parts.legal_time.calendar, day)
        if not parts.legal_time.calendar.is_working(day) or period.end > parts.clock.now():
            raise NotReconcilable(f"{day} 不是工作日，或其往来要到下一工作日才完整")
        made = await reconciler.draw_up([period], institution)
    while await reconciler.read_answers():
        continue
    await reconciler.remind()
    return made
