"""Timestamps by an outside authority: `openssl ts` is the authority, and the judge of what we keep."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gateway.bootstrap.timestamps import HttpTimestamps
from gateway.crypto.timestamps import TimestampInvalid, check_timestamp, make_request
from gateway.evidence.packing import unpack
from gateway.evidence.verification import verify_bundle
from gateway.flow.stamping import Stamper
from tests.evidence.story import export, live, seal
from tests.harness.gateway import Gateway

CONFIG = """
[tsa]
default_tsa = here
[here]
dir = {folder}
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[ca]
basicConstraints = critical,CA:true
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:false
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
[req]
distinguished_name = name
[name]
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority of the test's own in a folder."""

    folder: Path

    @property
    def roots(self) -> bytes:
        return (self.folder / "ca.pem").read_bytes()

    def answer(self, query: bytes) -> bytes:
        """The TimeStampResp that openssl gives."""
        (self.folder / "query.tsq").write_bytes(query)
        config = ("-config", self.folder / "ts.cnf")
        openssl("ts", "-reply", *config, "-queryfile", self.folder / "query.tsq", "-out", self.folder / "answer.tsr")
        return (self.folder / "answer.tsr").read_bytes()

    def accepts(self, token: bytes, data: bytes) -> bool:
        """Whether `openssl ts -verify` holds the token to be over the data."""
        (self.folder / "token.tsr").write_bytes(token)
        (self.folder / "data").write_bytes(data)
        files = ("-data", self.folder / "data", "-in", self.folder / "token.tsr", "-CAfile", self.folder / "ca.pem")
        line = ["openssl", "ts", "-verify", *map(str, files)]
        return subprocess.run(line, capture_output=True, check=False).returncode == 0


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def found(folder: Path) -> Authority:
    """A root, and a key under it that may make timestamps."""
    folder.mkdir()
    (folder / "serial").write_text("01")
    (folder / "ts.cnf").write_text(CONFIG.format(folder=folder))
    new = (
        "-config",
        folder / "ts.cnf",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
    )
    root = ("-x509", "-extensions", "ca", "-subj", "/CN=root", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    openssl("req", *new, *root)
    leaf = ("-x509", "-extensions", "leaf", "-subj", "/CN=tsa", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key")
    openssl("req", *new, *leaf, "-keyout", folder / "tsa.key", "-out", folder / "tsa.pem")
    return Authority(folder)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that is trusted."""
    return found(tmp_path_factory.mktemp("tsa") / "trusted")


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    """The authority over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            known = self.headers["Content-Type"] == "application/timestamp-query"
            body = authority.answer(query) if known else b""
            self.send_response(200 if known else 415)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server, ThreadPoolExecutor(1) as apart:
        apart.submit(server.serve_forever)
        yield f"http://127.0.0.1:{server.server_port}/tsa"
        server.shutdown()


def test_what_openssl_stamps_is_verified(authority: Authority) -> None:
    """Our request, openssl's answer: both sides agree that it holds, and over which bytes."""
    token = authority.answer(make_request(b"block"))
    assert authority.accepts(token, b"block")
    assert check_timestamp(token, b"block", authority.roots) > 0


@pytest.mark.parametrize("fault", ["other bytes", "other root", "changed", "no token", "no root"])
def test_a_timestamp_that_does_not_hold_is_refused(fault: str, authority: Authority, tmp_path: Path) -> None:
    """Over other bytes, by somebody else, altered, or none at all."""
    token, data, roots = authority.answer(make_request(b"block")), b"block", authority.roots
    if fault == "other bytes":
        data = b"blocks"
    elif fault == "other root":
        roots = found(tmp_path / "stranger").roots
    elif fault == "changed":
        token = token[:-8] + bytes([token[-8] ^ 1]) + token[-7:]
    elif fault == "no token":
        token = b"hello"
    else:
        roots = b"hello"
    with pytest.raises(TimestampInvalid):
        check_timestamp(token, data, roots)


async def test_the_head_is_stamped_and_the_bundle_carries_it(
    gateway: Gateway, authority: Authority, url: str, tmp_path: Path
) -> None:
    """The stamp goes into the bundle, verifies offline with the root, and not with another one."""
    await live(gateway)
    authority_there = HttpTimestamps(url=url, roots=authority.roots)
    stamper = Stamper(
        ledger=gateway.store, books=gateway.store, authority=authority_there, clock=gateway.clock, log=gateway.log.info
    )
    await seal(gateway)
    for _ in range(2):
        await stamper.step()
    assert len(gateway.log.named("evidence.stamped")) == 1
    path = tmp_path / "bundle.zip"
    path.write_bytes(await export(gateway, "message", "xmccb/s-1"))
    report = verify_bundle(path, roots=authority.roots)
    assert report.holds
    stamps = [name for name in unpack(path) if name.startswith("timestamps/")]
    told = next(verdict for verdict in report.verdicts if verdict.check == "timestamps")
    assert (told.examined, len(told.notes), len(stamps)) == (1, 1, 1)
    assert "存在于" in told.notes[0]
    assert not verify_bundle(path, roots=found(tmp_path / "stranger").roots).holds


async def test_an_authority_that_fails_is_told(gateway: Gateway, authority: Authority) -> None:
    """Nobody there: an alert, and sealing goes on."""
    away = HttpTimestamps(url="http://127.0.0.1:9/tsa", roots=authority.roots)
    stamper = Stamper(
        ledger=gateway.store, books=gateway.store, authority=away, clock=gateway.clock, log=gateway.log.info
    )
    await stamper.step()
    assert await gateway.alerts() == []
    await seal(gateway)
    await stamper.step()
    assert await gateway.alerts() == [("TIMESTAMP_FAILED", "chain")]
