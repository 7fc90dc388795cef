"""pydantic's findings in Chinese, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Place = tuple[str, ...]

_TEXTS: Final[Mapping[str, str]] = {
    "missing": "缺少该项，请补上",
    "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "int_from_float": "应为整数，不带小数",
    "float_parsing": "应为数字",
    "float_type": "应为数字",
    "finite_number": "应为有限的数字",
    "string_type": "应为文本，请加引号",
    "path_type": "应为文件路径",
    "tuple_type": "应为列表",
    "model_type": "应为一组“名称: 值”",
    "model_attributes_type": "应为一组“名称: 值”",
    "literal_error": "只能是 {expected}",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不得小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不得大于 {le}",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "至多 {max_length} 个字符",
    "string_pattern_mismatch": "格式有误，应匹配 {pattern}",
    "too_short": "至少要有 {min_length} 项",
    "value_error": "{error}",
}


def place_of(detail: ErrorDetails) -> Place:
    """Where the finding stands, without list positions' special forms."""
    return tuple(str(part) for part in detail["loc"])


def describe(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """The finding in Chinese, with the value that was written; the value of a secret-bearing address is left out."""
    if detail["type"] == "extra_forbidden":
        return _unknown(place_of(detail), model)
    template = _TEXTS.get(detail["type"], "取值有误（" + detail["msg"].replace("{", "(").replace("}", ")") + "）")
    text = template.format(**detail.get("ctx", {}))
    value = detail["input"]
    return f"{text}（现为 {value!r}）" if isinstance(value, (bool, int, float)) or _is_plain(value) else text


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and "://" not in value and len(value) <= 80  # noqa: PLR2004 - one line of a terminal


def _unknown(place: Place, model: type[BaseModel]) -> str:
    near = get_close_matches(place[-1], _names(place[:-1], model), n=1)
    return f"没有这个设置，是否应为 {near[0]}" if near else "没有这个设置，请删除或核对名称"


def _names(place: Iterable[str], model: type[BaseModel]) -> list[str]:
    for part in place:
        inner = model.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
