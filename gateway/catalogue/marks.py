"""YAML files of people read with the line of every value, so that each mistake is told with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.catalogue.mistakes import Mistake

_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One value and its place. `value` is a scalar, a list of Marked, or a dict of Marked by name.

    `unreadable` says why YAML could make nothing of it; that mistake has been told by read_marked.
    """

    value: Any
    file: str
    line: int
    field: str
    unreadable: str = ""

    def blame(self, text: str, name: str = "") -> Mistake:
        """A mistake at this value, or at what should stand under `name` in it."""
        return Mistake(file=self.file, line=self.line, field=_join(self.field, name) or "-", text=text)

    def reject(self, text: str) -> Mistake:
        """The value is not what it should be; of one that could not be read, the mistake that has been told."""
        return self.blame(self.unreadable or text)

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        return [item.plain() for item in self.value] if isinstance(self.value, list) else self.value


class _Reader:
    """Turns the node tree of one file into Marked values and keeps the mistakes it meets."""

    def __init__(self, file: str, loader: yaml.SafeLoader) -> None:
        self.mistakes: list[Mistake] = []
        self._file = file
        self._loader = loader

    def read(self, node: yaml.Node, field: str, depth: int = 0) -> Marked:
        line = node.start_mark.line + 1
        if depth > _DEEPEST:  # an alias may hold itself
            return self._faulty(line, field, "嵌套过深")
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._read_mapping(node, field, depth)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.read(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(node.value)]
        else:
            return self._read_scalar(node, line, field)
        return Marked(value=value, file=self._file, line=line, field=field)

    def _read_mapping(self, node: yaml.MappingNode, field: str, depth: int) -> dict[str, Marked]:
        value: dict[str, Marked] = {}
        for key, item in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            place = _join(field, name)
            read = self.read(item, place, depth + 1)
            if name in value:
                self._faulty(key.start_mark.line + 1, place, "名称重复，请删去一处")
                read = _lay_over(value[name], read)
            value[name] = read
        return value

    def _read_scalar(self, node: yaml.Node, line: int, field: str) -> Marked:
        try:
            value = self._loader.construct_object(node, deep=True)
        except (ValueError, ArithmeticError, LookupError, AttributeError, yaml.YAMLError):  # a tag may not fit its text
            return self._faulty(line, field, f"不是合法的值：{node.value}")
        return Marked(value=value, file=self._file, line=line, field=field)

    def _faulty(self, line: int, field: str, text: str) -> Marked:
        faulty = Marked(value=None, file=self._file, line=line, field=field, unreadable=text)
        self.mistakes.append(faulty.reject(text))
        return faulty


def read_marked(path: Path) -> tuple[Marked, Sequence[Mistake]]:
    """The file's mapping with its places, and the mistakes of the YAML itself.

    A repeated name or a value that YAML cannot make is a mistake like any other: the rest is there to be read. Only
    where there is no mapping at all is the answer empty and `unreadable`.
    """
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except (OSError, UnicodeDecodeError) as error:
        return _give_up(path, f"无法读取：{error}")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        text = f"不是合法的 YAML：{getattr(error, 'problem', None) or error}"
        return _give_up(path, text, line=mark.line + 1 if mark else None)
    if not isinstance(node, yaml.MappingNode):
        return _give_up(path, "顶层应为一组“名称: 值”")
    reader = _Reader(path.name, loader)
    return reader.read(node, ""), reader.mistakes


def _give_up(path: Path, text: str, *, line: int | None = 1) -> tuple[Marked, Sequence[Mistake]]:
    nothing = Marked(value={}, file=path.name, line=line or 1, field="", unreadable=text)
    return nothing, [Mistake(file=path.name, line=line, field="-", text=text)]


def _lay_over(under: Marked, over: Marked) -> Marked:
    """The two values of a repeated name as one, so that what is wrong inside either is found; else the last stands."""
    value = over.value
    if isinstance(under.value, dict) and isinstance(value, dict):
        both = {name: _lay_over(under.value[name], value[name]) for name in under.value.keys() & value.keys()}
        value = under.value | value | both
    elif isinstance(under.value, list) and isinstance(value, list):
        value = [*under.value, *value]
    return replace(over, value=value)


def _join(field: str, name: str) -> str:
    return f"{field}.{name}" if field and name else field or name
