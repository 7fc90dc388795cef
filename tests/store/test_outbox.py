from __future__ import annotations

from gateway.store import SqlStore
from tests.store.builders import NOW, SECOND, make_item, make_message


async def accept(store: SqlStore, *messages) -> None:
    await store.accept([make_item(message) for message in messages])


async def ids(store: SqlStore, now: int = NOW, **arguments) -> list[str]:
    return [head.message.id for head in await store.heads(**{"limit": 100, "now": now} | arguments)]


async def test_only_heads_are_published(store: SqlStore) -> None:
    """Of one recipient and subject only the first live row is a head; other subjects and recipients go their way."""
    await accept(
        store,
        make_message("m1"),
        make_message("m2"),
        make_message("m3", subject="S2"),
        make_message("m4", recipient="abcins"),
    )
    assert await ids(store) == ["m1", "m3", "m4"]
    assert await ids(store, without=["abcins"]) == ["m1", "m3"]
    assert await ids(store, limit=2) == ["m1", "m3"]
    assert await ids(store, now=NOW - 1) == []


async def test_backlog_of_one_recipient_hides_no_other(store: SqlStore) -> None:
    """Rows of a recipient that is left out cost the others nothing of the limit."""
    backlog = [make_message(f"a{n}", recipient="abcins", subject=f"A{n}") for n in range(9)]
    await accept(store, *backlog, make_message("m1"))
    assert await ids(store, limit=1, without={"abcins"}) == ["m1"]


async def test_marked_rows_are_published_no_more(store: SqlStore) -> None:
    """A mark stands until it is forgotten, then all live rows are published again."""
    await accept(store, make_message("m1"), make_message("m2", subject="S2"))
    await store.mark({1: 0}, now=NOW)
    assert await ids(store) == ["m2"]
    assert await store.forget() == 1
    assert await ids(store) == ["m1", "m2"]


async def test_the_marks_of_one_recipient_are_forgotten_alone(store: SqlStore) -> None:
    """When one recipient's queue was made anew its rows are published again, and nobody else's."""
    await accept(store, make_message("m1"), make_message("a1", recipient="abcins", subject="A1"))
    await store.mark({1: 0, 2: 0}, now=NOW)
    assert await store.forget(["abcins"]) == 1
    assert await ids(store) == ["a1"]


async def test_mark_of_a_claimed_row_is_void(store: SqlStore) -> None:
    """A wake-up that was used before its mark was written does not count: the retry is published again."""
    await accept(store, make_message("m1"))
    await store.beat("ada", now=NOW)
    await store.claim([1], worker="ada", now=NOW)
    await store.mark({1: 0}, now=NOW)
    await store.release("ada", now=NOW)
    assert await ids(store) == ["m1"]


async def test_mark_of_a_row_that_was_claimed_and_is_free_again_is_void(store: SqlStore) -> None:
    """Given back, or due for its retry, before a slow mark is written: that wake-up is gone, another one follows."""
    await accept(store, make_message("m1"))
    [head] = await store.heads(limit=9, now=NOW)
    await store.beat("ada", now=NOW)
    await store.claim([1], worker="ada", now=NOW)
    await store.release("ada", now=NOW, keep=[])
    await store.mark({1: head.token}, now=NOW)
    [again] = await store.heads(limit=9, now=NOW)
    await store.mark({1: again.token}, now=NOW)
    assert again.token == head.token + 1
    assert await ids(store) == []


async def test_lost_wakeups_are_found_with_doubling_patience(store: SqlStore) -> None:
    """Published and unclaimed for 30 s × 2ⁿ is stale; republishing takes the mark back, at most `limit` a recipient."""
    await accept(store, *(make_message(f"m{n}", subject=f"S{n}") for n in range(3)))
    await store.mark({1: 0, 2: 0}, now=NOW)
    assert await store.stale(now=NOW + 30 * SECOND - 1) == {}
    late = NOW + 30 * SECOND
    assert await store.stale(now=late) == {"platform": 2}
    assert await store.republish("platform", limit=1, now=late) == 1
    assert await store.republish("abcins", limit=9, now=late) == 0
    assert await ids(store) == ["m0", "m2"]
    await store.mark({1: 0}, now=late)
    assert await store.republish("platform", limit=9, now=late) == 1
    assert await store.stale(now=late + 59 * SECOND) == {}
    assert await store.stale(now=late + 60 * SECOND) == {"platform": 1}


async def test_one_holder_leads_a_role(store: SqlStore) -> None:
    """A lease is held by one, renewed by it, and free for others after 5 s of silence."""
    assert await store.lead("timers", holder="a", now=NOW)
    assert not await store.lead("timers", holder="b", now=NOW + 4 * SECOND)
    assert await store.lead("relay", holder="b", now=NOW)
    assert await store.lead("timers", holder="a", now=NOW + 4 * SECOND)
    assert not await store.lead("timers", holder="b", now=NOW + 8 * SECOND)
    assert await store.lead("timers", holder="b", now=NOW + 9 * SECOND)
    assert not await store.lead("timers", holder="a", now=NOW + 9 * SECOND)


async def test_heads_stop_at_what_memory_holds(store: SqlStore) -> None:
    """A publish of big messages is cut, and what is left comes with the next one."""
    big = [make_message(f"m{n:03}", subject=f"S{n}", body=b"x" * 2**18) for n in range(140)]
    for start in range(0, 140, 35):
        await accept(store, *big[start : start + 35])
    found = await store.heads(limit=500, now=NOW)
    assert 64 <= len(found) < 140
    assert [head.delivery_id for head in found] == list(range(1, len(found) + 1))
