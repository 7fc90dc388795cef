"""Three RabbitMQ nodes on this machine as one cluster, behind a line that turns from node to node."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

from tests.chaos.lines import DeafProxy, TurningProxy
from tests.harness.rabbit import Rabbit


class Joining(Rabbit):
    """A node that shares the first one's cookie and name service."""

    def __init__(self, first: Rabbit) -> None:
        super().__init__()
        self.env["ERL_EPMD_PORT"] = first.env["ERL_EPMD_PORT"]
        cookie = self.home / ".erlang.cookie"
        cookie.chmod(0o600)
        shutil.copyfile(first.home / ".erlang.cookie", cookie)
        cookie.chmod(0o400)
        self._names = first._names

    def join(self, first: Rabbit) -> None:
        """Leave the cluster of one and join the other's."""
        self.ctl("stop_app")
        self.ctl("join_cluster", first.env["RABBITMQ_NODENAME"])
        self.ctl("start_app")

    def close(self) -> None:
        """End the node; the name service is the first one's."""
        self._names = None
        super().close()


def three_brokers(stack: ExitStack) -> tuple[str, list[Rabbit], DeafProxy]:
    """A cluster of three and the line to it."""
    first = Rabbit()
    stack.callback(first.close)
    first.start()
    nodes = [first]
    for _ in range(2):
        node = Joining(first)
        stack.callback(node.close)
        node.start()
        node.join(first)
        nodes.append(node)
    line = stack.enter_context(TurningProxy([node.port for node in nodes]))
    return first.url.replace(str(first.port), str(line.port)), nodes, line
