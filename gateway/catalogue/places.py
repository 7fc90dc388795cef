"""Where the schemas folder stands: beside the packages, at the root of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"
