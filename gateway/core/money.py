"""Amounts: fen as integers, and their Chinese capital words as the settlement rules write them.

Source: 正确填写票据和结算凭证的基本规定 (annex to the Payment and Settlement Measures); facts "Money".

One function lays an amount out as its parts with every 零 that must or may stand between them. The writer takes the
usual form of it; the parser reads the value loosely, lays that value out and demands that the text fits exactly. So a
text is accepted when it is one of the forms of its amount, and nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_FEN: Final = 2**53 - 1
"""The largest amount of the protocol: every JSON reader holds it exactly (protocol section 2)."""

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_UNITS: Final = ("", "拾", "佰", "仟")
_VALUES: Final = {"拾": 10, "佰": 100, "仟": 1000}
_SECTION: Final = 4
_WAN: Final = 10_000
_FEN_PER_YUAN: Final = 100
_VARIANTS: Final = str.maketrans("貳參叄陸萬億圓圆正", "贰叁叁陆万亿元元整")
_LETTERS: Final = re.compile("[零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整]{1,64}")
_TERM: Final = re.compile("([壹贰叁肆伍陆柒捌玖]?)([拾佰仟]?)")
_CURRENCY: Final = "人民币"


class MoneyError(ValueError):
    """An amount in words that is not written as the settlement rules have it, or differs from the figures (Chinese)."""


class _Part(NamedTuple):
    """A piece of an amount's words: the pattern of its allowed forms, and its usual form."""

    pattern: str
    usual: str


_ZERO: Final = _Part("零", "零")
_ZERO_LEFT_OUT: Final = _Part("零?", "")
_ZERO_WRITTEN: Final = _Part("零?", "零")
_WHOLE: Final = _Part("整", "整")
_WHOLE_LEFT_OUT: Final = _Part("整?", "")


def write_words(fen: int) -> str:
    """The usual words of an amount, without 人民币; ValueError unless 0 ≤ fen ≤ MOST_FEN.

    Where a 零 is free, it is left out before a 仟 and written before a 角, as in the rules' first examples.
    """
    return "".join(part.usual for part in _lay_out(_bound(fen)))


def parse_words(words: str) -> int:
    """The fen of an amount in words, 人民币 before it or not; MoneyError unless it is a form that the rules allow."""
    text = words.strip().removeprefix(_CURRENCY).translate(_VARIANTS)
    if not _LETTERS.fullmatch(text):
        raise MoneyError(f"大写金额“{words}”有不是大写数字的字，应如：壹仟陆佰捌拾元零叁角贰分。")
    fen = _read_loosely(text)
    if fen > MOST_FEN:
        raise MoneyError(f"大写金额“{words}”超过上限 {format_yuan(MOST_FEN)} 元。")
    if not re.fullmatch("".join(part.pattern for part in _lay_out(fen)), text):
        raise MoneyError(f"大写金额“{words}”不合填写规则，读作 {format_yuan(fen)} 元时应写：{write_words(fen)}。")
    return fen


def verify_words(words: str, fen: int) -> None:
    """MoneyError unless the words are a form of exactly this amount."""
    if (read := parse_words(words)) != fen:
        figures = f"{format_yuan(fen)} 元（{write_words(fen)}）"
        raise MoneyError(f"大写金额“{words}”是 {format_yuan(read)} 元，与小写 {figures}不一致，请核对。")


def format_yuan(fen: int) -> str:
    """An amount in yuan with two decimals and thousands, e.g. 1,680.32."""
    sign, rest = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{rest // _FEN_PER_YUAN:,}.{rest % _FEN_PER_YUAN:02}"


def _bound(fen: int) -> int:
    if not 0 <= fen <= MOST_FEN:
        raise ValueError(f"金额应在 0 至 {MOST_FEN} 分之间：{fen}")
    return fen


def _say(text: str) -> _Part:
    return _Part(text, text)


def _lay_out(fen: int) -> Iterator[_Part]:
    """The parts of an amount from left to right, with the gaps between them."""
    yuan, jiao, rest = fen // _FEN_PER_YUAN, fen // 10 % 10, fen % 10
    if yuan or not fen:
        yield from _lay_out_yuan(yuan) if yuan else (_ZERO,)
        yield _say("元")
    if yuan and jiao and yuan % 10 == 0:
        yield _ZERO_WRITTEN
    if yuan and rest and not jiao:
        yield _ZERO
    if jiao:
        yield _say(f"{_DIGITS[jiao]}角")
    if rest:
        yield _say(f"{_DIGITS[rest]}分")
    else:
        yield _WHOLE_LEFT_OUT if jiao else _WHOLE


def _lay_out_yuan(yuan: int) -> Iterator[_Part]:
    digits = str(yuan)
    zeros = False
    for place, digit in zip(reversed(range(len(digits))), map(int, digits), strict=True):
        if digit:
            if zeros:  # free where the zeros end with a section: its lowest place is 0 and 仟 follows
                yield _ZERO_LEFT_OUT if place % _SECTION == _SECTION - 1 else _ZERO
            yield _say(_DIGITS[digit] + _UNITS[place % _SECTION])
        zeros = not digit
        yield from _mark_section(yuan, place)


def _mark_section(yuan: int, place: int) -> Iterator[_Part]:
    """万 and 亿 behind the sections that hold something; 亿 closes 万亿 too."""
    section = yuan // 10**place % _WAN
    if place in {_SECTION, 3 * _SECTION} and section:
        yield _say("万")
    if place == 2 * _SECTION:
        yield _say("亿")


def _read_loosely(text: str) -> int:
    """The value of the digits where their units put them; what makes no sense fails the comparison later."""
    yuan, _, small = text.partition("元") if "元" in text else ("", "", text)
    high, _, low = yuan.rpartition("亿")
    total = _read_sections(high) * _WAN * _WAN + _read_sections(low)
    return total * _FEN_PER_YUAN + _read_before("角", small) * 10 + _read_before("分", small)


def _read_sections(text: str) -> int:
    high, _, low = text.rpartition("万")
    return _read_section(high) * _WAN + _read_section(low)


def _read_section(text: str) -> int:
    # 拾 alone is meant as 壹拾; the mistake is then told with the right words.
    return sum(
        _DIGITS.index(digit or "壹") * _VALUES.get(unit, 1) for digit, unit in _TERM.findall(text) if digit or unit
    )


def _read_before(unit: str, text: str) -> int:
    found = re.search(f"(.){unit}", text)
    return _DIGITS.index(found[1]) if found and found[1] in _DIGITS else 0
