"""`PUT /v1/files/{sm3}` and `GET /v1/files/{sm3}`: file bytes are never in a signed string (protocol sections 3, 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gateway.core.errors import Problem
from gateway.flow.files import FileDesk
from gateway.http.exchange import Call, Reply, reply_json

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_HEADERS: Final = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
_NO_ENCODING: Final = "请勿压缩文件：去掉 Content-Encoding，按原字节上传。"


class FileCalls:
    """Documents and attachments by digest. `max_bytes` and `seconds` bound one upload."""

    def __init__(self, desk: FileDesk, *, max_bytes: int, seconds: float, log: Callable[..., None]) -> None:
        self._desk = desk
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._log = log

    async def put(self, call: Call) -> Reply:
        """201 each time; the bytes are read and matched also when the file is there already."""
        digest = _name(call)
        if call.head.content_encoding is not None:
            raise Problem("UNSUPPORTED_MEDIA_TYPE", _NO_ENCODING)
        chunks = call.incoming(self._max_bytes, within=self._seconds)
        size = await self._desk.put(call.known, digest, chunks)
        self._log("files.put", sender_id=call.known.party.id, digest=digest, size=size)
        return reply_json({"digest": digest, "size": size}, status=201)

    async def get(self, call: Call) -> Reply:
        """The bytes, as an attachment that no browser opens by itself; NOT_FOUND to whoever may not read them."""
        content = await self._desk.get(call.known, _name(call))
        return Reply(
            status=200,
            body=b"",
            content_type="application/octet-stream",
            headers={**_HEADERS, "Content-Length": str(content.size)},
            stream=content.chunks,
        )


def _name(call: Call) -> str:
    """The digest of the path; any other name is no file's."""
    digest = call.names["sm3"]
    if not _DIGEST.fullmatch(digest):
        raise Problem("NOT_FOUND", "文件以 SM3 摘要命名，请使用 64 位小写十六进制数字。")
    return digest
