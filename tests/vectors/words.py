"""Amounts in words, right and wrong, and a reader of their value that shares no code with the gateway's."""

from __future__ import annotations

from typing import Any

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = {"拾": 10, "佰": 100, "仟": 1000}

# The settlement rules' own examples and what follows from them, usual form first.
_RIGHT: tuple[tuple[int, tuple[str, ...]], ...] = (
    (140_950, ("壹仟肆佰零玖元伍角", "壹仟肆佰零玖元伍角整")),
    (600_714, ("陆仟零柒元壹角肆分",)),
    (168_032, ("壹仟陆佰捌拾元零叁角贰分", "壹仟陆佰捌拾元叁角贰分")),
    (10_700_053, ("壹拾万柒仟元零伍角叁分", "壹拾万零柒仟元伍角叁分")),
    (1_640_902, ("壹万陆仟肆佰零玖元零贰分",)),
    (32_504, ("叁佰贰拾伍元零肆分",)),
    (100, ("壹元整", "人民币壹元整")),
    (1_000, ("壹拾元整",)),
    (100_000_000, ("壹佰万元整", "人民币壹佰万元整")),
    (10_000_000_000, ("壹亿元整",)),
    (10, ("壹角", "壹角整")),
    (1, ("壹分",)),
    (100_500, ("壹仟零伍元整",)),
    (1_000_500_000, ("壹仟万零伍仟元整", "壹仟万伍仟元整")),
    (123_456_789, ("壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分",)),
    (200_000_050, ("贰佰万元零伍角", "贰佰万元零伍角整", "贰佰万元伍角")),
)
_WRONG: tuple[tuple[str, int, str, str], ...] = (
    ("整 is missing after 元", 100, "壹元", "NoWhole"),
    ("整 stands after 分", 600_714, "陆仟零柒元壹角肆分整", "WholeAfterFen"),
    ("零 is missing between digits", 140_950, "壹仟肆佰玖元伍角", "NoZero"),
    ("零 is missing before 分", 32_504, "叁佰贰拾伍元肆分", "NoZero"),
    ("零 twice", 600_714, "陆仟零零柒元壹角肆分", "ZeroTwice"),
    ("small figures", 100_000_000, "一百万元整", "SmallFigures"),
    ("digits", 100_000_000, "1000000元整", "Digits"),
    ("拾 without 壹", 1_000, "拾元整", "NoOne"),
    ("another amount", 100_000_000, "壹佰零壹万元整", "OtherAmount"),
    ("fen taken for yuan", 100_000_000, "壹亿元整", "OtherAmount"),
    ("角 and 分 changed places", 168_032, "壹仟陆佰捌拾元零贰角叁分", "OtherAmount"),
    ("another currency", 100, "美元壹元整", "OtherCurrency"),
    ("nothing", 100, "", "Empty"),
    ("a blank inside", 100, "壹 元整", "Blank"),
    ("a unit twice", 10_000, "壹佰佰元整", "UnitTwice"),
    ("units out of order", 11_000, "壹拾壹佰元整", "UnitOrder"),
)

AMOUNTS: dict[str, Any] = {
    "rule": "正确填写票据和结算凭证的基本规定: `words` must be a form of the amount `fen`",
    "groups": [
        {
            "origin": "The settlement rules' examples, and amounts written by hand after them",
            "tests": [
                *(
                    {
                        "comment": f"{fen} fen" if not place else f"{fen} fen, form {place + 1}",
                        "fen": fen,
                        "words": words,
                        "result": "acceptable" if place else "valid",
                        "flags": ["OtherForm"] if place else [],
                    }
                    for fen, forms in _RIGHT
                    for place, words in enumerate(forms)
                ),
                *(
                    {"comment": name, "fen": fen, "words": words, "result": "invalid", "flags": [flag]}
                    for name, fen, words, flag in _WRONG
                ),
            ],
        }
    ],
}


def value(words: str) -> int:
    """The fen of an amount in words, read piece by piece; 零 and 整 carry no value."""
    text = words.removeprefix("人民币").rstrip("整")
    yuan, _, rest = text.partition("元") if "元" in text else ("", "", text)
    jiao, _, fen = rest.partition("角") if "角" in rest else ("", "", rest)
    return _sections(yuan) * 100 + _section(jiao) * 10 + _section(fen.rstrip("分"))


def _sections(text: str) -> int:
    high, _, low = text.partition("亿") if "亿" in text else ("", "", text)
    wan, _, units = low.partition("万") if "万" in low else ("", "", low)
    return (_section(high) * 10_000 + _section(wan)) * 10_000 + _section(units)


def _section(text: str) -> int:
    total, digit = 0, 0
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS.index(character)
        else:
            total, digit = total + digit * _UNITS[character], 0
    return total + digit
