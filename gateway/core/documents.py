"""Documents that must be there before a message is accepted: one row a document.

A document is there when the sender may read a file of its SM3 and size: it was put before. Source: issue of the domain,
protocol section 5, XM service commitment 2, SM 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.errors import FieldError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRule:
    """The member of `data` in which a type names a document that must be there."""

    id: str
    type: str
    member: str
    basis: str


DOCUMENTS: Final = (
    DocumentRule(
        id="guarantee-document",
        type="guarantee.issued.v1",
        member="document",
        basis="厦门市工资保证金接入说明（XM）服务承诺 2；三明市工资保证金保函（SM 附件6）：保函（保单）正本",
    ),
)

_ABSENT: Final = "网关没有收到这份文件，或本方无权读取；请先以 PUT /v1/files/{摘要} 上传原件，再发送本报文。"
_DIFFERENT: Final = "文件大小与所上传的文件不符（已收 {size} 字节），请核对 size 与 digest 是否出自同一份文件。"


def name_documents(type_: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The digests of the documents that a valid payload of this type needs."""
    return tuple(data[rule.member]["digest"] for rule in _rules(type_, data))


def check_documents(type_: str, data: Mapping[str, Any], readable: Mapping[str, int]) -> None:
    """Raise RULE_VIOLATED unless each document is among `readable`: digest → size of what the sender may read."""
    errors = [fault for rule in _rules(type_, data) for fault in _judge(rule, data[rule.member], readable)]
    if errors:
        raise Problem("RULE_VIOLATED", errors[0].message, errors=errors)


def _rules(type_: str, data: Mapping[str, Any]) -> Iterator[DocumentRule]:
    return (rule for rule in DOCUMENTS if rule.type == type_ and rule.member in data)


def _judge(rule: DocumentRule, file: Mapping[str, Any], readable: Mapping[str, int]) -> Iterator[FieldError]:
    size = readable.get(file["digest"])
    if size is None:
        yield _blame(rule, "digest", _ABSENT)
    elif size != file["size"]:
        yield _blame(rule, "size", _DIFFERENT.replace("{size}", str(size)))


def _blame(rule: DocumentRule, member: str, text: str) -> FieldError:
    return FieldError(pointer=f"/data/{rule.member}/{member}", rule=rule.id, message=text, basis=rule.basis)
