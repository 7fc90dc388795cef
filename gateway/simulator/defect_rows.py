"""One row of the table of defects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.crypto.keys import PrivateKey
from gateway.simulator.faulty_identity import FaultyIdentity, SigningFault
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.identity import Identity, KeyIdentity

PUSH: Final = "push"
PULL: Final = "pull"
BOTH: Final = (PUSH, PULL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing done wrongly: how an institution signs, or one of its habits.

    `modes` says for which institutions it exists, those that are pushed to or those that pull; `make_habits` gives each
    run habits of its own.
    """

    name: str
    title: str
    modes: tuple[str, ...] = BOTH
    make_habits: Callable[[], Habits] = lambda: HONEST
    identify: Callable[[str, PrivateKey], Identity] = KeyIdentity


def signing_defect(name: str, title: str, fault: SigningFault, *, modes: tuple[str, ...] = BOTH) -> Defect:
    """A defect of signing."""
    return Defect(
        name=name,
        title=title,
        modes=modes,
        identify=lambda party_id, private: FaultyIdentity(party_id, private, fault),
    )


def habit_defect(name: str, title: str, *, modes: tuple[str, ...] = BOTH, **changes: Any) -> Defect:
    """A defect of habits that is the same at every message."""
    return Defect(name=name, title=title, modes=modes, make_habits=lambda: replace(HONEST, **changes))
