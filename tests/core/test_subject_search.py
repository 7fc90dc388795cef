"""A person's number found in messages, however it is written."""

from __future__ import annotations

import pytest

from gateway.core.subject_search import find_places, normalise

DOCUMENT = {
    "subject": "DD-1",
    "data": {
        "payees": [
            {"name": "张三", "idNumber": "35020019900101001X", "account": "6222 0000 0000 0000 001"},
            {"name": "李四", "phone": "138-0000-0001", "idNumber": "350200199001010028"},
        ],
        "remark": "电话13800000001",
        "total": {"fen": 13800000001},
    },
}


@pytest.mark.parametrize(
    ("number", "places"),
    [
        ("35020019900101001x", ["/data/payees/0/idNumber"]),
        ("６２２２０００００００００００００１", []),
        ("6222000000000000001", ["/data/payees/0/account"]),
        ("138 0000 0001", ["/data/payees/1/phone"]),
        ("350200199001010028", ["/data/payees/1/idNumber"]),
        ("13900000001", []),
    ],
)
def test_a_number_is_found_in_each_place_that_holds_it(number: str, places: list[str]) -> None:
    """Blanks, hyphens, full-width digits and a small x make no difference; other texts and figures are no places."""
    assert find_places(DOCUMENT, normalise(number)) == places


def test_full_width_digits_are_the_same_number() -> None:
    """As people type them on a Chinese keyboard."""
    assert normalise("１３８－００００－０００１") == normalise("13800000001")
