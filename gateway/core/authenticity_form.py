"""What people type when they ask whether a paper is real, read into a question; every fault named at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from gateway.core.authenticity import Question
from gateway.core.errors import FieldError, Problem
from gateway.core.wire.syntax import MESSAGE_ID, PARTY_ID, PLAIN_TEXT, matches

MOST: Final = 128
"""Characters of one answer; no number of the catalogue is longer."""

LEAST_CODE: Final = 16
"""Hex digits: 64 bits, beyond guessing at whatever rate a gateway answers."""

_CODE: Final = re.compile(f"[0-9a-f]{{{LEAST_CODE},64}}")
_BLANKS: Final = re.compile(r"[\s\-_.·]+")
_YUAN: Final = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,2}))?")
_SIGNS: Final = str.maketrans("", "", ",，、¥￥元 ")


def read_question(given: Mapping[str, str]) -> Question:
    """The question; MALFORMED_REQUEST names every field that is missing or cannot be read."""
    read: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, text in _split_id(given).items():
        if name in _READERS and text.strip():
            try:
                read[_NAMES[name]] = _READERS[name](_check_plain(text.strip()))
            except ValueError as fault:
                faults[name] = str(fault)
    faults |= {name: text for name, text in _missing(read, faults).items() if name not in faults}
    if faults:
        errors = [FieldError(pointer=f"/{name}", rule="form", message=text) for name, text in faults.items()]
        raise Problem("MALFORMED_REQUEST", errors[0].message, errors=errors)
    return Question(**read)


def _split_id(given: Mapping[str, str]) -> Mapping[str, str]:
    """A sheet prints a message's sender and id as one: `xmccb / m-1`."""
    source, mark, number = given.get("id", "").partition("/")
    return {**given, "source": source, "id": number} if mark else given


def _missing(read: Mapping[str, Any], faulty: Mapping[str, str]) -> dict[str, str]:
    faults = {}
    if "code" not in read:
        faults["digest"] = "请填写核验码：文件上 SM3 摘要的前 16 位或全部。"
    if "id" in read and "source" not in read:
        faults["source"] = "报文标识请按文件上的写法填写“发送方 / 编号”。"
    if not {"id", "number"} & {*read, *faulty} and "guaranteeNo" not in faulty:
        faults["guaranteeNo"] = "请填写保函（保单）编号；没有编号的文件填写报文标识。"
    return faults


def _check_plain(text: str) -> str:
    if len(text) > MOST or PLAIN_TEXT.fullmatch(text) is None or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError(f"最多 {MOST} 个字，不含控制字符。")
    return text


def _read_code(text: str) -> str:
    """Full-width digits, capitals, blanks and hyphens are how people and phones write."""
    code = _BLANKS.sub("", unicodedata.normalize("NFKC", text)).lower()
    if _CODE.fullmatch(code) is None:
        raise ValueError(f"核验码是 SM3 摘要的前 {LEAST_CODE} 位或更多，由数字 0-9 与字母 a-f 组成。")
    return code


def _read_source(text: str) -> str:
    if not matches(PARTY_ID, text.strip()):
        raise ValueError("发送方标识由小写字母、数字与连字符组成，请照文件填写。")
    return text.strip()


def _read_id(text: str) -> str:
    if not matches(MESSAGE_ID, text.strip()):
        raise ValueError("报文标识有误，请照文件上“发送方 / 编号”填写。")
    return text.strip()


def _read_yuan(text: str) -> int:
    match = _YUAN.fullmatch(unicodedata.normalize("NFKC", text).translate(_SIGNS))
    if match is None:
        raise ValueError("金额请以元为单位写数字，如 1000000 或 1,000,000.00。")
    yuan, cents = match.groups()
    return int(yuan) * 100 + int((cents or "0").ljust(2, "0"))


def _read_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError("日期请写作 年-月-日，如 2027-06-30。") from error


_READERS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "guaranteeNo": str,
        "source": _read_source,
        "id": _read_id,
        "digest": _read_code,
        "amount": _read_yuan,
        "validTo": _read_date,
        "contractor": str,
    }
)
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "guaranteeNo": "number",
        "source": "source",
        "id": "id",
        "digest": "code",
        "amount": "amount_fen",
        "validTo": "valid_to",
        "contractor": "contractor",
    }
)
FIELDS: Final = tuple(_READERS)
