"""Failpoints: inert until armed, armed only outside production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.bootstrap import failpoints
from gateway.config import Settings, load_settings
from gateway.core.failpoints import ACCEPT_COMMITTED, RELAY_PUBLISHED, disarm, reach
from tests.harness.gateway import Founded


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The exit codes with which the process would have ended."""
    codes: list[int] = []
    monkeypatch.setattr(failpoints.os, "_exit", codes.append)
    yield codes
    disarm()


@pytest.fixture
def settings(founded: Founded) -> Settings:
    """A sandbox's settings."""
    return load_settings(founded.folder, {})


def test_a_point_ends_the_process_at_its_count(settings: Settings, deaths: list[int]):
    """At the second time, as SIGKILL would; other points do nothing."""
    failpoints.arm_failpoints(settings, {"WGG_FAILPOINTS": "accept.committed=2"})
    reach(ACCEPT_COMMITTED)
    reach(RELAY_PUBLISHED)
    assert deaths == []
    reach(ACCEPT_COMMITTED)
    reach(ACCEPT_COMMITTED)
    assert deaths == [137]


@pytest.mark.parametrize("env", [{}, {"WGG_FAILPOINTS": ""}])
def test_without_the_variable_nothing_is_armed(settings: Settings, deaths: list[int], env: dict[str, str]):
    """A point that nothing was armed for is inert."""
    failpoints.arm_failpoints(settings, env)
    reach(ACCEPT_COMMITTED)
    assert deaths == []


def test_production_is_never_armed(settings: Settings, deaths: list[int]):
    """The variable changes nothing there."""
    production = settings.model_copy(update={"environment": "production", "development": False})
    failpoints.arm_failpoints(production, {"WGG_FAILPOINTS": "accept.committed"})
    reach(ACCEPT_COMMITTED)
    assert deaths == []


@pytest.mark.parametrize("text", ["accept.comitted", "accept.committed=often"])
def test_a_mistake_is_told(settings: Settings, deaths: list[int], text: str):
    """A name that does not exist, or a count that is no number, stops the start."""
    with pytest.raises(ValueError, match=r"accept\.comitted|often"):
        failpoints.arm_failpoints(settings, {"WGG_FAILPOINTS": text})
