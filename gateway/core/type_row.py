"""One row of the message catalogue, as the rest of the core reads it.

Source: domain section 2; the rows themselves stand in schemas/catalogue.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """A message type: who may send it to whom, what it answers and which event of an order it raises.

    `sources` and `recipients` hold roles (platform, institution, gateway), `kinds` kinds of institution (bank, insurer,
    guarantor). `clocks_started` and `clocks_ended` name rules of domain section 5. `subject_path` holds the member
    names that lead from `data` to the number that `subject` must equal. `event` is None for a type that touches no
    order; `event_by` names the member of `data` whose value completes the event.
    """

    type: str
    title: str
    sources: frozenset[str]
    recipients: frozenset[str]
    kinds: frozenset[str]
    answers: tuple[str, ...]
    clocks_started: tuple[str, ...]
    clocks_ended: tuple[str, ...]
    subject_path: tuple[str, ...]
    event: str | None
    event_by: str | None
    confidential: bool
    form: str | None
    basis: str

    @property
    def filed(self) -> bool:
        """Whether the message stays at the gateway: a receipt and no delivery (domain section 1)."""
        return self.recipients == {"gateway"}

    def name_event(self, data: Mapping[str, Any]) -> str | None:
        """The event of the transition table that this payload raises, None when it touches no order."""
        if self.event is None or self.event_by is None:
            return self.event
        return f"{self.event}.{data[self.event_by]}"
