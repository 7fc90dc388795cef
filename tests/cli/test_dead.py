"""`wgg dead` by cause and by filter: the count first, then everything that matches."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.core.delivery import Die
from gateway.ports import Settlement
from gateway.store import open_store
from tests.cli.conftest import Wgg
from tests.store.builders import NOW, make_item, make_message

BECAUSE = ("--reason", "对方已修复")


async def fill(url: str, letters: list[tuple[str, str]]) -> None:
    """Dead letters of the platform to a recipient, with the code of their last attempt."""
    store = open_store(url)
    await store.open()
    made = [make_message(f"m{n}", subject=f"S{n}", recipient=to) for n, (to, _) in enumerate(letters)]
    await store.accept([make_item(message) for message in made])
    await store.beat("ada", now=NOW)
    claimed = await store.claim(range(1, len(letters) + 1), worker="ada", now=NOW)
    codes = {message.id: code for message, (_, code) in zip(made, letters, strict=True)}
    for row in claimed:
        number, token, code = row.delivery_id, row.token, codes[row.message.id]
        ended = Settlement(delivery_id=number, token=token, worker="ada", decision=Die(), at=NOW, code=code)
        assert await store.settle([ended]) == [True]
    await store.close()


@pytest.fixture
def letters(home: Path) -> None:
    """120 letters to the bank that ended with 503, two without an answer, one to another."""
    made = [("xmccb", "HTTP_503")] * 120 + [("xmccb", "NO_ANSWER")] * 2 + [("abcins", "HTTP_503")]
    asyncio.run(fill(f"sqlite:///{home / 'gateway.db'}", made))


def test_dead_letters_are_listed_by_cause(wgg: Wgg, letters: None) -> None:
    """Code, recipient, count, oldest and newest, the most frequent first; the filter counts here too."""
    rows = wgg("dead", "list", "--by-cause", "--json").json
    assert [(row["code"], row["recipient"], row["count"]) for row in rows] == [
        ("HTTP_503", "xmccb", 120),
        ("NO_ANSWER", "xmccb", 2),
        ("HTTP_503", "abcins", 1),
    ]
    assert rows[0]["oldest"].endswith("+08:00")
    table = wgg("dead", "list", "--by-cause", "--recipient", "abcins")
    assert table.out.splitlines()[1].split()[:3] == ["HTTP_503", "abcins", "1"]
    assert wgg("dead", "list", "--by-cause", "--recipient", "nobody", "--json").json == []


def test_all_that_matches_is_replayed_after_its_count_was_shown(wgg: Wgg, letters: None) -> None:
    """Not only a page of it; without --yes nothing is replayed, and a second time nothing is left to replay."""
    filter_ = ("--recipient", "xmccb", "--code", "HTTP_503")
    preview = wgg("dead", "replay", *filter_, *BECAUSE)
    assert (preview.code, "共 120 条" in preview.err, "HTTP_503  xmccb  120 条" in preview.err) == (2, True, True)
    done = wgg("dead", "replay", *filter_, "--yes", "--json", *BECAUSE)
    assert done.code == 0, done.err
    assert (len(done.json["replayed"]), done.json["left"], done.json["stopped"]) == (120, 0, False)
    assert "已处理 100/120 条" in done.err
    assert wgg("dead", "replay", *filter_, "--yes", *BECAUSE).code == 5
    assert [row["count"] for row in wgg("dead", "list", "--by-cause", "--json").json] == [2, 1]


def test_a_filter_that_matches_nothing_replays_nothing(wgg: Wgg, letters: None) -> None:
    """It ends with 5 and says so."""
    none = wgg("dead", "replay", "--recipient", "xmccb", "--code", "HTTP_404", "--yes", *BECAUSE)
    assert (none.code, "没有符合条件的死信" in none.err, none.out) == (5, True, "")
    assert sum(row["count"] for row in wgg("dead", "list", "--by-cause", "--json").json) == 123


def test_a_limit_takes_the_oldest(wgg: Wgg, letters: None) -> None:
    """So that a replay can be tried on a few."""
    done = wgg("dead", "replay", "--recipient", "xmccb", "--limit", 3, "--yes", "--json", *BECAUSE)
    assert done.json["chosen"] == [1, 2, 3]
    gone = wgg("dead", "discard", "--code", "NO_ANSWER", "--yes", "--json", *BECAUSE)
    assert gone.json["discarded"] == 2
