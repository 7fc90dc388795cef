"""What keeps a form from being printed, in Chinese, naming the form's field and the place in the message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingField:
    """A field that the form needs: its official name, the message type and the JSON pointer into the message."""

    field: str
    type: str
    pointer: str

    def __str__(self) -> str:
        return f"缺少“{self.field}”（{self.type} 的 {self.pointer}）"


class FormError(Exception):
    """A form that cannot be printed. `missing` names every field that is not there, all at once."""

    def __init__(self, text: str, missing: Sequence[MissingField] = ()) -> None:
        super().__init__(text)
        self.missing = tuple(missing)


class PrintingUnavailable(Exception):  # noqa: N818 - what the machine lacks, not a fault of the form
    """A font or the typesetter is not installed; the text says what to install."""
