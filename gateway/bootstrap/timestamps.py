"""The timestamp authority that the settings name: RFC 3161 over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.crypto.timestamps import check_timestamp, make_request
from gateway.net.client import HttpClient

_OK: Final = 200
_HEADERS: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimestamps:
    """Implements ports.TimestampAuthority; `roots` are the authority's trusted certificates in PEM."""

    url: str
    roots: bytes

    async def stamp(self, data: bytes) -> bytes:
        """The authority's answer, verified. Raises ConnectionError, TimestampInvalid."""
        client = HttpClient()  # used once an hour: a connection of its own each time
        try:
            answer = await client.request("POST", self.url, headers=_HEADERS, body=make_request(data))
        finally:
            await client.close()
        if answer.status != _OK:
            raise ConnectionError(f"时间戳机构 {self.url} 未给出时间戳：{answer.status or answer.error}")
        check_timestamp(answer.body, data, self.roots)
        return answer.body
