"""What people may see of sensitive values by default: enough to tell two apart, never enough to use.

Source: domain section 7: id numbers, accounts, phones and contract amounts. Unmasking is a right of its own. Digits of
any script count here, so that a full-width account is masked too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

HIDDEN: Final = "***"
_LEAST_HIDDEN: Final = 4
_KEPT_ID: Final = (3, 2)
_KEPT_ACCOUNT: Final = (0, 4)
_KEPT_PHONE: Final = (3, 4)


def mask_id_number(text: str) -> str:
    """`350***89`: the province stays."""
    return _mask(text, *_KEPT_ID)


def mask_account(text: str) -> str:
    """`***6789`: the last four stay, as on a bank's slips."""
    return _mask(text, *_KEPT_ACCOUNT)


def mask_phone(text: str) -> str:
    """`138***5678`."""
    return _mask(text, *_KEPT_PHONE)


def hide(_text: str) -> str:
    """Nothing stays: an amount's length already tells its size."""
    return HIDDEN


_ID_CARD: Final = r"\d{17}[\dXx]|\d{6}[ -]\d{8}[ -]\d{3}[\dXx]"
_PHONE: Final = r"(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}"
_LANDLINE: Final = r"0\d{2,3}[ -]\d{7,8}"
_ACCOUNT: Final = r"\d(?:[ -]?\d){11,29}"
_IN_TEXT: Final = re.compile(
    rf"(?<![0-9A-Za-z])(?:(?P<id>{_ID_CARD})|(?P<phone>{_PHONE}|{_LANDLINE})|(?P<account>{_ACCOUNT}))(?![0-9A-Za-z])"
)
_BY_GROUP: Final[Mapping[str, Callable[[str], str]]] = {
    "id": mask_id_number,
    "phone": mask_phone,
    "account": mask_account,
}

# One row a kind of field, by its name in lower case without separators; the first row that matches counts.
_BY_NAME: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (re.compile(r"idnumber|idno$|idcard|identityn|certificaten|documentnumber"), mask_id_number),
    (re.compile(r"phone|mobile|telephone|fax$"), mask_phone),
    (re.compile(r"account(no|number|id)?$|cardn(o|umber)$|iban$"), mask_account),
    (re.compile(r"(contract|project)(sum|price|amount|value|total)|amount|fen$|words$|balance$"), hide),
)
_SEPARATORS: Final = re.compile(r"[_\W]+")


def mask_text(text: str) -> str:
    """Free text with what looks like an id card, a phone or an account masked."""
    return _IN_TEXT.sub(_mask_match, text)


def mask_field(name: str, value: Any) -> Any:
    """A named value, masked by its name and, for text, by its looks; objects and lists are walked."""
    mask = _mask_of(name)
    if isinstance(value, Mapping):
        return {key: _mask_inner(mask, str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_field(name, item) for item in value]
    if mask is not None and value is not None and not isinstance(value, bool):
        return mask(str(value))
    return mask_text(value) if isinstance(value, str) else value


def mask_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A message or a payload for people's eyes; its shape stays."""
    return {name: mask_field(name, value) for name, value in document.items()}


def _mask_inner(outer: Callable[[str], str] | None, name: str, value: Any) -> Any:
    """A member of an object: of a hidden amount every leaf is hidden but the currency; else its own name decides."""
    if outer is hide and name != "currency" and not isinstance(value, (Mapping, list)):
        return HIDDEN
    return mask_field(name, value)


def _mask_of(name: str) -> Callable[[str], str] | None:
    plain = _SEPARATORS.sub("", name).lower()
    return next((mask for pattern, mask in _BY_NAME if pattern.search(plain)), None)


def _mask_match(match: re.Match[str]) -> str:
    return _BY_GROUP[match.lastgroup or "account"](match[0])


def _mask(text: str, head: int, tail: int) -> str:
    """Keep `head` and `tail` characters where enough stand between them to be hidden."""
    if len(text) < head + _LEAST_HIDDEN + tail:
        return HIDDEN
    return text[:head] + HIDDEN + text[len(text) - tail :]
