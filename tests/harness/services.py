"""`python -m tests.harness.services -- CMD...` runs CMD with a real PostgreSQL and a real RabbitMQ beside it.

Servers named by WGG_TEST_DATABASE_URL and WGG_TEST_AMQP_URL are used when they answer; otherwise private ones are
started for the time of CMD (installed from Debian packages first where they are missing) and the variables are set.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType

from tests.harness import postgres, rabbit
from tests.harness.packages import install_missing
from tests.harness.postgres import Postgres
from tests.harness.processes import ServiceError
from tests.harness.rabbit import Rabbit, RabbitControl

DATABASE_URL = "WGG_TEST_DATABASE_URL"
AMQP_URL = "WGG_TEST_AMQP_URL"
RABBIT_HOME = "WGG_TEST_RABBIT_HOME"  # lets another process control the private node

__all__ = ["AMQP_URL", "DATABASE_URL", "Postgres", "Rabbit", "RabbitControl", "ServiceError", "main", "services"]


@contextmanager
def private_postgres() -> Iterator[Postgres]:
    """A started private PostgreSQL server, gone at the end."""
    install_missing("postgresql")
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def private_rabbit() -> Iterator[Rabbit]:
    """A started private RabbitMQ node, gone at the end."""
    install_missing("rabbitmq-server")
    node = Rabbit()
    try:
        node.start()
        yield node
    finally:
        node.close()


@contextmanager
def database_server() -> Iterator[str]:
    """The URL of the PostgreSQL server that tests share: the configured one if it answers, else a private one."""
    url = os.environ.get(DATABASE_URL)
    if url and postgres.answers(url):
        yield url
        return
    with private_postgres() as server:
        yield server.url


@contextmanager
def broker() -> Iterator[tuple[str, RabbitControl | None]]:
    """The broker that tests share, and its control where it is a private one (also one of the wrapper's)."""
    url = os.environ.get(AMQP_URL)
    if url and rabbit.answers(url):
        home = os.environ.get(RABBIT_HOME)
        yield url, RabbitControl.of(home) if home else None
        return
    with private_rabbit() as node:
        yield node.url, node


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """Both servers; gives the variables under which tests find them."""
    with ExitStack() as stack:
        found = {DATABASE_URL: stack.enter_context(database_server())}
        found[AMQP_URL], control = stack.enter_context(broker())
        yield found | ({RABBIT_HOME: str(control.home)} if control else {})


def _run(argv: list[str], variables: Mapping[str, str]) -> int:
    """Run the command to its end. It gets the terminal's Ctrl-C itself; a SIGTERM is handed on to it."""
    with subprocess.Popen(argv, env={**os.environ, **variables}) as command:

        def hand_on(number: int, _frame: FrameType | None) -> None:
            command.send_signal(number)

        signal.signal(signal.SIGTERM, hand_on)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = command.wait()
    return code if code >= 0 else 128 - code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: list[str]) -> int:
    """Run the command after `--` with both servers up and return its exit code."""
    command = argv[argv.index("--") + 1 :] if "--" in argv else argv
    if not command:
        print("用法：python -m tests.harness.services -- 命令 [参数…]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with services() as variables:
            return _run(command, variables)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
