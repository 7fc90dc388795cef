"""The bus room: one port, an in-process backend and RabbitMQ behind it.

`gateway.bus.rabbit` is loaded by whoever needs it: a gateway on the embedded default runs without pika.
"""

from gateway.bus.local import LocalBus
from gateway.bus.settings import LocalSettings, RabbitSettings

__all__ = ["LocalBus", "LocalSettings", "RabbitSettings"]
