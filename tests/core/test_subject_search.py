"""A person's number or name found in documents, however it is written."""

from __future__ import annotations

import pytest

from gateway.core.subject_search import find_name, find_places, normalise, normalise_name

DOCUMENT = {
    "subject": "DD-1",
    "data": {
        "payees": [
            {"name": "张三", "idNumber": "35020019900101001X", "account": "6222 0000 0000 0000 001"},
            {"name": "李四", "phone": "138-0000-0001", "idNumber": "350200199001010028"},
            {"name": "阿依•古丽", "phone": "+86 (138) 0000·0002", "idNumber": "350200900101002"},
            {"name": "王 五", "phone": "0592-1234567", "account": "6222********0003"},
        ],
        "remark": "电话13800000001，转13800000009",
        "note": "流水 913800000001、13800000001号",
        "total": {"fen": 13800000001},
    },
}


@pytest.mark.parametrize(
    ("number", "places"),
    [
        ("35020019900101001x", ["/data/payees/0/idNumber"]),
        ("６２２２０００００００００００００１", []),
        ("6222000000000000001", ["/data/payees/0/account"]),
        ("138 0000 0001", ["/data/payees/1/phone", "/data/remark", "/data/note"]),
        ("008613800000001", ["/data/payees/1/phone", "/data/remark", "/data/note"]),
        ("13800000002", ["/data/payees/2/phone"]),
        ("(0592) 123 4567", ["/data/payees/3/phone"]),
        ("350200199001010028", ["/data/payees/1/idNumber", "/data/payees/2/idNumber"]),
        ("350200900101002", ["/data/payees/2/idNumber"]),
        ("13900000001", []),
        ("3800000001", []),
    ],
)
def test_a_number_is_found_in_each_place_that_holds_it(number: str, places: list[str]) -> None:
    """Blanks, hyphens, brackets, full-width digits, a small x and a country code make no difference, nor do words
    around it; a part of a longer number, and a figure, are no places; an id number is found in its old form.
    """
    assert find_places(DOCUMENT, normalise(number)).places == places


@pytest.mark.parametrize(
    ("number", "masked"),
    [("6222000000000003", ["/data/payees/3/account"]), ("6222000000000004", []), ("1110000000000003", [])],
)
def test_a_masked_number_may_be_the_one(number: str, masked: list[str]) -> None:
    """Where head and tail fit it is told apart from what is certain."""
    found = find_places(DOCUMENT, normalise(number))
    assert (found.places, found.masked) == ([], masked)


def test_a_mask_that_shows_little_says_nothing() -> None:
    """Four digits are many people's."""
    assert not find_places({"account": "***0003", "all": "***"}, normalise("6222000000000003"))


def test_full_width_digits_are_the_same_number() -> None:
    """As people type them on a Chinese keyboard."""
    assert normalise("１３８－００００－０００１") == normalise("13800000001")


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("张三", ["/data/payees/0/name"]),
        ("王五", ["/data/payees/3/name"]),
        ("阿依·古丽", ["/data/payees/2/name"]),
        ("张", []),
    ],
)
def test_a_name_is_found_where_it_stands_alone(name: str, places: list[str]) -> None:
    """Blanks in it and the form of its dot make no difference; part of a name, or a name in a sentence, is none."""
    assert find_name({**DOCUMENT, "text": "张三来电"}, normalise_name(name)).places == places
