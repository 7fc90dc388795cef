"""Read conf/areas/*.yaml into frozen areas; national.yaml stands under every other file and explains the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gateway.catalogue.area_values import READERS
from gateway.catalogue.marks import Marked, read_marked
from gateway.catalogue.mistakes import CatalogueError, Mistake
from gateway.catalogue.places import AREAS
from gateway.core.area import NATIONAL, Area, AreaParameters, Dated, Source, build_area

_FILE: Final = "national.yaml"
_TITLE: Final = "地区参数有误"
_TOP: Final = ("code", "name", "parameters")
_ENTRY: Final = frozenset({"from", "value", "basis", "unverified"})
_CODE: Final = re.compile(r"[0-9]{6}")

_CHECKS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "from": (lambda value: type(value) is date, "应为日期，例如 2021-11-01"),
    "basis": (lambda value: isinstance(value, str) and value.strip() != "", "应写明依据"),
    "unverified": (lambda value: isinstance(value, bool), "应为 true 或 false"),
}

# What the values of one day must not say together: the test, the parameter to blame, the text.
_CONTRADICTIONS: Final[tuple[tuple[Callable[[AreaParameters], bool], str, str], ...]] = (
    (
        lambda held: held.deposit.floor_ratio > held.deposit.ceiling_ratio,
        "deposit.floor_ratio",
        "下限高于上限 deposit.ceiling_ratio",
    ),
    (lambda held: held.deposit.base_ratio > 1, "deposit.base_ratio", "基准比例不得超过 100%"),
    (lambda held: held.deposit.clean_cut > 1, "deposit.clean_cut", "降幅不得超过 100%"),
    (lambda held: held.deposit.cash_share > 1, "deposit.cash_share", "现金部分不得超过 100%"),
)

_Values = dict[str, tuple[Dated, ...]]


def load_areas(path: Path | None = None) -> Mapping[str, Area]:
    """Every area of the folder by code, by default of the repository's conf/areas; NATIONAL is among them.

    Raises CatalogueError with every mistake of every file, each with its line.
    """
    folder = path or AREAS
    files = [_AreaFile(file) for file in sorted(folder.glob("*.yaml"))]
    mistakes = [mistake for file in files for mistake in file.mistakes] + _find_gaps(folder, files)
    whole = [file for file in files if not file.mistakes]
    base = next((file.values for file in whole if file.code == NATIONAL), {})
    areas = {file.code: _build(file, base) for file in whole if base.keys() == READERS.keys()}
    mistakes += [fault for file in whole if file.code in areas for fault in _contradict(file, areas[file.code])]
    if mistakes:
        raise CatalogueError(mistakes, _TITLE)
    return MappingProxyType(areas)


class _AreaFile:
    """One file as read: its code, name, dated values by parameter, and mistakes."""

    def __init__(self, path: Path) -> None:
        root, mistakes = read_marked(path)
        self.name_of_file = path.name
        self.mistakes: list[Mistake] = list(mistakes)
        self.root = root
        self.values: _Values = {}
        self.code = self.name = ""
        if not root.unreadable:
            self._read(root)

    def _read(self, root: Marked) -> None:
        self.mistakes += [item.blame("没有这个字段，请删除") for name, item in root.value.items() if name not in _TOP]
        self.mistakes += [root.blame("缺少该项，请补上", name) for name in _TOP if name not in root.value]
        self.code = self._read_text(root, "code", _CODE, "应为六位行政区划代码，须加引号")
        self.name = self._read_text(root, "name", re.compile(r".+"), "应为地区名称")
        expected = _FILE if self.code == NATIONAL else f"{self.code}.yaml"
        if self.code and self.name_of_file != expected:
            self.mistakes.append(root.value["code"].blame(f"与文件名不符，此代码的文件应为 {expected}"))
        parameters = root.value.get("parameters")
        if parameters is not None:
            self._read_parameters(parameters)

    def _read_text(self, root: Marked, name: str, pattern: re.Pattern[str], text: str) -> str:
        item = root.value.get(name)
        if item is None:
            return ""
        if isinstance(item.value, str) and pattern.fullmatch(item.value):
            return item.value
        self.mistakes.append(item.reject(text))
        return ""

    def _read_parameters(self, parameters: Marked) -> None:
        if not isinstance(parameters.value, dict):
            self.mistakes.append(parameters.reject("应为一组“参数名: 取值列表”"))
            return
        for name, history in parameters.value.items():
            if name in READERS:
                self.values[name] = self._read_history(name, history)
            else:
                self.mistakes.append(history.blame("没有这个参数，请核对名称"))

    def _read_history(self, name: str, history: Marked) -> tuple[Dated, ...]:
        if not isinstance(history.value, list) or not history.value:
            self.mistakes.append(history.reject("应为取值列表，每项写 from、value、basis"))
            return ()
        dated: list[Dated] = []
        for entry in history.value:
            made = self._read_entry(name, entry)
            if made and dated and made.source.since <= dated[-1].source.since:
                self.mistakes.append(entry.blame("起始日期须逐项递增", "from"))
            dated += [made] if made else []
        return tuple(dated)

    def _read_entry(self, name: str, entry: Marked) -> Dated | None:
        faults = _check_entry(entry)
        value: Any = None
        if not faults:
            try:
                value = READERS[name](entry.value["value"].plain())
            except ValueError as error:
                faults = [entry.value["value"].reject(str(error))]
        self.mistakes += faults
        return None if faults else Dated(value=value, source=_make_source(entry.value))


def _check_entry(entry: Marked) -> list[Mistake]:
    if not isinstance(entry.value, dict):
        return [entry.reject("应写 from、value、basis，可加 unverified")]
    given = entry.value
    faults = [item.blame("没有这个字段，请删除") for name, item in given.items() if name not in _ENTRY]
    faults += [entry.blame("缺少该项，请补上", name) for name in ("from", "value", "basis") if name not in given]
    return faults + [
        given[name].reject(text)
        for name, (good, text) in _CHECKS.items()
        if name in given and not good(given[name].value)
    ]


def _make_source(entry: Mapping[str, Marked]) -> Source:
    unverified = entry["unverified"].value if "unverified" in entry else False
    return Source(since=entry["from"].value, basis=entry["basis"].value, unverified=unverified)


def _find_gaps(folder: Path, files: Sequence[_AreaFile]) -> list[Mistake]:
    """National parameters that are missing: nothing else could stand in for them."""
    national = [file for file in files if file.name_of_file == _FILE]
    if not national:
        return [Mistake(file=_FILE, field="-", text=f"{folder} 中缺少全国参数文件")]
    base = national[0]
    gaps = [base.root.blame("缺少该参数，请补上", f"parameters.{name}") for name in READERS if name not in base.values]
    return [] if base.mistakes and not base.values else gaps


def _build(file: _AreaFile, base: _Values) -> Area:
    merged = {name: _merge(base[name], file.values.get(name, ())) for name in READERS}
    return build_area(code=file.code, name=file.name, values=merged)


def _merge(base: Sequence[Dated], own: Sequence[Dated]) -> Sequence[Dated]:
    """The country's values until the area's own begin."""
    if not own:
        return base
    return [*(dated for dated in base if dated.source.since < own[0].source.since), *own]


def _contradict(file: _AreaFile, area: Area) -> Iterator[Mistake]:
    """Told at the parameter where this file writes it, else at its list of parameters, for it makes the combination."""
    written = file.root.value["parameters"]
    for contradicts, name, text in _CONTRADICTIONS:
        since = next((period.since for period in area.periods if contradicts(period.parameters)), None)
        if since is not None:
            place = written.value.get(name)
            yield place.blame(f"自 {since} 起{text}") if place else written.blame(f"自 {since} 起{text}", name)
