"""Say in Chinese, with pointers, why a payload does not fit its schema. Only rejections come here.

Values are never repeated: a payload may be confidential (domain section 7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any, Final

import jsonschema
import jsonschema_rs
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from gateway.core.errors import FieldError
from gateway.core.wire.instants import parse_rfc3339
from gateway.core.wire.refusal import child

MAX_ERRORS: Final = 20
_MAX_POINTER: Final = 256
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_FORMATS: Final = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    if isinstance(value, str):
        date.fromisoformat(value if _DATE.fullmatch(value) else "")
    return True


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    if isinstance(value, str):
        parse_rfc3339(value)
    return True


def build_explainer(schema: Mapping[str, Any]) -> Validator:
    """A validator of one whole schema that knows why.

    In an array it looks only at the items that jsonschema-rs rejects: a notice with two thousand payees and one fault
    must not hold the process for half a second.
    """
    deciders: dict[int, jsonschema_rs.Draft202012Validator] = {}

    def look_at_items(validator: Any, items: dict[str, Any], instance: object, _: object) -> Iterator[ValidationError]:
        if id(items) not in deciders:
            whole = items | {"$defs": schema.get("$defs", {})}
            deciders[id(items)] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        for index, item in enumerate(instance if isinstance(instance, list) else ()):
            if not deciders[id(items)].is_valid(item):
                yield from validator.descend(item, items, path=index)

    extend: Callable[..., Any] = jsonschema.validators.extend
    explainer: Validator = extend(jsonschema.Draft202012Validator, {"items": look_at_items})(
        schema, format_checker=_FORMATS
    )
    return explainer


def explain(explainer: Validator, data: Any) -> list[FieldError]:
    """The first faults of a payload, pointers beginning with /data; empty if this validator finds none."""
    faults = (fault for error in explainer.iter_errors(data) for fault in _name_faults(error))
    return list(islice(faults, MAX_ERRORS))


def _name_faults(error: ValidationError) -> Iterator[FieldError]:
    rule = str(error.validator)
    where = "/data"
    for part in error.absolute_path:
        where = child(where, part)
    for name in _NAMED.get(rule, _no_names)(error):
        pointer = child(where, name) if name is not None else where
        text = f"{_label(error, name)}{_hint(rule, error)}"
        yield FieldError(pointer=pointer if len(pointer) <= _MAX_POINTER else where, rule=rule, message=text)


def _no_names(_: ValidationError) -> list[str | None]:
    return [None]


def _missing(error: ValidationError) -> list[str | None]:
    """The validator raises one error for each missing member, and names it only in its text."""
    return [name for name in _list(error.validator_value) if error.message.startswith(f"{name!r} ")]


def _extra(error: ValidationError) -> list[str | None]:
    known = _schema(error).get("properties", {})
    return [name for name in _list(error.instance) if name not in known]


def _list(value: Any) -> list[str]:
    return list(value)


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, dict) else {}


_NAMED: Final[Mapping[str, Callable[[ValidationError], list[str | None]]]] = {
    "required": _missing,
    "additionalProperties": _extra,
}


def _label(error: ValidationError, name: str | None) -> str:
    schema = _schema(error)
    if name is not None:
        schema = schema.get("properties", {}).get(name, {})
    if "title" in schema:
        return f"“{schema['title']}”"
    return f"字段 {name} " if error.validator == "required" else "该字段"


_TYPE_NAMES: Final = {
    "object": "对象",
    "array": "数组",
    "string": "文本",
    "integer": "整数（只写数字，不加引号和小数点）",
    "boolean": " true 或 false",
}

_HINTS: Final[Mapping[str, Callable[[Any], str]]] = {
    "required": lambda _: "为必填，请补上。",
    "additionalProperties": lambda _: "不在该类型的字段之列，请删去或核对字段名。",
    "type": lambda value: f"应为{_TYPE_NAMES.get(value, value)}。",
    "enum": lambda value: f"只能取 {'、'.join(map(str, value))} 之一。",
    "const": lambda value: f"只能填 {value}。",
    "minimum": lambda value: f"不得小于 {value}。",
    "maximum": lambda value: f"不得大于 {value}。",
    "minLength": lambda value: f"不得少于 {value} 个字符。",
    "maxLength": lambda value: f"不得超过 {value} 个字符。",
    "minItems": lambda value: f"不得少于 {value} 项。",
    "maxItems": lambda value: f"不得超过 {value} 项。",
    "not": lambda value: "不得含换行或其他控制字符。" if value else "在此情形下不得填写，请删去。",
    "format": lambda _: "不是真实存在的日期或时间，请核对。",
}


def _hint(rule: str, error: ValidationError) -> str:
    if rule in _HINTS:
        return _HINTS[rule](error.validator_value)
    description = _schema(error).get("description")
    return f"格式有误，应为：{description}。" if description else "格式有误，请对照该类型的 JSON Schema 修改。"
