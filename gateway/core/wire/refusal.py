"""The refusals that the readers of this room raise."""

from __future__ import annotations

from gateway.core.errors import FieldError, Problem


def malformed(message: str, *errors: FieldError) -> Problem:
    """MALFORMED_REQUEST (protocol section 7); without a text of its own it speaks with its first field error."""
    return Problem("MALFORMED_REQUEST", message or errors[0].message, errors=errors)


def at(pointer: str, rule: str, message: str) -> FieldError:
    """One field error: JSON pointer, rule, Chinese text."""
    return FieldError(pointer=pointer, rule=rule, message=message)


def child(pointer: str, name: str | int) -> str:
    """The JSON pointer of a member or an item (RFC 6901 escapes)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
