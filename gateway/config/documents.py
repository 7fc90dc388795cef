"""YAML files read strictly: one mapping, no repeated names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway.config.errors import ConfigError, Mistake


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a name written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"名称 {key.value} 重复", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_document(path: Path, *, missing: str) -> dict[str, Any]:
    """The file's mapping (empty for an empty file); ConfigError names file, line and column of a fault.

    `missing` is the Chinese text for a file that is not there.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 - derives from SafeLoader
    except FileNotFoundError as error:
        raise ConfigError([Mistake(file=str(path), field="", text=missing)]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Mistake(file=str(path), field="", text=f"无法读取：{error}")]) from error
    except yaml.YAMLError as error:
        raise ConfigError([Mistake(file=str(path), field="", text=_fault(error))]) from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ConfigError([Mistake(file=str(path), field="", text="顶层应为一组“名称: 值”")])
    return found


def _fault(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"第 {mark.line + 1} 行第 {mark.column + 1} 列附近，" if mark else ""
    return f"不是合法的 YAML：{where}{getattr(error, 'problem', None) or error}"
