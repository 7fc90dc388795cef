"""The diagram of an order's life, drawn from the transition table.

`python -m gateway.core.order_diagram > docs/order-states.md` writes the document; a test holds it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from gateway.core.order_table import CONDITIONS, FINAL, STATES, TABLE, Transition

_HEAD: Final = """# 订单状态流转

本页由 `gateway/core/order_table.py` 的流转表生成，请勿手改。同一状态、同一事件有几行时，自上而下取第一行没有阻碍的；
不在表中的，或每一行都有阻碍的，一律 `409 STATE_CONFLICT`。
"""


def show_diagram() -> str:
    """The document: a Mermaid state diagram of the moves, and the whole table with its conditions in Chinese."""
    lines = [_HEAD, "```mermaid", "stateDiagram-v2", *_draw_names(), *_draw_moves(), "```", ""]
    table = ["| 状态 | 报文或事件 | 有下列情形者不走此行 | 到 |", "|---|---|---|---|", *map(_show_row, TABLE), ""]
    return "\n".join([*lines, *table])


def _draw_names() -> Iterator[str]:
    return (f"    {state}: {name} {state}" for state, name in STATES.items())


def _draw_moves() -> Iterator[str]:
    """One arrow for each pair of states, labelled with all events that lead along it."""
    events: dict[tuple[str, str], list[str]] = {}
    for row in TABLE:
        for state in _order_states(row):
            if row.to is not None and row.to != state:
                labels = events.setdefault((state, row.to), [])
                labels += [row.event] if row.event not in labels else []
    yield from (f"    {state} --> {to}: {', '.join(labels)}" for (state, to), labels in events.items())
    yield from (f"    {state} --> [*]" for state in STATES if state in FINAL)


def _order_states(row: Transition) -> list[str]:
    return ["[*]"] if row.states is None else [state for state in STATES if state in row.states]


def _show_row(row: Transition) -> str:
    states = (
        "无订单" if row.states is None else "任何" if row.states == STATES.keys() else "、".join(_order_states(row))
    )
    conditions = [CONDITIONS[name].text for name in row.conditions]
    flag = f"；记 {row.flag}" if row.flag else ""
    return f"| {states} | {row.event} | {'；'.join(conditions) or '-'} | {row.to or '不变'}{flag} |"


if __name__ == "__main__":
    sys.stdout.write(show_diagram())
