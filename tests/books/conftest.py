from __future__ import annotations

from tests.protocol.conftest import either, founded, founded_database, gateway, servers

__all__ = ["either", "founded", "founded_database", "gateway", "servers"]
