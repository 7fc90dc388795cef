"""JSON as this gateway writes it: compact, UTF-8, Chinese characters as themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode_compact(value: Mapping[str, object]) -> bytes:
    """One object as bytes; a lone surrogate, echoed from bad input, becomes `?` rather than an error."""
    return _ENCODER.encode(value).encode("utf-8", "replace")
