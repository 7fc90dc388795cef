"""A party that puts and gets files: file bytes stand in no signed string, neither of a PUT nor of a GET's 200."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.crypto.digest import sm3_hex
from tests.harness.gateway import Gateway
from tests.protocol.caller import Answer, Caller

MOST = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Filer(Caller):
    """One party's client for files."""

    async def put(self, data: bytes, digest: str | None = None, **more: Any) -> Answer:
        """Put a file, under its own digest unless another is named."""
        more.setdefault("over", b"")
        return await self.call("PUT", f"/v1/files/{digest or sm3_hex(data)}", data, **more)

    async def take(self, digest: str, **more: Any) -> Answer:
        """Get a file."""
        return await self.get(f"/v1/files/{digest}", **more)

    def naming(self, data: bytes) -> dict[str, Any]:
        """A file field for this file."""
        return {"name": "文件.pdf", "digest": sm3_hex(data), "size": len(data), "mediaType": "application/pdf"}

    def _judge(self, raw: tuple[int, list[tuple[str, str]], bytes], nonce: str) -> Answer:
        status, headers, body = raw
        served = dict(headers).get("content-type") == "application/octet-stream"
        answer = Caller._judge(self, (status, headers, b"" if served else body), nonce)
        return Answer(answer.status, answer.headers, body, answer.signed)


def kept(gateway: Gateway) -> set[str]:
    """Names of all that lies in the directory of files, half-received ones included."""
    return {path.name for path in files_in(gateway)}


def files_in(gateway: Gateway) -> Iterable[Path]:
    return (path for path in gateway.settings.files.directory.rglob("*") if path.is_file())
