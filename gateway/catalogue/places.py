"""Where the data files stand: beside the packages, at the root of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]

SCHEMAS: Final = _ROOT / "schemas"
AREAS: Final = _ROOT / "conf" / "areas"
CALENDAR: Final = _ROOT / "conf" / "calendar"
