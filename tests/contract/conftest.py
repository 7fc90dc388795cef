from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract.live import Live, serve
from tests.e2e.conftest import founded
from tests.e2e.world import World, copy

__all__ = ["founded"]


@pytest.fixture(scope="module")
def live(founded: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A gateway in a process of its own, and its platform's key."""
    with ExitStack() as stack:
        yield serve(copy(founded, tmp_path_factory.mktemp("live") / "world", stack))
