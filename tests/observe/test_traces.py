from __future__ import annotations

import secrets

import pytest

from gateway.observe import Trace, child_trace, format_traceparent, new_trace, parse_traceparent

ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        (f"00-{ID}-{SPAN}-01", Trace(trace_id=ID, span_id=SPAN, sampled=True)),
        (f" 00-{ID}-{SPAN}-00 ", Trace(trace_id=ID, span_id=SPAN, sampled=False)),
        (f"00-{ID}-{SPAN}-03", Trace(trace_id=ID, span_id=SPAN, sampled=True)),
        (f"01-{ID}-{SPAN}-01-what-comes", Trace(trace_id=ID, span_id=SPAN, sampled=True)),
        (f"00-{ID}-{SPAN}-01-more", None),
        (f"ff-{ID}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{ID}-{'0' * 16}-01", None),
        (f"00-{ID.upper()}-{SPAN}-01", None),
        (f"00-{ID}-{SPAN}", None),
        ("", None),
        (None, None),
    ],
)
def test_a_traceparent_is_read_or_left(text: str | None, trace: Trace | None) -> None:
    """A good header gives its trace; any other gives none, never an error."""
    assert parse_traceparent(text) == trace


def test_a_child_stays_in_its_trace() -> None:
    """A child has its parent's trace id and sampling, and a span id of its own; what is written reads back."""
    parent = new_trace(secrets.token_bytes)
    child = child_trace(parent, secrets.token_bytes)
    assert (child.trace_id, child.sampled) == (parent.trace_id, parent.sampled)
    assert child.span_id != parent.span_id
    assert parse_traceparent(format_traceparent(child)) == child


def test_drawn_zeros_do_not_make_an_invalid_trace() -> None:
    """Even a source that gives zeros makes ids that others accept."""
    assert parse_traceparent(format_traceparent(new_trace(bytes))) is not None
