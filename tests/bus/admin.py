"""Somebody else's hands on the broker: a plain blocking connection beside the bus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pika


@contextmanager
def admin(url: str) -> Iterator[Any]:
    """A channel on a connection of its own."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        connection.close()
