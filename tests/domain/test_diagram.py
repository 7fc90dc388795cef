"""The diagram in the documents is the table's."""

from __future__ import annotations

from pathlib import Path

from gateway.core.order_diagram import show_diagram
from gateway.core.order_table import FINAL, STATES, TABLE


def test_the_document_is_as_generated():
    """docs/order-states.md is what the table draws."""
    file = Path(__file__).resolve().parents[2] / "docs" / "order-states.md"
    assert file.read_text(encoding="utf-8") == show_diagram()


def test_every_move_is_drawn():
    """Each row that leads from one state to another has its arrow and its event on it, and every row its line."""
    text = show_diagram()
    lines = text.splitlines()
    for row in TABLE:
        for state in row.states or {"[*]"}:
            if row.to not in {None, state}:
                (arrow,) = [line for line in lines if line.startswith(f"    {state} --> {row.to}:")]
                assert row.event in arrow
    assert len([line for line in lines if line.startswith("| ")]) == len(TABLE) + 1


def test_no_row_but_a_returned_transfer_leads_out_of_a_final_state():
    """Final states are left only by money that came back."""
    left = {(state, row.event) for row in TABLE for state in row.states or () if state in FINAL and row.to}
    assert left == {("lapsed", "payment.result")}
    assert STATES.keys() >= FINAL
