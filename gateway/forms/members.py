"""Members of a payload: found by JSON pointer in a schema and in a document, and written as people read them.

Source: protocol section 2 (payload conventions); schemas/*.json for titles and the words of enumerations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.money import format_yuan
from gateway.core.wire.instants import format_beijing, parse_rfc3339

_SEPARATORS: Final = ("；", "、", "，")
_PERCENT: Final = 100
_YES_NO: Final = {True: "是", False: "否"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member's schema. `name` is its own, `kind` the shared definition that it follows, "" for none.

    `needed` tells whether the schema requires it and everything above it; `said` is the description that holds the
    words of an enumeration, in its order.
    """

    name: str
    kind: str
    node: Mapping[str, Any]
    needed: bool
    said: str


def find_member(schema: Mapping[str, Any], pointer: str) -> Member:
    """The member at a JSON pointer into `data`, 0 standing for each item; KeyError where there is none."""
    node, needed, kind, said, name = schema, True, "", "", ""
    for name in pointer[1:].split("/"):
        if name.isdigit():
            child = node["items"]
        else:
            needed = needed and name in node.get("required", ())
            child = node["properties"][name]
        node, kind, said = _resolve(schema, child)
    return Member(name=name, kind=kind, node=node, needed=needed, said=said)


def _resolve(schema: Mapping[str, Any], node: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, str]:
    kind, said = "", node.get("description", "")
    while "$ref" in node:
        kind = node["$ref"].rpartition("/")[2]
        node = schema["$defs"][kind]
    return node, kind, said


def find_values(document: Any, pointer: str) -> Iterator[Any]:
    """The values at a pointer, those of every item where it leads through a list."""
    yield from _descend(document, pointer[1:].split("/"))


def _descend(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0].isdigit() and isinstance(value, list):
        for item in value:
            yield from _descend(item, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _descend(value[path[0]], path[1:])


def write_value(member: Member, value: Any) -> str:
    """A value as people read it; one that was masked, or is of another shape than its schema says, as it stands."""
    if isinstance(value, list):
        return "、".join(write_value(member, item) for item in value)
    if isinstance(value, bool):
        return _YES_NO[value]
    words = _words_of(member)
    if words:
        return words.get(value, str(value))
    write = _WRITERS.get(member.kind) or _WRITERS.get(_unit_of(member))
    try:
        return write(value) if write else str(value)
    except (TypeError, ValueError, AttributeError):
        return str(value)


def _words_of(member: Member) -> dict[Any, str]:
    """The words of an enumeration, from the description beside it; empty where it gives none."""
    values = member.node.get("enum") or member.node.get("items", {}).get("enum")
    for separator in _SEPARATORS if values else ():
        words = member.said.rstrip("。").split(separator)
        if len(words) == len(values):
            return dict(zip(values, words, strict=True))
    return {}


def _unit_of(member: Member) -> str:
    return "fen" if member.name == "fen" else "permyriad" if member.name.endswith("Permyriad") else ""


def _write_date(text: str) -> str:
    year, month, day = text.split("-")
    return f"{year}年{int(month)}月{int(day)}日"


def _write_instant(text: str) -> str:
    return write_time(parse_rfc3339(text))


def _write_money(fen: int) -> str:
    return f"￥{format_yuan(fen)}元"


def _write_percent(permyriad: int) -> str:
    return f"{permyriad / _PERCENT:g}%"


def write_time(us: int) -> str:
    """`2026年11月21日 09:30:00` of an instant in microseconds UTC, Beijing time."""
    day, _, clock = format_beijing(us).partition("T")
    return f"{_write_date(day)} {clock[:8]}"


_WRITERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "date": _write_date,
    "instant": _write_instant,
    "fen": _write_money,
    "permyriad": _write_percent,
}
