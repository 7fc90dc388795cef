"""Check characters of social credit codes and identity numbers."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.core.identity import IdentityError, verify_resident_id, verify_uscc

TODAY = date(2026, 11, 22)
ID_NUMBERS = ["440524188001010014", "11010519491231002X"]  # the examples of GB 11643-1999
USCC = "91350100M000100Y43"  # the example of GB 32100-2015


@pytest.mark.parametrize("number", [*ID_NUMBERS, "35042119880315002X", "350200199001010019"])
def test_right_identity_numbers_pass(number):
    """The standard's own examples, and those of the catalogue's examples, verify."""
    verify_resident_id(number, TODAY)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("11010519491231002x", "18 位"),
        ("1101051949123100", "18 位"),
        ("1101051949123１002X", "18 位"),
        ("010105194912310028", "18 位"),
        ("110105194902300022", "出生日期"),
        ("110105202611230025", "出生日期"),
        ("110105194912310021", "校验位"),
        ("11010519491231012X", "校验位"),
    ],
)
def test_wrong_identity_numbers_are_told_apart(number, text):
    """Form, birthday and check character each have their text, which does not repeat the number."""
    with pytest.raises(IdentityError, match=text) as caught:
        verify_resident_id(number, TODAY)
    assert number not in str(caught.value)


@pytest.mark.parametrize("place", range(17))
def test_any_single_wrong_digit_is_found(place):
    """The check character catches every change of one place that leaves the form right."""
    number = ID_NUMBERS[1]
    for digit in set("123456789") - {number[place]}:
        with pytest.raises(IdentityError):
            verify_resident_id(number[:place] + digit + number[place + 1 :], TODAY)


def test_a_child_born_today_has_a_number():
    """The birthday may be today, not tomorrow."""
    verify_resident_id(ID_NUMBERS[1], date(1949, 12, 31))
    with pytest.raises(IdentityError, match="出生日期"):
        verify_resident_id(ID_NUMBERS[1], date(1949, 12, 30))


@pytest.mark.parametrize("code", [USCC, "91350200MA0000001W", "91350200MA00000020"])
def test_right_codes_pass(code):
    """The standard's example and those of the catalogue's examples verify."""
    verify_uscc(code)


@pytest.mark.parametrize(
    "code",
    ["91350100M000100Y44", "91350100M000100Y4", "91350100m000100y43", "9135010OM000100Y43", "９1350100M000100Y43"],
)
def test_wrong_codes_are_refused(code):
    """Another check character, length, case or a letter outside the alphabet is told."""
    with pytest.raises(IdentityError, match="统一社会信用代码"):
        verify_uscc(code)


@pytest.mark.parametrize("place", range(18))
def test_any_single_wrong_place_of_a_code_is_found(place):
    """Modulus 31 is prime: one wrong character never passes."""
    for sign in set("0123456789ABCDEFGHJKLMNPQRTUWXY") - {USCC[place]}:
        with pytest.raises(IdentityError):
            verify_uscc(USCC[:place] + sign + USCC[place + 1 :])
