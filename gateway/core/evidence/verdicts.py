"""What verifying a bundle says: for each check whether it holds, and every fault with the file that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that does not hold: the file, and in Chinese what is wrong with it."""

    file: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check: how many things it looked at, and what is wrong with them. `notes` are said in any case."""

    check: str
    title: str
    examined: int
    faults: Sequence[Fault] = ()
    notes: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults
