from __future__ import annotations

from tests.cli.conftest import home, wgg

__all__ = ["home", "wgg"]
