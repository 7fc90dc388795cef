"""Where a type's payload names files: every member that the schema refers to the shared definition of an SM3 digest.

Source: protocol section 2 (files by SM3) and section 5 (who may read a file).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Path = tuple[str, ...]
"""Member names that lead from `data` to a digest; `EACH` stands for every item of an array."""

EACH: Final = "*"
_LOCAL: Final = "#/$defs/"
_DIGEST: Final = "#/$defs/sm3"
_ALL: Final = ("allOf", "anyOf", "oneOf")
_ONE: Final = ("if", "then", "else")


def find_file_paths(schema: Mapping[str, Any]) -> tuple[Path, ...]:
    """The paths of a whole schema, each once; a definition that refers to itself is followed once on each path."""
    return tuple(dict.fromkeys(_search(schema, schema.get("$defs", {}), (), frozenset())))


def _search(node: Mapping[str, Any], defs: Mapping[str, Any], path: Path, seen: frozenset[str]) -> Iterator[Path]:
    reference = node.get("$ref", "")
    if reference == _DIGEST:
        yield path
    elif reference and reference not in seen:
        yield from _search(defs[reference.removeprefix(_LOCAL)], defs, path, seen | {reference})
    for name, member in node.get("properties", {}).items():
        if isinstance(member, dict):
            yield from _search(member, defs, (*path, name), seen)
    if isinstance(node.get("items"), dict):
        yield from _search(node["items"], defs, (*path, EACH), seen)
    for member in _beside(node):
        yield from _search(member, defs, path, seen)


def _beside(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Schemas that speak of the same value."""
    for word in _ALL:
        yield from node.get(word, ())
    for word in _ONE:
        if isinstance(node.get(word), dict):
            yield node[word]


def name_files(paths: tuple[Path, ...], data: Any) -> tuple[str, ...]:
    """The digests that stand at these paths in a valid payload, each once, in the order of the schema."""
    return tuple(dict.fromkeys(digest for path in paths for digest in _walk(path, data)))


def _walk(path: Path, value: Any) -> Iterator[str]:
    if not path:
        yield value
    elif path[0] == EACH and isinstance(value, list):
        for item in value:
            yield from _walk(path[1:], item)
    elif isinstance(value, dict) and path[0] in value:
        yield from _walk(path[1:], value[path[0]])
