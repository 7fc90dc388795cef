"""The check of documents: each is the file whose SM3 a signed message names, and no required one is missing."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from gateway.core.documents import name_documents
from gateway.core.errors import Problem
from gateway.core.evidence.bundle import find_digests, name_file
from gateway.core.evidence.documents import EvidenceFault
from gateway.core.evidence.leaves import MESSAGE
from gateway.core.evidence.opened import Findings, Opened, Tools
from gateway.core.wire.strict_json import parse_object

_FOLDER: Final = "files/"


def check_documents(opened: Opened, tools: Tools, found: Findings) -> None:
    """Every file has the SM3 of its name, which stands in a message; what a message needs is here or withheld.

    That the message is its sender's own is the business of its check: with it the document is what was signed for.
    """
    documents = [document for leaf in opened.of_kind(MESSAGE).values() if (document := _read(opened, leaf))]
    named = {digest for document in documents for digest in find_digests(document)}
    for path in sorted(name for name in opened.files if name.startswith(_FOLDER)):
        found.attempt(path, partial(_check_file, opened, tools, path, named))
    for path in sorted({path for document in documents for path in _needed(document)} - set(opened.files)):
        found.examined += 1
        if not opened.withholds(path):
            found.blame(path, "报文提到的正本不在包内")
    if opened.manifest is not None:
        withheld = opened.manifest.withheld.items()
        found.notes += [f"{path} {reason}" for path, reason in withheld if path.startswith(_FOLDER)]


def _check_file(opened: Opened, tools: Tools, path: str, named: set[str]) -> None:
    digest = path.removeprefix(_FOLDER)
    if tools.sm3(opened.files[path]).hex() != digest:
        raise EvidenceFault("文件内容与报文中的 SM3 不符，文件被改动或调换")
    if digest not in named:
        raise EvidenceFault("包内没有报文提到这份文件")


def _read(opened: Opened, leaf: Any) -> dict[str, Any]:
    """A message's document; empty where its bytes are not here or cannot be read, which another check tells."""
    try:
        return parse_object(opened.files.get(f"messages/{leaf.get('number')}.json", b""))
    except Problem:
        return {}


def _needed(document: dict[str, Any]) -> list[str]:
    type_, data = document.get("type"), document.get("data")
    try:
        return [name_file(digest) for digest in name_documents(str(type_), data if isinstance(data, dict) else {})]
    except (KeyError, TypeError):
        return []
