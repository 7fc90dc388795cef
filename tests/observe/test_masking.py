from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.masking import mask_document, mask_field, mask_text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("身份证350203199001011234已核对", "身份证350***34已核对"),
        ("尾号X 35020319900101123X", "尾号X 350***3X"),
        ("350203 19900101 1234", "350***34"),
        ("电话13812345678。", "电话138***5678。"),
        ("138-1234-5678", "138***5678"),
        ("+86 13812345678", "+86***5678"),
        ("座机0592-5550001", "座机059***0001"),
        ("收款账号6222021001112223334", "收款账号***3334"),
        ("6222 0210 0111 2223", "***2223"),
        ("６２２２０２１００１１１２２２３", "***２２２３"),
        ("订单 BH20261121000001 已受理", "订单 BH20261121000001 已受理"),
        ("金额 100000000 分，2026-11-21", "金额 100000000 分，2026-11-21"),
        ("5B1C" + "0" * 36, "5B1C" + "0" * 36),
        ("", ""),
    ],
)
def test_free_text_is_masked_by_its_looks(text: str, masked: str) -> None:
    """Id cards, phones and accounts are masked wherever they stand; order numbers, dates and serials stay."""
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("idNumber", "350203199001011234", "350***34"),
        ("id_number", "E1234567", "***"),
        ("payeeIdNo", "350203199001011234", "350***34"),
        ("account", "41007040040012345", "***2345"),
        ("accountNo", "123", "***"),
        ("accountName", "张三", "张三"),
        ("phone", "0592-1234567", "059***4567"),
        ("phone", "1234567", "***"),
        ("contactPhone", "13812345678", "138***5678"),
        (
            "contractAmount",
            {"currency": "CNY", "fen": 1, "words": "壹分"},
            {"currency": "CNY", "fen": "***", "words": "***"},
        ),
        ("contractPrice", 100, "***"),
        ("projectName", "某工程", "某工程"),
        ("count", 3, 3),
        ("confidential", True, True),
        ("phone", None, None),
        ("payees", [{"account": "6222021001112223334"}], [{"account": "***3334"}]),
    ],
)
def test_fields_are_masked_by_their_names(name: str, value: object, masked: object) -> None:
    """A field's name decides before its looks; shapes, flags and nothing stay as they are."""
    assert mask_field(name, value) == masked


def test_a_document_keeps_its_shape() -> None:
    """A whole payload is masked at every depth without losing a member."""
    document = {"data": {"payees": [{"name": "李四", "idNumber": "350203199001011234"}], "total": {"fen": 5}}}
    assert mask_document(document) == {
        "data": {"payees": [{"name": "李四", "idNumber": "350***34"}], "total": {"fen": "***"}}
    }


@given(st.from_regex(r"[1-9][0-9]{11,29}", fullmatch=True), st.text(alphabet="，。 是：()\n", max_size=5))
def test_no_account_survives_in_text(digits: str, around: str) -> None:
    """Whatever stands around a run of 12 to 30 digits, no more than seven of its digits in a row stay."""
    masked = mask_text(around + digits + around)
    assert digits not in masked
    assert max(map(len, "".join(c if c.isdigit() else " " for c in masked).split())) <= 7
