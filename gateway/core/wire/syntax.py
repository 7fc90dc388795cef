"""The alphabets of the wire, one pattern each; always used with `fullmatch`, never with a dollar sign.

Source: protocol sections 1 to 3. `[0-9]` is written out because the digit class takes full-width digits too.
"""

from __future__ import annotations

import re
from typing import Final

PARTY_ID: Final = re.compile(r"[a-z][a-z0-9-]{1,31}")
MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SERIAL_NO: Final = re.compile(r"[0-9A-F]{40}")
TIMESTAMP: Final = re.compile(r"[0-9]{10}")
NONCE: Final = re.compile(r"[A-Za-z0-9]{16,64}")
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
# What may stand between the quotes of a header parameter: printable ASCII, no quote, no escape.
QUOTED_TEXT: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")
# No control characters of C0, DEL or C1.
PLAIN_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")


def matches(pattern: re.Pattern[str], value: object) -> bool:
    """Whether `value` is a string that the whole of `pattern` describes."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None
