"""`gateway.yaml` and the WGG_ variables made into Settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.config.checking import Finding, check_document
from gateway.config.documents import read_document
from gateway.config.errors import ConfigError, Mistake
from gateway.config.mistakes import Place
from gateway.config.models import HomeFile, Settings
from gateway.config.urls import resolve_database_url

SETTINGS_FILE: Final = "gateway.yaml"
PREFIX: Final = "WGG_"
_NOT_SETTINGS: Final = frozenset({"WGG_HOME", "WGG_DEBUG", "WGG_FAILPOINTS"})
_NOT_SETTINGS_PREFIXES: Final = ("WGG_TEST_", "WGG_BENCH_")


def load_settings(home: Path, env: Mapping[str, str]) -> Settings:
    """The settings of a home: its `gateway.yaml`, overridden by WGG_ variables (`__` goes one level down).

    Raises ConfigError with all mistakes at once.
    """
    home = home.resolve()
    path = home / SETTINGS_FILE
    document = read_document(path, missing="没有这个文件，请先用 wgg init 目录 建立网关目录，或用 --home 指明目录")
    overrides = {_place(name): name for name in sorted(env) if _is_setting(name)}
    clashes = [_override(document, place, env[name]) for place, name in overrides.items()]
    checked, findings = check_document(document, HomeFile, _contradictions)
    findings += [(place, "上一级不是一组设置，无法覆盖") for place in clashes if place is not None]
    if findings:
        raise ConfigError(_mistake(place, text, path, overrides) for place, text in findings)
    return _settle(checked, home)


def unknown_variables(env: Mapping[str, str]) -> Sequence[str]:
    """WGG_ variables that name no setting: not an error, for others may use the prefix, but worth a word."""
    ours = (name for name in sorted(env) if name.startswith(PREFIX) and name not in _NOT_SETTINGS)
    return [name for name in ours if not name.startswith(_NOT_SETTINGS_PREFIXES) and not _is_setting(name)]


def _is_setting(name: str) -> bool:
    return name.startswith(PREFIX) and _place(name)[0] in HomeFile.model_fields


def _place(name: str) -> Place:
    return tuple(name.removeprefix(PREFIX).lower().split("__"))


def _override(document: dict[str, Any], place: Place, text: str) -> Place | None:
    """Write one variable over the document; its place when something else than a section stands in the way."""
    inner = document
    for part in place[:-1]:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            return place
    inner[place[-1]] = _value(text)
    return None


def _value(text: str) -> Any:
    """Lists are written as in YAML; everything else is left to the field's own type."""
    if not text.startswith("["):
        return text or None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _contradictions(file: HomeFile) -> Sequence[Finding]:
    rules = (
        (
            file.environment == "production" and file.development,
            ("development",),
            "生产环境不得设为开发目录（会放行明文 http 与回环地址），请改为 false",
        ),
        (
            file.clock.rate > 1 and not file.development,
            ("clock", "rate"),
            "只有开发目录可以让期限快进，请改为 1",
        ),
        (file.clock.rate > 1 and not file.clock.epoch, ("clock", "epoch"), "期限快进须写明起点（Unix 秒）"),
        (
            file.limits.batch > file.limits.accept_queue,
            ("limits", "batch"),
            f"不得大于 limits.accept_queue（{file.limits.accept_queue}）",
        ),
        (
            file.evidence.timestamp_url is not None and file.evidence.timestamp_ca_file is None,
            ("evidence", "timestamp_ca_file"),
            "取时间戳须给出时间戳机构的根证书，否则无法核验它的应答",
        ),
    )
    return [(place, text) for broken, place, text in rules if broken]


def _mistake(place: Place, text: str, path: Path, overrides: Mapping[Place, str]) -> Mistake:
    # The variable that wrote this place, something above it (a list) or something below it (no section there).
    blamed = (name for at, name in overrides.items() if place[: len(at)] == at or at[: len(place)] == place)
    name = next(blamed, None)
    if name is not None:
        return Mistake(file="环境变量", field=name, text=text)
    return Mistake(file=str(path), field=".".join(place), text=text)


def _settle(file: HomeFile, home: Path) -> Settings:
    log_file = None if file.log.file is None else home / file.log.file
    ca_file = None if file.evidence.timestamp_ca_file is None else home / file.evidence.timestamp_ca_file
    signer = None if file.onboarding.signer_key_file is None else home / file.onboarding.signer_key_file
    values = {name: getattr(file, name) for name in HomeFile.model_fields}
    values |= {
        "home": home,
        "database": resolve_database_url(file.database, home),
        "key_file": home / file.key_file,
        "seal_key_file": home / file.seal_key_file,
        "log": file.log.model_copy(update={"file": log_file}),
        "evidence": file.evidence.model_copy(update={"timestamp_ca_file": ca_file}),
        "onboarding": file.onboarding.model_copy(update={"signer_key_file": signer}),
        "files": file.files.model_copy(update={"directory": home / file.files.directory}),
    }
    return Settings.model_validate(values)
