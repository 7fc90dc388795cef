"""Whole valid events made from the files in schemas/examples/valid, so that those of one subject fit together.

A file is a specimen: its subject, its serial number and its dates stand for those of the event to be made. All
numbers of an order (guarantee, notice, confirmation) and of its case carry the serial, which derives from the order's
number, so that a sequence made for one subject refers to itself; made for the case number that an order's application
names, a case's event has the order's serial too. Amounts and payees are the specimen's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from gateway.catalogue.places import SCHEMAS
from gateway.core.errors import Problem
from gateway.core.wire.instants import format_beijing, parse_rfc3339

SPECIMEN_SUBJECT: Final = "DD3502002026000001"
SPECIMEN_SERIAL: Final = "202611200001"
_CASE: Final = re.compile(r"AJ350200([0-9]{12})")
_VALID: Final = SCHEMAS / "examples" / "valid"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*")


def list_variants(type_: str) -> tuple[str, ...]:
    """The names of a type's examples; Problem TYPE_UNKNOWN for a type without any."""
    return tuple(sorted(_find_files(type_)))


def example(
    type_: str,
    *,
    source: str | None = None,
    recipient: str | None = None,
    subject: str | None = None,
    id: str | None = None,  # noqa: A002 - the attribute's own name
    kind: str = "bank",
    now_us: int,
    variant: str | None = None,
) -> dict[str, Any]:
    """A whole valid event of this type (version 1 if none is named), as of `now_us` (microseconds UTC).

    Without `variant` it is the one named after the institution's `kind`, else `default`. `source` and `recipient`
    default to the specimen's (platform, xmccb), `subject` to one fixed order or its case, `id` to a fresh one.
    Raises Problem TYPE_UNKNOWN, or NOT_FOUND for an unknown variant.
    """
    files = _find_files(type_)
    specimen = _read(files[_choose(type_, files, variant, kind)])
    serial = _derive_serial(subject or SPECIMEN_SUBJECT)
    number = subject or specimen["subject"].replace(SPECIMEN_SERIAL, serial)
    time = format_beijing(now_us)
    changes = _Changes(
        specimen=specimen["subject"],
        subject=number,
        serial=serial,
        days=_date_of(time) - _date_of(specimen["time"]),
        microseconds=now_us - parse_rfc3339(specimen["time"]),
    )
    return specimen | {
        "id": id or uuid4().hex,
        "source": source or specimen["source"],
        "recipient": recipient or specimen["recipient"],
        "subject": number,
        "time": time,
        "data": changes.rewrite(specimen["data"]),
    }


def _choose(type_: str, files: Mapping[str, Path], variant: str | None, kind: str) -> str:
    name = variant or (kind if kind in files else "default")
    if name not in files:
        raise Problem("NOT_FOUND", f"类型 {type_} 没有名为 {name} 的样例，可选：{'、'.join(sorted(files))}。")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changes:
    specimen: str
    subject: str
    serial: str
    days: timedelta
    microseconds: int

    def rewrite(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.rewrite(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.rewrite(item) for item in value]
        return self._rewrite_text(value) if isinstance(value, str) else value

    def _rewrite_text(self, text: str) -> str:
        if text == self.specimen:
            return self.subject
        if _DATE.fullmatch(text):
            return (date.fromisoformat(text) + self.days).isoformat()
        if _INSTANT.fullmatch(text):
            return format_beijing(parse_rfc3339(text) + self.microseconds)
        return text.replace(SPECIMEN_SERIAL, self.serial)


def _date_of(time: str) -> date:
    """The day of an instant written in Beijing time, as specimens are."""
    return date.fromisoformat(time[:10])


def _derive_serial(subject: str) -> str:
    case = _CASE.fullmatch(subject)
    if case is not None:
        return case[1]
    number = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big")
    return f"{number % 10**12:012d}"


@cache
def _find_files(type_: str) -> dict[str, Path]:
    names = {folder.name for folder in _VALID.iterdir()}
    found = next((name for name in (type_, f"{type_}.v1") if name in names), None)
    if found is None:
        raise Problem("TYPE_UNKNOWN")
    return {file.stem: file for file in (_VALID / found).glob("*.json")}


def _read(file: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return event
