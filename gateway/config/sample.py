"""A settings file with every field and its comment, made from the models so that the two cannot part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from gateway.config.links import LinkFile
from gateway.config.models import HomeFile

_HOME_HEADER = """\
# 工资保证金网关设置。每项都可用环境变量覆盖：WGG_ 加大写名称，下级以双下划线相连，
# 例如 WGG_DATABASE、WGG_DELIVERY__GIVE_UP_HOURS。改后用 wgg doctor 检查，重启生效。
"""
_LINK_HEADER = """\
# 单个机构的连接设置，用 wgg institution set 机构标识 --file 本文件 载入；整份替换原设置。
# 文件路径可写绝对路径，相对路径以本文件所在目录为起点。
"""


def render_home_file(values: Mapping[str, Any] | None = None) -> str:
    """The text of a commented `gateway.yaml`; `values` replace the defaults of top-level fields."""
    file = HomeFile.model_validate(values or {})
    return _HOME_HEADER + "".join(_lines(file, ""))


def render_link_file() -> str:
    """The text of a commented link file with its defaults."""
    return _LINK_HEADER + "".join(_lines(LinkFile(), ""))


def _lines(section: BaseModel, indent: str) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        yield "\n" if not indent else ""
        yield f"{indent}# {field.description}\n"
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:\n"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    """One value on one line, as YAML."""
    plain = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
    if isinstance(plain, float) and plain.is_integer():
        plain = int(plain)
    if isinstance(plain, list):
        plain = [int(item) if isinstance(item, float) and item.is_integer() else item for item in plain]
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=1000)
    return text.removesuffix("...\n").strip()
