"""What a check found, and the row that describes a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.conformance.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look. `holds` None: there was nothing to look at. `got` is Chinese or a value; `exchange` its number."""

    holds: bool | None
    got: str
    exchange: int | None = None
    wanted: str = ""


Look = Callable[[Evidence, str, Mapping[str, Any]], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A predicate by name: its Chinese title, the clause, what is expected, what to do where it fails.

    `needs` names the members that an expectation must give it. `silent` marks a check that holds where nothing came.
    """

    title: str
    clause: str
    expected: str
    advice: str
    look: Look
    needs: tuple[str, ...] = ()


def missing(got: str = "没有可供判断的往来") -> Finding:
    """Nothing came: never a pass."""
    return Finding(holds=None, got=got)


def found(holds: bool, got: str, exchange: int | None, wanted: str = "") -> Finding:  # noqa: FBT001 - the finding itself
    """A finding about one exchange."""
    return Finding(holds=holds, got=got, exchange=exchange, wanted=wanted)
