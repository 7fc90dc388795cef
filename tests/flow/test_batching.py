"""Group commit in the process (architecture point 1)."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.errors import Problem
from gateway.flow.batching import Batcher


class Commits:
    """A call that waits for the test's word and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.allowed = asyncio.Semaphore(0)
        self.began = asyncio.Event()

    async def __call__(self, batch):
        self.batches.append(list(batch))
        self.began.set()
        await self.allowed.acquire()
        if -1 in batch:
            raise ValueError("bad batch")
        return [ask * 10 for ask in batch]


async def test_those_who_wait_together_travel_together():
    """What arrives while a call is under way forms the next batch, in arrival order, cut at the size."""
    commits = Commits()
    batcher = Batcher(commits, size=3, bound=100)
    first = asyncio.create_task(batcher.submit(1))
    await commits.began.wait()
    rest = [asyncio.create_task(batcher.submit(n)) for n in range(2, 7)]
    await asyncio.sleep(0)
    for _ in range(3):
        commits.allowed.release()
    assert await asyncio.gather(first, *rest) == [10, 20, 30, 40, 50, 60]
    assert commits.batches == [[1], [2, 3, 4], [5, 6]]


async def test_one_batch_s_failure_is_its_own():
    """An exception reaches each asker of its batch and nobody else."""
    commits = Commits()
    commits.allowed = asyncio.Semaphore(10)
    batcher = Batcher(commits, size=2, bound=100)
    results = await asyncio.gather(*(batcher.submit(n) for n in (1, -1, 3)), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError, int]
    assert await batcher.submit(4) == 40


async def test_pressure_is_told_not_stored():
    """Above the bound an ask is UNAVAILABLE with Retry-After at once; those who wait are still served."""
    commits = Commits()
    batcher = Batcher(commits, size=10, bound=2)
    tasks = [asyncio.create_task(batcher.submit(1))]
    await commits.began.wait()
    tasks += [asyncio.create_task(batcher.submit(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as caught:
        await batcher.submit(4)
    assert (caught.value.code, caught.value.retry_after) == ("UNAVAILABLE", 1)
    for _ in range(2):
        commits.allowed.release()
    assert await asyncio.gather(*tasks) == [10, 20, 30]


async def test_an_asker_who_left_stops_nobody():
    """A cancelled ask is still carried in its batch; the others get their replies."""
    commits = Commits()
    batcher = Batcher(commits, size=10, bound=100)
    gone, stays = asyncio.create_task(batcher.submit(1)), asyncio.create_task(batcher.submit(2))
    await commits.began.wait()
    gone.cancel()
    await asyncio.sleep(0)
    commits.allowed.release()
    assert await stays == 20
    await batcher.drain()
    assert commits.batches == [[1, 2]]


async def test_lanes_run_side_by_side():
    """With two lanes a second batch begins while the first is under way."""
    commits = Commits()
    batcher = Batcher(commits, size=1, bound=100, lanes=2)
    tasks = [asyncio.create_task(batcher.submit(n)) for n in (1, 2, 3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert commits.batches == [[1], [2]]
    for _ in range(3):
        commits.allowed.release()
    assert await asyncio.gather(*tasks) == [10, 20, 30]
