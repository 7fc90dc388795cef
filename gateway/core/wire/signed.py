"""The byte strings that signatures are made over.

Source: protocol sections 3 and 4. Each line ends with LF, the last too; the body is never re-serialised.
"""

from __future__ import annotations


def request_string(method: str, target: str, timestamp: int, nonce: str, body: bytes) -> bytes:
    """Five lines: METHOD, PATH[?QUERY] as on the request line, TIMESTAMP (10 digits), NONCE, BODY.

    `target` may hold surrogate escapes of raw bytes, as servers decode request lines; they turn back into those bytes.
    """
    head = f"{method}\n{target}\n{timestamp:010d}\n{nonce}\n"
    return head.encode("utf-8", "surrogateescape") + body + b"\n"


def response_string(timestamp: int, nonce: str, body: bytes) -> bytes:
    """Three lines: TIMESTAMP (10 digits), the request's NONCE, BODY."""
    return f"{timestamp:010d}\n{nonce}\n".encode() + body + b"\n"
