"""YAML files of people read with the line of every value, so that each mistake is told with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.catalogue.mistakes import Mistake

_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One value and its place. `value` is a scalar, a list of Marked, or a dict of Marked by name."""

    value: Any
    file: str
    line: int
    field: str

    def blame(self, text: str, name: str = "") -> Mistake:
        """A mistake at this value, or at what should stand under `name` in it."""
        return Mistake(file=self.file, line=self.line, field=_join(self.field, name) or "-", text=text)

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
            if name in value:
                self._faulty(key.start_mark.line + 1, place, "名称重复，请删去一处")
            value[name] = self.read(item, place, depth + 1)
        return value

    def _read_scalar(self, node: yaml.Node, line: int, field: str) -> Marked:
        try:
            value = self._loader.construct_object(node)
        except (ValueError, yaml.YAMLError):
            return self._faulty(line, field, f"不是合法的值：{node.value}")
        return Marked(value=value, file=self._file, line=line, field=field)

    def _faulty(self, line: int, field: str, text: str) -> Marked:
        self.mistakes.append(Mistake(file=self._file, line=line, field=field or "-", text=text))
        return Marked(value=None, file=self._file, line=line, field=field)


def read_marked(path: Path) -> tuple[Marked, Sequence[Mistake]]:
    """The file's mapping with its places (empty when it cannot be read), and the mistakes of the YAML itself."""
    nothing = Marked(value={}, file=path.name, line=1, field="")
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except (OSError, UnicodeDecodeError) as error:
        return nothing, [nothing.blame(f"无法读取：{error}")]
    except yaml.YAMLError as error:
        return nothing, [_blame_yaml(error, path.name)]
    if not isinstance(node, yaml.MappingNode):
        return nothing, [nothing.blame("顶层应为一组“名称: 值”")]
    reader = _Reader(path.name, loader)
    return reader.read(node, ""), reader.mistakes


def _blame_yaml(error: yaml.YAMLError, file: str) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    text = f"不是合法的 YAML：{getattr(error, 'problem', None) or error}"
    return Mistake(file=file, line=mark.line + 1 if mark else None, field="-", text=text)


def _join(field: str, name: str) -> str:
    return f"{field}.{name}" if field and name else field or name
