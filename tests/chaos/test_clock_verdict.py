"""The verdict on legal clocks by itself: good papers are good, and each thing that can be wrong is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.clocks import PERCENTS, Unanswered, judge_clocks

SIDES = ("platform", "bank-a")
Book = dict[str, Any]


def make_book() -> Book:
    """One query that nobody answered, whose thresholds both sides were told."""
    told = {side: [make_entry(percent) for percent in PERCENTS] for side in SIDES}
    return {
        "sent": [{"kind": "accepted", "id": "x-1-silent"}, {"kind": "accepted", "id": "x-1-0"}],
        "clocks": [Unanswered(number="N1", message_id="x-1-silent", sides=SIDES, percents=PERCENTS)],
        "received": told,
    }


def make_entry(percent: int, kind: str = "effect") -> dict[str, Any]:
    """What a recipient notes of a message about the clock."""
    return {"kind": kind, "source": "gateway", "id": f"sla-{percent}", "clock": ["N1", percent]}


def test_each_threshold_told_once_to_each_side_is_good():
    """A push that came twice and was acted on once does no harm."""
    book = make_book()
    book["received"]["bank-a"].append(make_entry(50, "duplicate"))
    assert judge_clocks(**book) == []


SPOILED: dict[str, Callable[[Book], object]] = {
    "told 0 times: ('platform', 80)": lambda book: book["received"]["platform"].pop(1),
    "told 2 times: ('bank-a', 100)": lambda book: book["received"]["bank-a"].append(make_entry(100)),
    "unfired: N1 fired at (50,)": lambda book: book["clocks"].append(replace(book["clocks"].pop(), percents=(50,))),
    "unclocked: query x-2-silent": lambda book: book["sent"].append({"kind": "accepted", "id": "x-2-silent"}),
    "unclocked: no query": lambda book: book["sent"].pop(0),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_each_fault_of_a_clock_is_found(fault: str):
    """And nothing else is."""
    book = make_book()
    SPOILED[fault](book)
    [found] = judge_clocks(**book)
    assert found.startswith(fault)
