"""Text made harmless for paper: nothing invisible, nothing that turns the line round, nothing without a glyph.

A character that the printed fonts do not hold, and every control or formatting character, is written as its code,
〔U+20BB7〕, so that a rare name stays readable and no two texts look the same on paper that differ in the message.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# What WenQuanYi Zen Hei holds, and what Libertinus has of Latin, whole blocks only (counted from their character maps).
_HELD: Final = (
    "\u0020-\u007e\u00a0-\u017f\u0391-\u03c9\u0410-\u044f"
    "\u2010\u2013-\u2016\u2018\u2019\u201c\u201d\u2025\u2026\u2103\u2160-\u216b\u2460-\u249b\u25a0\u25a1\u25cb\u25cf"
    "\u3000-\u3011\u3014-\u3017\u3041-\u3093\u30a1-\u30f6\u3220-\u3229"
    "\u3400-\u4db5\u4e00-\u9fa5\uff01-\uff5e\uffe0-\uffe5"
)
_UNHELD: Final = re.compile(f"[^\n{_HELD}]")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def make_printable(text: str) -> str:
    """The text with every character that cannot be printed as 〔U+XXXX〕; line breaks stay."""
    return _UNHELD.sub(_name, text.replace("\r\n", "\n"))


def make_visible(text: str) -> str:
    """The text for a screen, whose fonts hold more: only what is invisible or turns the line round is named."""
    return "".join(
        _code(char) if unicodedata.category(char) in _INVISIBLE and char != "\n" else char
        for char in text.replace("\r\n", "\n")
    )


def _name(match: re.Match[str]) -> str:
    return _code(match[0])


def _code(char: str) -> str:
    return f"〔U+{ord(char):04X}〕"
