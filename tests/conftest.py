from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.harness import services
from tests.harness.masking_watch import pytest_configure, pytest_runtest_makereport
from tests.harness.postgres import create_database, drop_database
from tests.harness.rabbit import RabbitControl

# How long an example takes is the machine's affair, never a reason to fail; and the same tree always meets the same
# examples. `pytest --hypothesis-profile exploring` looks for others.
settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("steady")

__all__ = ["pytest_configure", "pytest_runtest_makereport"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No two tests of one name: spread over processes, only the first of them would run, and nobody would be told."""
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"tests share a name: {', '.join(twice)}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of the PostgreSQL server that all tests share (a superuser's database on it)."""
    with services.database_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database of the test's own; `create_database(..., template=)` makes further ones."""
    url = create_database(postgres_server)
    yield url
    drop_database(url, server_url=postgres_server)


@pytest.fixture(scope="session")
def broker() -> Iterator[tuple[str, RabbitControl | None]]:
    """The shared broker: its URL, and its control unless it is somebody's own server."""
    with services.broker() as shared:
        yield shared


@pytest.fixture(scope="module")
def amqp_url(broker: tuple[str, RabbitControl | None]) -> Iterator[str]:
    """URL of a virtual host of the module's own; on somebody's own server the configured one."""
    url, control = broker
    if control is None:
        yield url
        return
    fresh = control.create_vhost(url)
    yield fresh
    control.delete_vhost(fresh)
