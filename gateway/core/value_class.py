"""Values that are made for each message: immutable to the type checker, and to the interpreter as cheap as any object.

A frozen dataclass sets each field through `object.__setattr__`, which takes twice as long; a message makes thirty such
objects. mypy, which every change must pass, refuses what assigns to a field of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value_class(cls: type[T]) -> type[T]:
    """A class of values: fields by keyword, compared and hashed by what they hold."""
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
