"""An institution behind TLS: the kit trusts the CA that it is given, and no other."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from gateway.conformance.runner import Bounds
from tests.conformance.play import Seat, examine, failures, honest

QUICK = Bounds(wait=60.0, total=300.0, quiet=0.0)


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def behind_tls(seat: Seat, ca: trustme.CA) -> AsyncIterator[str]:
    """The endpoint of a proxy that ends TLS before an institution."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    parts, tasks = urlsplit(str(seat.endpoint)), set[asyncio.Task[None] | None]()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        inner, outer = await asyncio.open_connection(parts.hostname, parts.port)
        ways = [asyncio.create_task(pipe(reader, outer)), asyncio.create_task(pipe(inner, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        outer.transport.abort()
        writer.transport.abort()
        await asyncio.gather(*ways)

    server = await asyncio.start_server(carry, "localhost", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}{parts.path}?{parts.query}"
    finally:
        server.close()
        await asyncio.gather(*(task for task in tasks if task))


@pytest.mark.parametrize("known", [True, False])
async def test_tls(known: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a row of the table
    """With its CA an institution behind TLS passes; without it the run ends at once and says why."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    file = str(tmp_path / "ca.pem") if known else None
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat, behind_tls(seat, ca) as endpoint:
        fields = {"endpoint": endpoint, "ca_file": file, "selected": ("first-answer",), "bounds": QUICK}
        stored = await examine(seat, tmp_path / "kit", **fields)
    assert (failures(stored) == []) is known
    assert ("证书未通过校验" in stored.run.trouble) is not known
