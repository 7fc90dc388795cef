"""Mistakes in the catalogue's own files, gathered so that all are reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake: the file, the line where one is known, the field (a path in words of the file) and Chinese text."""

    file: str
    field: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        line = f" 第 {self.line} 行" if self.line else ""
        return f"{self.file}{line} {self.field}：{self.text}"


class CatalogueError(Exception):
    """Files that cannot be used: the catalogue's, the areas' or the calendar's; `mistakes` holds each found, once."""

    def __init__(self, mistakes: Sequence[Mistake], title: str = "报文目录有误") -> None:
        self.mistakes = tuple(dict.fromkeys(mistakes))
        super().__init__(f"{title}：\n" + "\n".join(str(mistake) for mistake in self.mistakes))
