"""Mistakes in the catalogue's own files, gathered so that all are reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake: the file, the field in it (a path in words of the file) and Chinese text."""

    file: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.file} {self.field}：{self.text}"


class CatalogueError(Exception):
    """The catalogue cannot be used; `mistakes` holds every mistake that was found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("报文目录有误：\n" + "\n".join(str(mistake) for mistake in self.mistakes))
