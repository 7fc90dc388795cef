"""What a diagnosis says: which mistake a failed signature shows, beside the string that was expected.

Source: protocol section 7 (`diagnosis`), issue "the conformance kit", point 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.core.wire.wrong_signatures import Mistake

_SHOWN: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first byte at which two strings part: `offset` from 0, `line` from 1; None where a string has ended."""

    offset: int
    line: int
    expected: int | None
    signed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`mistakes` would together have matched, none where no known one does. `signed` is the string that the signature
    is over, None where it is not known; `expected` is the right one and `digest` its SM3 in hex.
    """

    mistakes: tuple[Mistake, ...]
    expected: bytes
    digest: str
    signed: bytes | None

    @property
    def difference(self) -> Difference | None:
        """Where the two strings part; None where they are the same or one is unknown."""
        return None if self.signed is None else find_difference(self.expected, self.signed)

    @property
    def message(self) -> str:
        """The whole of it in Chinese, in one or two sentences."""
        if not self.mistakes:
            return (
                "未能识别为常见错误。请逐项核对：私钥与登记的公钥是否配对、sender_id 与 serial_no 是否为该密钥的、"
                f"待签名串是否与 expected 逐字节相同（共 {len(self.expected)} 字节，SM3 为 {self.digest}）。"
            )
        named = "；".join(mistake.text for mistake in self.mistakes)
        return f"签名与下列做法吻合：{named}。{_tell_difference(self)}"

    def as_record(self) -> dict[str, object]:
        """The `diagnosis` member of an answer."""
        found = self.difference
        return {
            "mistake": self.mistakes[0].code if self.mistakes else None,
            "mistakes": [mistake.code for mistake in self.mistakes],
            "message": self.message,
            "expected": _show(self.expected),
            "expectedBytes": len(self.expected),
            "expectedSm3": self.digest,
            "signedBytes": None if self.signed is None else len(self.signed),
            "firstDifference": None if found is None else _difference_record(found),
        }


def find_difference(expected: bytes, signed: bytes) -> Difference | None:
    """The first byte at which they part, None where they are the same."""
    if expected == signed:
        return None
    shorter = min(len(expected), len(signed))
    offset = next((place for place in range(shorter) if expected[place] != signed[place]), shorter)
    return Difference(
        offset=offset,
        line=expected[:offset].count(b"\n") + 1,
        expected=expected[offset] if offset < len(expected) else None,
        signed=signed[offset] if offset < len(signed) else None,
    )


def _tell_difference(diagnosis: Diagnosis) -> str:
    found = diagnosis.difference
    if diagnosis.signed is None:
        return ""
    if found is None:
        return f"待签名串本身正确（{len(diagnosis.expected)} 字节）。"
    return (
        f"期望的待签名串共 {len(diagnosis.expected)} 字节，所签的共 {len(diagnosis.signed)} 字节，"
        f"第 {found.offset + 1} 字节（第 {found.line} 行）起不同："
        f"期望{_name(found.expected)}，所签{_name(found.signed)}。"
    )


def _name(byte: int | None) -> str:
    return "已结束" if byte is None else f"为 {byte:02X}"


def _difference_record(found: Difference) -> dict[str, object]:
    return {
        "offset": found.offset,
        "line": found.line,
        "expected": None if found.expected is None else f"{found.expected:02X}",
        "signed": None if found.signed is None else f"{found.signed:02X}",
    }


def _show(data: bytes) -> str:
    text = data[: 4 * _SHOWN].decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
