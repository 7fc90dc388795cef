"""Who may send a type to whom: roles and kinds of institution against the catalogue's row.

Source: protocol section 7 (TYPE_NOT_PERMITTED, RECIPIENT_NOT_PERMITTED), domain section 2.
"""

from __future__ import annotations

from gateway.core.errors import FieldError, Problem
from gateway.core.type_row import TypeRow

_ROLES = {"platform": "平台", "institution": "机构", "gateway": "网关"}
_KINDS = {"bank": "银行", "insurer": "保险公司", "guarantor": "工程担保公司"}


def check_permission(
    row: TypeRow, *, source_role: str, source_kind: str | None, recipient_role: str | None, recipient_kind: str | None
) -> None:
    """Raise TYPE_NOT_PERMITTED for the sender, then RECIPIENT_NOT_PERMITTED for the recipient.

    `recipient_role` is None for an id that is not registered. No message goes from a role to itself.
    """
    if not _fits(source_role, source_kind, row.sources, row.kinds):
        text = f"“{row.title}”({row.type})只能由{_name(row.sources, row.kinds)}发送，请核对 type 与 source。"
        raise Problem("TYPE_NOT_PERMITTED", text, errors=[_at("/type", text)])
    recipients = row.recipients - {source_role}
    if not _fits(recipient_role, recipient_kind, recipients, row.kinds):
        text = f"“{row.title}”({row.type})只能发给{_name(recipients, row.kinds)}，请核对 recipient。"
        raise Problem("RECIPIENT_NOT_PERMITTED", text, errors=[_at("/recipient", text)])


def _fits(role: str | None, kind: str | None, roles: frozenset[str], kinds: frozenset[str]) -> bool:
    return role in roles and (role != "institution" or kind in kinds)


def _name(roles: frozenset[str], kinds: frozenset[str]) -> str:
    names = [text for role, text in _ROLES.items() if role in roles]
    if "institution" not in roles or kinds == _KINDS.keys():
        return "或".join(names)
    return "或".join(names) + "（" + "、".join(text for kind, text in _KINDS.items() if kind in kinds) + "）"


def _at(pointer: str, text: str) -> FieldError:
    return FieldError(pointer=pointer, rule="permission", message=text)
