from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.recipient import Recipient, listen
from tests.e2e.world import World, copy, found, new_world


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An embedded development home, made once by commands."""
    with ExitStack() as stack:
        world = new_world(tmp_path_factory.mktemp("founded"), stack)
        found(world)
        yield world


@pytest.fixture
def world(founded: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the embedded home; every process that is started on it ends with the test."""
    with ExitStack() as stack:
        yield copy(founded, tmp_path / "world", stack)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[World]:
    """A world with nothing in it yet."""
    folder = tmp_path / "empty"
    folder.mkdir()
    with ExitStack() as stack:
        yield new_world(folder, stack)


@pytest.fixture
def recipient() -> Iterator[Recipient]:
    """A bare HTTP server to be pushed at."""
    with listen() as running:
        yield running
