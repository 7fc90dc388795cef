"""The application form as it is filled in: checked field by field, every fault named (XM, application form)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.core.errors import FieldError
from gateway.core.identity import IdentityError, verify_uscc
from gateway.core.onboarding import Contact, Details

_KINDS: Final = ("bank", "insurer", "guarantor")
_MOST: Final = 200
_PHONE: Final = 40
_MEMBERS: Final = ("name", "uscc", "kind", "address", "contact", "thirdParty", "thirdContact", "pact")


class FormInvalid(ValueError):  # noqa: N818 - an answer to whoever filled it in
    """A form with faults, each with its pointer and Chinese text."""

    def __init__(self, faults: list[FieldError]) -> None:
        super().__init__("；".join(fault.message for fault in faults))
        self.faults = faults


def read_form(doc: Mapping[str, Any]) -> Details:
    """The details of a form's JSON object; raises FormInvalid with every fault."""
    faults = [*_find_faults(doc)]
    if faults:
        raise FormInvalid(faults)
    third = doc.get("thirdContact")
    return Details(
        name=doc["name"],
        uscc=doc["uscc"],
        kind=doc["kind"],
        address=doc["address"],
        contact=Contact(name=doc["contact"]["name"], phone=doc["contact"]["phone"]),
        third_party=doc.get("thirdParty"),
        third_contact=Contact(name=third["name"], phone=third["phone"]) if third else None,
        pact=doc.get("pact", False),
    )


def _find_faults(doc: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in sorted(set(doc) - set(_MEMBERS)):
        yield _fault(f"/{name[:_PHONE]}", f"申请表没有这一项，请核对写法；可填的有 {'、'.join(_MEMBERS)}。")
    for name, title in (("name", "经办机构名称"), ("address", "单位地址")):
        yield from _text(doc.get(name), f"/{name}", title)
    yield from _uscc(doc.get("uscc"))
    if doc.get("kind") not in _KINDS:
        yield _fault("/kind", f"单位性质（kind）应为 {'、'.join(_KINDS)} 之一。")
    yield from _contact(doc.get("contact"), "/contact", "经办机构对接负责人")
    if not isinstance(doc.get("pact", False), bool):
        yield _fault("/pact", "是否已签署自律公约（pact）应为 true 或 false。")
    yield from _third(doc)


def _third(doc: Mapping[str, Any]) -> Iterator[FieldError]:
    """A third company that connects for it is named with its own contact."""
    if doc.get("thirdParty") is None and doc.get("thirdContact") is None:
        return
    yield from _text(doc.get("thirdParty"), "/thirdParty", "第三方技术公司")
    yield from _contact(doc.get("thirdContact"), "/thirdContact", "第三方技术公司对接负责人")


def _contact(value: Any, pointer: str, title: str) -> Iterator[FieldError]:
    if not isinstance(value, Mapping):
        yield _fault(pointer, f"请填写{title}的姓名（name）与联系电话（phone）。")
        return
    yield from _text(value.get("name"), f"{pointer}/name", f"{title}姓名")
    yield from _text(value.get("phone"), f"{pointer}/phone", f"{title}联系电话", most=_PHONE)


def _text(value: Any, pointer: str, title: str, *, most: int = _MOST) -> Iterator[FieldError]:
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        yield _fault(pointer, f"请填写{title}，最多 {most} 个字符，不含换行。")


def _uscc(value: Any) -> Iterator[FieldError]:
    try:
        verify_uscc(value if isinstance(value, str) else "")
    except IdentityError as error:
        yield _fault("/uscc", str(error))


def _fault(pointer: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, rule="onboarding", message=message)
