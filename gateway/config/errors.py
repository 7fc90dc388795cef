"""What is wrong with a configuration, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake: the file (or 环境变量), the field within it by dots, and what to write instead (Chinese)."""

    file: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}：{self.field}：{self.text}" if self.field else f"{self.file}：{self.text}"


class ConfigError(Exception):
    """A configuration that must not be started with; its text names every mistake by file and field."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(["配置有误，请逐项修改：", *(f"  - {mistake}" for mistake in self.mistakes)]))
