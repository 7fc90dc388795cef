"""Dead letters: by cause, by filter, in batches that can be stopped (both databases)."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from gateway.cli.batches import BATCH, Progress, work_off
from gateway.core.delivery import State
from gateway.ports import Cause, Query, StoreUnavailable
from gateway.store import SqlStore
from tests.store.builders import AUDIT, NOW, SECOND, make_item, make_message, make_proof
from tests.store.test_archive import end

DEAD = Query(state=State.FAILED, limit=None)


async def bury(store: SqlStore, count: int, *, code: str = "HTTP_503", recipient: str = "platform") -> list[int]:
    """So many dead letters, each of an order of its own; their delivery ids."""
    before = await store.find_ids(Query(limit=None))
    names = [f"{recipient}-{code}-{number}" for number in range(count)]
    await store.accept([make_item(make_message(name, subject=name, recipient=recipient)) for name in names])
    made = [each for each in await store.find_ids(Query(limit=None)) if each not in before]
    await end(store, *made, code=code)
    return made


def replaying(store: SqlStore):
    """What `wgg dead replay` does with a batch."""

    async def act(batch: Sequence[int], progress: Progress) -> None:
        made = await store.replay(batch, now=NOW + SECOND, audit=AUDIT)
        progress.made += made
        progress.changed += len(made)

    return act


async def test_dead_letters_are_counted_by_cause(store: SqlStore) -> None:
    """By the code that ended them and the recipient, most first; a refusal counts by the recipient's own code."""
    await bury(store, 3)
    await bury(store, 2, code="NO_ANSWER", recipient="abcins")
    [refused] = await bury(store, 1, code="HTTP_409", recipient="abcins")
    await store.prove(make_proof(refused, "REFUSED", code="NO", at=NOW + SECOND))
    assert await store.find_causes(DEAD) == [
        Cause(code="HTTP_503", recipient="platform", count=3, oldest=NOW, newest=NOW),
        Cause(code="NO_ANSWER", recipient="abcins", count=2, oldest=NOW, newest=NOW),
        Cause(code="NO", recipient="abcins", count=1, oldest=NOW + SECOND, newest=NOW + SECOND),
    ]
    chosen = Query(state=State.FAILED, recipient="abcins", code="NO_ANSWER")
    assert [cause.count for cause in await store.find_causes(chosen)] == [2]


async def test_what_was_replayed_or_discarded_is_no_cause_any_more(store: SqlStore) -> None:
    """Only letters that lie there are counted."""
    first, second, third = await bury(store, 3)
    await store.replay([first], now=NOW, audit=AUDIT)
    await store.discard([second], now=NOW, audit=AUDIT)
    assert [cause.count for cause in await store.find_causes(DEAD)] == [1]
    assert await store.find_ids(DEAD) == [third]


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 5),
        ({"code": "HTTP_503"}, 3),
        ({"recipient": "abcins"}, 2),
        ({"recipient": "abcins", "code": "HTTP_503"}, 0),
        ({"source": "nobody"}, 0),
        ({"type": "guarantee.issued.v1", "limit": 4}, 4),
        ({"type": "guarantee.claimed.v1"}, 0),
    ],
)
async def test_ids_by_filter_come_oldest_first(store: SqlStore, fields: dict[str, object], count: int) -> None:
    """Every member of the filter counts, and a filter that matches nothing finds nothing."""
    made = await bury(store, 3) + await bury(store, 2, code="NO_ANSWER", recipient="abcins")
    found = list(await store.find_ids(Query(**{"state": State.FAILED, "limit": None, **fields})))
    assert found == sorted(found)
    assert (len(found), set(found) <= set(made)) == (count, True)


async def test_a_replay_of_many_can_be_stopped_and_continued(store: SqlStore) -> None:
    """An interrupt ends it after the batch under way: what was done is known and whole, and the rest is untouched."""
    made = await bury(store, 2 * BATCH + 50)
    act, reports = replaying(store), []

    async def interrupted(batch: Sequence[int], progress: Progress) -> None:
        if progress.seen:
            os.kill(os.getpid(), signal.SIGINT)
        await act(batch, progress)

    progress = await work_off(made, interrupted, tell=lambda each: reports.append(each.seen))
    assert (progress.seen, progress.changed, progress.left, progress.stopped) == (200, 200, 50, True)
    assert reports == [100, 200]
    assert await store.find_ids(DEAD) == made[200:]
    views = await store.find(Query(state=State.ACCEPTED, limit=None))
    assert sorted(view.replay_of or 0 for view in views) == made[:200]
    assert sorted(view.delivery_id for view in views) == progress.made
    rest = await work_off(await store.find_ids(DEAD), act, tell=lambda _: None)
    assert (rest.changed, rest.left, rest.stopped) == (50, 0, False)


async def test_a_database_that_goes_away_leaves_a_known_state(store: SqlStore) -> None:
    """What was confirmed is told; asking again replays nothing twice."""
    made = await bury(store, BATCH + 20)
    act = replaying(store)

    async def cut(batch: Sequence[int], progress: Progress) -> None:
        if progress.seen:
            await store.replay(batch, now=NOW, audit=AUDIT)
            raise StoreUnavailable("the answer was lost")
        await act(batch, progress)

    progress = await work_off(made, cut, tell=lambda _: None)
    assert (progress.seen, progress.left, isinstance(progress.fault, StoreUnavailable)) == (100, 20, True)
    again = await work_off(made, act, tell=lambda _: None)
    assert (again.seen, again.changed) == (120, 0)
    assert len(await store.find(Query(state=State.ACCEPTED, limit=None))) == 120


async def test_a_selection_of_nothing_replays_nothing(store: SqlStore) -> None:
    """No batch is begun."""
    await bury(store, 2)
    progress = await work_off([], replaying(store), tell=lambda _: None)
    assert (progress.seen, progress.made, progress.stopped) == (0, [], False)
    assert len(await store.find_ids(DEAD)) == 2
