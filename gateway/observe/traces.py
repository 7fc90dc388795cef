"""W3C Trace Context, the little of it that is carried through.

Source: W3C Trace Context, version 00 of `traceparent`; protocol section 6 (the header of a push).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import randbytes
from typing import Final

Random = Callable[[int], bytes]
"""That many random bytes, as `random.randbytes`: ids to follow a message by are no secrets."""

_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A position in a trace: lower-case hex ids, and whether the caller samples it."""

    trace_id: str
    span_id: str
    sampled: bool = True


def parse_traceparent(text: str | None) -> Trace | None:
    """The caller's trace; None where there is none or it is ill-formed, so that a new one is begun.

    Versions after 00 are read by their first four fields, as the recommendation asks; ff is invalid.
    """
    match = _FORM.fullmatch(text.strip(" \t")) if text else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not (int(trace_id, 16) and int(span_id, 16)):
        return None
    return Trace(trace_id=trace_id, span_id=span_id, sampled=bool(int(flags, 16) & _SAMPLED))


def new_trace(random: Random) -> Trace:
    """A trace that begins here."""
    return Trace(trace_id=_identifier(random, _TRACE_BYTES), span_id=_identifier(random, _SPAN_BYTES))


def child_trace(trace: Trace, random: Random) -> Trace:
    """The next step of a trace: the same trace id, a span id of its own."""
    return replace(trace, span_id=_identifier(random, _SPAN_BYTES))


def format_traceparent(trace: Trace) -> str:
    """The header's value."""
    return f"00-{trace.trace_id}-{trace.span_id}-{int(trace.sampled):02x}"


def continue_trace(text: str | None) -> str:
    """The traceparent of the next step: in the caller's trace where `text` names one, else in a new one."""
    caller = parse_traceparent(text)
    return format_traceparent(child_trace(caller, randbytes) if caller else new_trace(randbytes))


def _identifier(random: Random, size: int) -> str:
    """Random hex; all zeros would be invalid."""
    drawn = random(size)
    return (drawn if any(drawn) else b"\x01" * size).hex()
