"""Finds the adapters that are installed: ours and those of other packages.

A package registers one under the entry point group `wgg.adapters`: the name an institution is registered with, and an
object that implements ports.Adapter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Final, cast

from gateway.ports import Adapter

GROUP: Final = "wgg.adapters"


class AdapterError(Exception):
    """An adapter that cannot be used; the text is Chinese and names its entry point."""


def load_adapters() -> Mapping[str, Adapter]:
    """Every registered adapter by name. Raises AdapterError for a name given twice, or an adapter that is broken."""
    return build_registry(entry_points(group=GROUP))


def build_registry(points: Iterable[EntryPoint]) -> Mapping[str, Adapter]:
    """The adapters of these entry points; the same point listed twice (two records of one package) counts once."""
    values: dict[str, EntryPoint] = {}
    for point in points:
        other = values.setdefault(point.name, point)
        if other.value != point.value:
            raise AdapterError(f"适配器名 {point.name} 重复登记：{other.value} 与 {point.value}，请卸载其一。")
    return MappingProxyType({name: _load(point) for name, point in values.items()})


def _load(point: EntryPoint) -> Adapter:
    try:
        adapter = point.load()
    except Exception as error:
        raise AdapterError(f"适配器 {point.name}（{point.value}）无法加载：{error}。请修复或卸载该软件包。") from error
    if getattr(adapter, "name", None) != point.name:
        raise AdapterError(f"适配器 {point.name}（{point.value}）的 name 应为 {point.name}，请与入口点名称保持一致。")
    if not all(callable(getattr(adapter, verb, None)) for verb in ("encode", "decode")):
        raise AdapterError(f"适配器 {point.name}（{point.value}）应提供 encode 与 decode 两个函数，请修复该软件包。")
    return cast("Adapter", adapter)
