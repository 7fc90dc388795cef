"""A test case as data: what the kit does, which faults it makes, what is expected of the institution.

Source: issue "Onboarding and the conformance kit" point 2. The files stand in schemas/conformance/cases; nothing in a
case is code, each verb, fault and check is a name in one table of this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OPTIONAL: Final = "optional"
MODES: Final = ("push", "pull")
KINDS: Final = ("bank", "insurer", "guarantor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `verb` names a row of `steps.VERBS`, `arguments` are the file's other members."""

    name: str
    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One assertion: `check` names a row of `checks.CHECKS`, applied to what step `of` brought about."""

    id: str
    of: str
    check: str
    arguments: Mapping[str, Any]
    level: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. `modes` and `kinds` say to whom it applies; `faults` holds the names of faults by step.

    One that runs `alone` has no other beside it: what it does would be felt there.
    """

    id: str
    title: str
    clause: str
    level: str
    direction: str
    modes: tuple[str, ...]
    kinds: tuple[str, ...]
    steps: tuple[Step, ...]
    faults: Mapping[str, tuple[str, ...]]
    expectations: tuple[Expectation, ...]
    alone: bool = False

    def applies_to(self, mode: str, kind: str) -> bool:
        """Whether an institution of this mode and kind is held to it."""
        return mode in self.modes and kind in self.kinds
