"""How adapters are found, and what is said when one is broken."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from adapters.registry import GROUP, AdapterError, build_registry
from tests.adapters.samples import declared_points

NAMELESS = SimpleNamespace(encode=print, decode=print)
SPEECHLESS = SimpleNamespace(name="speechless", encode=print)


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_declared_adapters_are_found_by_name() -> None:
    """The project's own two dialects load under their names."""
    registry = build_registry(declared_points())
    assert {name: adapter.name for name, adapter in registry.items()} == {"native": "native", "mailbox": "mailbox"}


def test_same_point_twice_is_one() -> None:
    """A package recorded twice, as an editable install may be, is no conflict."""
    assert list(build_registry([*declared_points(), *declared_points()])) == ["native", "mailbox"]


BROKEN = {
    "name given twice": ([point("native", "adapters.native:ADAPTER"), point("native", "elsewhere:ADAPTER")], "重复"),
    "no such module": ([point("absent", "adapters.absent:ADAPTER")], "无法加载"),
    "no such object": ([point("native", "adapters.native:ABSENT")], "无法加载"),
    "another name": ([point("nameless", f"{__name__}:NAMELESS")], "name"),
    "no decode": ([point("speechless", f"{__name__}:SPEECHLESS")], "decode"),
}


@pytest.mark.parametrize(("points", "text"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_adapter_is_named(points: list[EntryPoint], text: str) -> None:
    """A duplicate or broken adapter stops the start with a text that names it."""
    with pytest.raises(AdapterError, match=text) as caught:
        build_registry(points)
    assert points[0].name in str(caught.value)
