"""Where the data files stand: beside the packages, at the root of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]

SCHEMAS: Final = _ROOT / "schemas"
AREAS: Final = _ROOT / "conf" / "areas"
CALENDAR: Final = _ROOT / "conf" / "calendar"


def find_conf(home: Path | None, packaged: Path) -> Path:
    """The home's own `conf/areas` or `conf/calendar` where it has one, else the packaged folder."""
    own = packaged if home is None else home / "conf" / packaged.name
    return own if own.is_dir() else packaged
