"""Purging what has served its term: once a day, in slices with a pause behind each, by one process at a time.

Source: issue "Paper and books" point 4. A slice is idempotent, and a process that dies is followed by another one from
the start: what was purged is passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

from gateway.core.calendar import end_of_day, local_date
from gateway.core.retention import DUE, ONBOARDING, Dossier, RetentionTerms, find_border, judge
from gateway.observe import METRICS
from gateway.observe.metric_table import PURGED
from gateway.ports import Audit, Books, Clock, FileStore, Outbox
from gateway.ports.retention import Retention

Log = Callable[..., None]
PurgeLogs = Callable[[int], Awaitable[int]]
"""Deletes log files whose term is over at an instant; how many."""

SUBJECTS_A_SLICE: Final = 200
ROLE: Final = "retention"
_HOUR: Final = 60


class RetentionStore(Retention, Books, Outbox, Protocol):
    """What purging needs of the store."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a run did or would do: purged by class, and why dossiers stayed, by reason."""

    purged: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class _Run:
    day: date
    after: str = ""
    files_after: str | None = ""
    tally: Tally = field(default_factory=Tally)


class Retainer:
    """Plans and purges. `rows` is the most that one transaction purges, `hour` when the day's run begins."""

    def __init__(
        self,
        store: RetentionStore,
        files: FileStore,
        clock: Clock,
        *,
        terms: RetentionTerms,
        hour: int,
        rows: int,
        holder: str,
        purge_logs: PurgeLogs,
        log: Log,
    ) -> None:
        self._store = store
        self._files = files
        self._clock = clock
        self._terms = terms
        self._hour = hour
        self._rows = rows
        self._holder = holder
        self._purge_logs = purge_logs
        self._log = log
        self._run: _Run | None = None
        self._done: date | None = None

    async def step(self) -> bool:
        """One slice of the day's run, if it is time and no other process is at it; the caller pauses between."""
        now = self._clock.now()
        day = local_date(now)
        if self._done == day or now < end_of_day(day, self._hour * _HOUR):
            return False
        if not await self._store.lead(ROLE, holder=self._holder, now=now):
            return False
        if self._run is None or self._run.day != day:
            self._run = _Run(day=day)
        if not await self.purge_slice(self._run):
            await self.finish(self._run.tally, reason="每日清除")
            self._done, self._run = day, None
        return False

    async def plan(self) -> Tally:
        """What a run would do now, nothing changed."""
        tally, after = Tally(), ""
        while found := await self._store.dossiers(after=after, limit=SUBJECTS_A_SLICE):
            after = found[-1].subject
            for dossier, verdict in self._judge(found):
                if verdict == DUE:
                    tally.purged[dossier.kind] += dossier.bodies
                elif dossier.bodies:
                    tally.kept[verdict] += dossier.bodies
        tally.purged[ONBOARDING] = await self._store.idle_people(before=self._onboarding_border())
        tally.purged["file"] = await self._store.idle_files(before=self._border())
        return tally

    async def run(self, *, pause: float, audit: Audit) -> Tally:
        """Everything that is due, slice after slice."""
        run = _Run(day=local_date(self._clock.now()))
        purged = 0
        while await self.purge_slice(run):
            if purged != (purged := run.tally.purged.total()):
                await self._clock.sleep(pause)
        await self.finish(run.tally, reason=audit.reason, actor=audit.actor)
        return run.tally

    async def purge_slice(self, run: _Run) -> bool:
        """At most one transaction of purging; False when the run has come to its end."""
        found = await self._store.dossiers(after=run.after, limit=SUBJECTS_A_SLICE)
        if not found:
            return await self._purge_rest(run)
        judged = self._judge(found)
        if await self._purge(run.tally, [dossier for dossier, verdict in judged if verdict == DUE]):
            return True
        run.after = found[-1].subject
        for dossier, verdict in judged:
            run.tally.kept[verdict] += dossier.bodies if verdict != DUE else 0
        return True

    async def _purge(self, tally: Tally, due: Sequence[Dossier]) -> bool:
        """A slice of the bodies of each class; True while more are left than one transaction takes."""
        more = False
        for kind in sorted({dossier.kind for dossier in due}):
            subjects = [dossier.subject for dossier in due if dossier.kind == kind]
            count = await self._store.purge_bodies(subjects, limit=self._rows)
            tally.purged[kind] += count
            METRICS.add(PURGED, count, kind=kind)
            more = more or count == self._rows
        return more

    async def _purge_rest(self, run: _Run) -> bool:
        """What belongs to no business number; papers are let go of before files are looked at."""
        if run.files_after == "" and await self._purge_people(run.tally):
            return True
        return await self._purge_files(run) or await self._purge_alerts(run.tally)

    async def _purge_people(self, tally: Tally) -> bool:
        count = await self._store.purge_people(before=self._onboarding_border(), limit=self._rows)
        tally.purged[ONBOARDING] += count
        METRICS.add(PURGED, count, kind=ONBOARDING)
        return count == self._rows

    async def _purge_files(self, run: _Run) -> bool:
        """A page of files; False once all were looked at."""
        if run.files_after is None:
            return False
        leaving = await self._store.leave_files(
            after=run.files_after, before=self._border(), now=self._clock.now(), limit=self._rows
        )
        for digest in leaving.gone:
            await self._files.remove(digest, before=leaving.put_before)
        count = await self._store.forget_files(leaving.gone) if leaving.gone else 0
        run.tally.purged["file"] += count
        METRICS.add(PURGED, count, kind="file")
        run.files_after = leaving.through
        return leaving.through is not None

    def _border(self) -> int:
        """Before this messages of no case must have ended, and files that nobody names must have been put."""
        return find_border(self._clock.now(), self._terms.other_months)

    def _onboarding_border(self) -> int:
        """Before this applications must have ended, and forms have been replaced."""
        return find_border(self._clock.now(), self._terms.onboarding_months)

    async def _purge_alerts(self, tally: Tally) -> bool:
        before = find_border(self._clock.now(), self._terms.alert_months)
        count = await self._store.purge_alerts(before=before, limit=self._rows)
        tally.purged["alert"] += count
        METRICS.add(PURGED, count, kind="alert")
        return count == self._rows

    async def finish(self, tally: Tally, *, reason: str, actor: str = "gateway") -> None:
        """Purge log files, and tell what was done; a run that purged leaves an audit row."""
        tally.purged["log"] += await self._purge_logs(self._clock.now())
        purged = {kind: count for kind, count in tally.purged.items() if count}
        self._log("retention.purged", purged=purged, kept=dict(tally.kept))
        if purged:
            about = ",".join(f"{kind}={count}" for kind, count in sorted(purged.items()))
            audit = Audit(actor=actor, action="retention.purge", about=about, reason=reason)
            await self._store.record(audit, now=self._clock.now())

    def _judge(self, found: Sequence[Dossier]) -> list[tuple[Dossier, str]]:
        now = self._clock.now()
        return [(dossier, judge(dossier, self._terms, now)) for dossier in found]
