from __future__ import annotations

from tests.protocol.conftest import founded, founded_database
from tests.situations.conftest import both

__all__ = ["both", "founded", "founded_database"]
