"""Check characters of identifiers: unified social credit codes and resident identity numbers.

Source: GB 32100-2015 (USCC; domain section 4 only warns), GB 11643-1999 (identity number; a breach is refused).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_LENGTH: Final = 18
_USCC_MODULUS: Final = 31
_USCC: Final = re.compile(f"[{_USCC_ALPHABET}]{{{_USCC_LENGTH}}}")
_ID: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_ID_CHECKS: Final = "10X98765432"
_ID_MODULUS: Final = 11


class IdentityError(ValueError):
    """An identifier that cannot be right; the text (Chinese) never repeats it."""


def verify_uscc(code: str) -> None:
    """IdentityError unless the code has 18 characters of the alphabet (no I O Z S V) and the right check character."""
    if not _USCC.fullmatch(code):
        raise IdentityError("统一社会信用代码应为 18 位数字或大写字母（不含 I、O、Z、S、V），请核对。")
    total = sum(_USCC_ALPHABET.index(sign) * pow(3, place, _USCC_MODULUS) for place, sign in enumerate(code[:-1]))
    if _USCC_ALPHABET[-total % _USCC_MODULUS] != code[-1]:
        raise IdentityError("统一社会信用代码的校验位不符，请核对是否录错。")


def verify_resident_id(number: str, today: date) -> None:
    """IdentityError unless the number has 18 places, a birthday up to `today` and the right check character."""
    if not _ID.fullmatch(number):
        raise IdentityError("身份证号应为 18 位，前 17 位为数字，末位为数字或大写 X，请核对。")
    if not _was_born(number[6:14], today):
        raise IdentityError("身份证号中的出生日期不是有效日期，请核对是否录错。")
    total = sum(int(sign) * pow(2, 17 - place, _ID_MODULUS) for place, sign in enumerate(number[:-1]))
    if _ID_CHECKS[total % _ID_MODULUS] != number[-1]:
        raise IdentityError("身份证号的校验位不符，请核对是否录错。")


def _was_born(digits: str, today: date) -> bool:
    try:
        birthday = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return birthday <= today
