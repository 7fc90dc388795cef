from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.scene import Scene, staged
from tests.harness.gateway import Founded, found


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """A home with parties and keys, on SQLite."""
    return found(tmp_path_factory.mktemp("chaos") / "founded")


@pytest.fixture
async def scene(founded: Founded, tmp_path: Path) -> AsyncIterator[Scene]:
    """One gateway on SQLite and the local bus, a pushed bank and a pushed platform."""
    async with staged(founded, tmp_path) as scene:
        yield scene
