"""Check one type's payloads: jsonschema-rs decides in microseconds, jsonschema explains a rejection.

Three things JSON Schema cannot say are checked here: numbers are written in digits only (both validators take 1.0
for an integer), members marked `x-uniqueBy` are unique in their array, and the envelope's subject equals the number in
`data`. Source: protocol section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema.protocols import Validator

from gateway.catalogue.explain import MAX_ERRORS, build_explainer, explain
from gateway.catalogue.files import Path, find_file_paths
from gateway.core.errors import FieldError, Problem
from gateway.core.wire.refusal import at, child


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadCheck:
    """The compiled check of one type. `unique` holds (member path of an array in data, member that is unique), `files`
    the member paths of the SM3 digests in data.
    """

    decider: jsonschema_rs.Draft202012Validator
    explainer: Validator
    unique: tuple[tuple[tuple[str, ...], str], ...]
    subject_path: tuple[str, ...]
    files: tuple[Path, ...]

    def check(self, subject: str, data: Any) -> None:
        """Raise SCHEMA_INVALID with the first faults."""
        if not self.decider.is_valid(data):
            raise _invalid([*explain(self.explainer, data), *_fractions(data)] or [_UNEXPLAINED])
        errors = [*_fractions(data), *self._repeats(data), *self._foreign_subject(subject, data)]
        if errors:
            raise _invalid(errors)

    def _repeats(self, data: Any) -> Iterator[FieldError]:
        for path, member in self.unique:
            items = _find(data, path) or ()
            seen: set[object] = set()
            for index, item in enumerate(items):
                if item[member] in seen:
                    pointer = "/".join(("/data", *path, str(index), member))
                    yield at(pointer, "x-uniqueBy", f"{member} 在同一份报文内重复，请改为唯一。")
                seen.add(item[member])

    def _foreign_subject(self, subject: str, data: Any) -> Iterator[FieldError]:
        if _find(data, self.subject_path) != subject:
            pointer = "/".join(("/data", *self.subject_path))
            yield at("/subject", "subject", f"subject 与 {pointer} 的业务编号不一致，请填写同一编号。")


def build_check(schema: dict[str, Any], subject_path: tuple[str, ...]) -> PayloadCheck:
    """Compile a whole schema."""
    return PayloadCheck(
        decider=jsonschema_rs.Draft202012Validator(schema, validate_formats=True),
        explainer=build_explainer(schema),
        unique=tuple(_find_unique(schema, ())),
        subject_path=subject_path,
        files=find_file_paths(schema),
    )


_UNEXPLAINED = at("/data", "schema", "报文内容不符合该类型的 JSON Schema，请逐项核对字段。")


def _invalid(errors: list[FieldError]) -> Problem:
    return Problem("SCHEMA_INVALID", errors=errors[:MAX_ERRORS])


def _find(data: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _find_unique(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, member in schema.get("properties", {}).items():
        if isinstance(member, dict):
            if "x-uniqueBy" in member:
                yield (*path, name), member["x-uniqueBy"]
            yield from _find_unique(member, (*path, name))


def _fractions(data: Any) -> list[FieldError]:
    if not _has_float(data):
        return []
    text = "数值须只用数字书写，不得写成小数或指数（例如 1.0、1e2）。"
    return [at(pointer, "integer", text) for pointer in islice(_float_pointers(data, "/data"), MAX_ERRORS)]


def _has_float(data: Any) -> bool:
    stack = [data]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is dict:
            stack.extend(item.values())
        elif kind is list:
            stack.extend(item)
        elif kind is float:
            return True
    return False


def _float_pointers(item: Any, pointer: str) -> Iterator[str]:
    if isinstance(item, float):
        yield pointer
    members = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    for name, member in members:
        yield from _float_pointers(member, child(pointer, name))
