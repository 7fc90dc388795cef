"""The bus room: one port, an in-process backend and RabbitMQ behind it."""

from gateway.bus.local import LocalBus
from gateway.bus.rabbit import RabbitBus
from gateway.bus.settings import LocalSettings, RabbitSettings

__all__ = ["LocalBus", "LocalSettings", "RabbitBus", "RabbitSettings"]
