"""TLS and the egress proxy, each institution with files of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.core.exchange import Answer
from tests.net.test_client import party, post, transport
from tests.net.wire import Wire, hostile


@dataclass(frozen=True, kw_only=True)
class Papers:
    """A bank's CA, the server's context that wants a client certificate, and the files of a client."""

    server: ssl.SSLContext
    ca_file: str
    certificate: str
    key: str


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = ca.issue_cert("gateway.example")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    return Papers(
        server=context,
        ca_file=str(tmp_path / "ca.pem"),
        certificate=str(tmp_path / "client.pem"),
        key=str(tmp_path / "client.key"),
    )


async def _name_the_client(wire: Wire) -> None:
    await wire.reader.readuntil(b"\r\n\r\n")
    certificate = wire.writer.get_extra_info("peercert")
    name = dict(certificate["subjectAltName"])["DNS"].encode()
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(name) + name)


async def _send(port: int, host: str = "localhost", **link: Any) -> Answer:
    async with transport() as carrier:
        return await carrier.send(post(f"https://{host}:{port}/"), party(**link))


async def test_ca_file_and_client_certificate_are_used(papers: Papers) -> None:
    """The institution's CA is trusted, and the gateway shows the certificate registered for it."""
    async with hostile(_name_the_client, ssl=papers.server) as port:
        answer = await _send(port, ca_file=papers.ca_file, client_certificate=papers.certificate, client_key=papers.key)
    assert answer.body == b"gateway.example"


async def test_unknown_ca_is_refused(papers: Papers) -> None:
    """Without the CA file the server's certificate does not pass."""
    async with hostile(_name_the_client, ssl=papers.server) as port:
        answer = await _send(port)
    assert answer.status is None
    assert "证书未通过校验" in answer.error


async def test_another_name_is_refused(papers: Papers) -> None:
    """A certificate for another name does not pass."""
    async with hostile(_name_the_client, ssl=papers.server) as port:
        answer = await _send(port, host="127.0.0.1", ca_file=papers.ca_file)
    assert answer.status is None
    assert "证书" in answer.error


async def test_missing_client_certificate_is_an_answer(papers: Papers) -> None:
    """A server that wants a certificate and gets none ends the connection; nothing is raised."""
    async with hostile(_name_the_client, ssl=papers.server) as port:
        answer = await _send(port, ca_file=papers.ca_file)
    assert answer.status is None


async def test_plain_server_under_https_is_an_answer() -> None:
    """A server without TLS under an https address is a failed handshake."""
    async with hostile(_read_and_close) as port:
        answer = await _send(port)
    assert answer.status is None
    assert "TLS" in answer.error or "连接" in answer.error


async def _read_and_close(wire: Wire) -> None:
    await wire.reader.read(1)
    await wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("field", ["ca_file", "client_certificate"])
async def test_missing_file_is_an_answer(tmp_path: Path, field: str) -> None:
    """A file that is not there is told in Chinese, naming it."""
    answer = await _send(1, **{field: str(tmp_path / "absent.pem")})
    assert answer.status is None
    assert "absent.pem" in answer.error


async def test_renewed_file_is_taken_up(papers: Papers, tmp_path: Path) -> None:
    """A CA file replaced under the same name is read again, the link unchanged."""
    stale = tmp_path / "stale.pem"
    trustme.CA().cert_pem.write_to_path(stale)
    link = {"ca_file": str(stale), "client_certificate": papers.certificate, "client_key": papers.key}
    async with hostile(_name_the_client, ssl=papers.server) as port, transport() as carrier:
        request = post(f"https://localhost:{port}/")
        assert (await carrier.send(request, party(**link))).status is None
        shutil.copyfile(papers.ca_file, stale)
        os.utime(stale, ns=(1, 1))
        assert (await carrier.send(request, party(**link))).status == 200


class Proxy:
    """A CONNECT proxy of a few lines that remembers what it was asked for."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self.asked: list[str] = []
        self._answer = answer

    async def talk(self, wire: Wire) -> None:
        line = (await wire.reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0]
        self.asked.append(line)
        await wire.send(self._answer)
        if b" 200 " not in self._answer:
            return
        host, _, port = line.split(" ")[1].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(_pump(wire.reader, writer), _pump(reader, wire.writer))
        finally:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_egress_proxy_is_used(papers: Papers) -> None:
    """With a proxy registered the request goes through it by CONNECT, TLS end to end."""
    proxy = Proxy()
    async with hostile(_name_the_client, ssl=papers.server) as port, hostile(proxy.talk) as proxy_port:
        answer = await _send(
            port,
            ca_file=papers.ca_file,
            client_certificate=papers.certificate,
            client_key=papers.key,
            proxy=f"http://127.0.0.1:{proxy_port}",
        )
    assert answer.body == b"gateway.example"
    assert proxy.asked == [f"CONNECT localhost:{port} HTTP/1.1"]


async def test_refusing_proxy_is_an_answer(papers: Papers) -> None:
    """A proxy that refuses is named as the cause."""
    proxy = Proxy(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    async with hostile(proxy.talk) as proxy_port:
        answer = await _send(1, ca_file=papers.ca_file, proxy=f"http://127.0.0.1:{proxy_port}")
    assert answer.status is None
    assert "代理" in answer.error
