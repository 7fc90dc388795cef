"""What the documents say, taken apart: headings, fenced blocks, command lines, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CHANGELOG.md", "keys/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "adapters").glob("*/README.md")),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_SPAN = re.compile(r"`(wgg [^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str


def headings(text: str) -> list[tuple[int, str]]:
    """Levels and titles; fenced blocks have none."""
    return [(len(marks), title) for marks, title in _HEADING.findall(_FENCE.sub("", text))]


def blocks(text: str) -> list[Block]:
    """All fenced blocks in order."""
    return [Block(language, body) for language, body in _FENCE.findall(text)]


def section(text: str, title: str) -> str:
    """The text under a heading of the second level."""
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"no section {title}"
    return rest.partition("\n## ")[0]


def command_lines(text: str) -> Iterator[str]:
    """Every `wgg` command line: those in code spans, and those of shell blocks."""
    yield from _SPAN.findall(_FENCE.sub("", text))
    for block in blocks(text):
        for line in block.text.replace("\\\n", " ").splitlines():
            match = re.search(r"(?:^|[|&;(]\s*|\bsudo (?:-u \w+ )?)(wgg [^#>|;)]+)", line.strip())
            if match:
                yield match[1]
