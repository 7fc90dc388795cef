"""Amounts in Chinese capital words: the settlement rules' forms, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.money import MOST_FEN, MoneyError, format_yuan, parse_words, verify_words, write_words

# Every example of 正确填写票据和结算凭证的基本规定 and of facts "Money"; the first form of a row is the writer's.
FORMS = [
    (140950, ["壹仟肆佰零玖元伍角", "壹仟肆佰零玖元伍角整"]),
    (600714, ["陆仟零柒元壹角肆分"]),
    (168032, ["壹仟陆佰捌拾元零叁角贰分", "壹仟陆佰捌拾元叁角贰分"]),
    (10700053, ["壹拾万柒仟元零伍角叁分", "壹拾万零柒仟元伍角叁分"]),
    (1640902, ["壹万陆仟肆佰零玖元零贰分"]),
    (32504, ["叁佰贰拾伍元零肆分"]),
]
MORE = [
    (0, ["零元整"]),
    (1, ["壹分"]),
    (10, ["壹角", "壹角整"]),
    (105, ["壹元零伍分"]),
    (1000, ["壹拾元整", "壹拾圆整", "壹拾元正", "人民币壹拾元整", " 人民币壹拾元整\n"]),
    (2_030_000, ["贰万零叁佰元整", "貳萬零叄佰圓整"]),
    (10_500_000, ["壹拾万伍仟元整", "壹拾万零伍仟元整"]),
    (10_005_000, ["壹拾万零伍拾元整"]),
    (10_000_500_000, ["壹亿伍仟元整", "壹亿零伍仟元整"]),
    (100_500_000_000, ["壹拾亿零伍佰万元整"]),
    (100_000_000_000_000, ["壹万亿元整"]),
    (100_000_000_000_001, ["壹万亿元零壹分"]),
    (MOST_FEN, ["玖拾万零柒佰壹拾玖亿玖仟贰佰伍拾肆万柒仟肆佰零玖元玖角壹分"]),
]
WRONG = [
    "",
    "元",
    "整",
    "零",
    "壹佰元",  # ends at 元 without 整
    "壹佰元零伍分整",  # 整 behind 分
    "壹佰贰元整",  # a 零 is missing
    "壹佰零贰拾元整",  # a 零 too many
    "壹佰零零贰元整",
    "壹元零伍角",  # no zero stands between 元 and 角
    "壹元伍分",
    "壹拾元零角伍分",
    "拾元整",
    "贰佰壹佰元整",
    "壹佰壹佰元整",
    "壹万万元整",
    "壹亿亿元整",
    "壹亿万元整",
    "壹元贰元整",
    "壹分壹角",
    "伍分零元",
    "壹百元整",
    "一百元整",
    "100元整",
    "￥壹佰元整",
    "壹佰元整。",
    "人民币人民币壹佰元整",
    "负壹佰元整",
    "玖拾万零柒佰壹拾玖亿玖仟贰佰伍拾肆万柒仟肆佰零玖元玖角贰分",  # one fen over the bound
    "壹" * 65,
]


@pytest.mark.parametrize(("fen", "forms"), FORMS + MORE)
def test_every_form_reads_as_its_amount_and_the_first_is_written(fen, forms):
    """All forms of an amount parse to the same fen; the writer uses the usual one."""
    assert [parse_words(form) for form in forms] == [fen] * len(forms)
    assert write_words(fen) == forms[0]


@pytest.mark.parametrize("words", WRONG)
def test_other_words_are_refused(words):
    """Missing or needless 零 and 整, wrong order, other characters and amounts over the bound are told as mistakes."""
    with pytest.raises(MoneyError, match="大写金额"):
        parse_words(words)


@given(st.integers(0, MOST_FEN) | st.integers(0, 10**9) | st.integers(0, 15).map(lambda power: 10**power))
def test_what_is_written_is_read_back(fen):
    """Any amount survives its words."""
    assert parse_words(write_words(fen)) == fen


@given(st.text("零壹贰玖拾佰仟万亿元角分整", max_size=24))
def test_whatever_is_read_is_a_form_of_its_amount(words):
    """No text is read as an amount whose usual words hold other digits or units."""
    try:
        fen = parse_words(words)
    except MoneyError:
        return
    assert words.replace("零", "").removesuffix("整") == write_words(fen).replace("零", "").removesuffix("整")


@given(fen=st.integers(0, 10**12), other=st.integers(0, 10**12))
def test_words_agree_with_exactly_one_amount(fen, other):
    """Words are verified against their own figures and against no others."""
    verify_words(write_words(fen), fen)
    if fen != other:
        with pytest.raises(MoneyError, match="不一致"):
            verify_words(write_words(fen), other)


@pytest.mark.parametrize("fen", [-1, MOST_FEN + 1])
def test_amounts_outside_the_protocol_have_no_words(fen):
    """Neither a negative amount nor one above 2^53-1 is written."""
    with pytest.raises(ValueError, match="金额"):
        write_words(fen)


def test_a_mistake_tells_the_right_words():
    """Whoever wrote the words is told what to write instead."""
    with pytest.raises(MoneyError, match="应写：壹拾元整"):
        parse_words("拾元整")


@pytest.mark.parametrize(("fen", "text"), [(0, "0.00"), (5, "0.05"), (168032, "1,680.32"), (-168032, "-1,680.32")])
def test_figures_are_yuan_with_two_decimals(fen, text):
    """Thousands are set apart, the sign goes first."""
    assert format_yuan(fen) == text
