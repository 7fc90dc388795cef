from __future__ import annotations

import asyncio
import secrets
import socket
import tracemalloc
from pathlib import Path

import pytest

from gateway.crypto.digest import sm3_hex
from gateway.ports import Chunks, FileStore
from tests.files.filer import MOST, Filer, kept
from tests.harness.gateway import Founded, Gateway, run_gateway
from tests.protocol.caller import PATIENCE

DATA = b"a guarantee, on paper"
CHUNKED = {"chunked": True}


async def test_a_file_that_was_put_is_got_back(either: Gateway) -> None:
    """On both databases: 201 with digest and size, then the same bytes as an attachment, both answers signed."""
    bank = Filer(either, "xmccb", "xmccb")
    put = await bank.put(DATA)
    assert (put.status, put.signed, put.doc) == (201, True, {"digest": sm3_hex(DATA), "size": len(DATA)})
    got = await bank.take(sm3_hex(DATA))
    assert (got.status, got.signed, got.body) == (200, True, DATA)
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment"
    assert got.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("size", "framing"), [(0, {}), (1, {}), (300_000, {}), (1, CHUNKED), (300_000, CHUNKED)])
async def test_any_size_is_kept_however_it_is_framed(bank: Filer, size: int, framing: dict[str, bool]) -> None:
    """An empty file, a small one and one of several chunks come back byte for byte."""
    data = secrets.token_bytes(size)
    assert (await bank.put(data, **framing)).doc["size"] == size
    assert (await bank.take(sm3_hex(data))).body == data


async def test_the_largest_file_is_taken_and_one_byte_more_is_not(bank: Filer) -> None:
    """20 MiB are taken; what declares more is refused before the signature is looked at, so unsigned."""
    data = bytes(MOST)
    assert (await bank.put(data)).status == 201
    assert (await bank.take(sm3_hex(data))).body == data
    refused = await bank.put(bytes(MOST + 1))
    assert (refused.status, refused.code, refused.signed) == (413, "BODY_TOO_LARGE", False)
    assert kept(bank.gateway) == {sm3_hex(data)}


async def test_a_declared_size_is_refused_before_the_body_comes(bank: Filer) -> None:
    """The answer does not wait for the bytes."""
    refused = await bank.put(b"", sm3_hex(DATA), declared=MOST + 1)
    assert refused.code == "BODY_TOO_LARGE"


async def test_an_undeclared_size_is_refused_once_it_is_passed(bank: Filer) -> None:
    """A chunked body is cut at the bound; the caller is proved by then, so the refusal is signed; nothing is kept."""
    data = bytes(MOST + 1)
    refused = await bank.put(data, chunked=True)
    assert (refused.code, refused.signed) == ("BODY_TOO_LARGE", True)
    assert refused.headers["connection"] == "close"
    assert kept(bank.gateway) == set()


async def test_other_bytes_than_announced_are_not_kept(bank: Filer) -> None:
    """A mismatch is MALFORMED_REQUEST; a file that stands under the digest already stays as it was."""
    assert (await bank.put(DATA)).status == 201
    refused = await bank.put(DATA + b" ", sm3_hex(DATA))
    assert (refused.status, refused.code, refused.signed) == (400, "MALFORMED_REQUEST", True)
    assert (await bank.take(sm3_hex(DATA))).body == DATA
    assert (await bank.put(b"x", sm3_hex(b"y"))).code == "MALFORMED_REQUEST"
    assert (await bank.take(sm3_hex(b"y"))).status == 404
    assert kept(bank.gateway) == {sm3_hex(DATA)}


async def test_the_same_file_again_is_the_same_answer(bank: Filer) -> None:
    """201 each time, and one file."""
    first, second = await bank.put(DATA), await bank.put(DATA)
    assert (first.status, first.doc) == (second.status, second.doc) == (201, first.doc)
    assert kept(bank.gateway) == {sm3_hex(DATA)}


async def test_many_puts_at_once_leave_one_whole_file(bank: Filer, insurer: Filer) -> None:
    """Two parties that put the same bytes at once both may read them."""
    data = secrets.token_bytes(200_000)
    answers = await asyncio.gather(*(party.put(data) for party in (bank, insurer) * 4))
    assert {answer.status for answer in answers} == {201}
    for party in (bank, insurer):
        assert (await party.take(sm3_hex(data))).body == data
    assert kept(bank.gateway) == {sm3_hex(data)}


@pytest.mark.parametrize("name", ["A" * 64, "a" * 63, "a" * 65, "g" * 64, "%61" * 64, "a" * 32 + "/" + "a" * 31, "."])
async def test_a_path_that_is_no_digest_names_nothing(bank: Filer, name: str) -> None:
    """404, signed, for whoever proves who is asking, whatever follows as a body."""
    for answer in (await bank.put(DATA, name), await bank.take(name)):
        assert (answer.status, answer.code, answer.signed) == (404, "NOT_FOUND", True)
    assert kept(bank.gateway) == set()


async def test_the_body_is_not_in_the_signed_string(bank: Filer) -> None:
    """A signature over the bytes does not verify, and nothing is kept."""
    refused = await bank.put(DATA, over=DATA)
    assert (refused.code, refused.signed) == ("SIGNATURE_INVALID", False)
    assert kept(bank.gateway) == set()


async def test_authorization_is_needed(bank: Filer) -> None:
    """Neither call answers a stranger."""
    assert (await bank.put(DATA, authorizations=[])).code == "AUTH_MISSING"
    assert (await bank.take(sm3_hex(DATA), authorizations=[])).code == "AUTH_MISSING"


async def test_a_nonce_is_spent_before_the_body_is_read(bank: Filer) -> None:
    """A replayed PUT is refused although its body never comes; a refused one has spent its nonce too."""
    assert (await bank.put(DATA, nonce="n" * 20)).status == 201
    replayed = await bank.put(b"", sm3_hex(DATA), nonce="n" * 20, declared=1000)
    assert (replayed.code, replayed.signed) == ("NONCE_REPLAYED", True)
    assert (await bank.put(DATA, sm3_hex(b"y"), nonce="m" * 20)).code == "MALFORMED_REQUEST"
    assert (await bank.put(DATA, nonce="m" * 20)).code == "NONCE_REPLAYED"


async def test_compressed_files_are_refused(bank: Filer) -> None:
    """415 for any Content-Encoding; any media type is fine."""
    assert (await bank.put(DATA, headers=[("Content-Encoding", "gzip")])).code == "UNSUPPORTED_MEDIA_TYPE"
    assert (await bank.put(DATA, headers=[("Content-Type", "application/pdf")])).status == 201


class Watched:
    """A store that tells when a file's first bytes have come, and when it is done with it."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    async def keep(self, digest: str, chunks: Chunks) -> int:
        """As the store does."""
        try:
            return await self._store.keep(digest, self._watch(chunks))
        finally:
            self.ended.set()

    async def _watch(self, chunks: Chunks) -> Chunks:
        async for chunk in chunks:
            yield chunk
            self.begun.set()


async def begin(bank: Filer, declared: int) -> tuple[asyncio.StreamWriter, Watched]:
    """The first half of a PUT."""
    desk = bank.gateway.parts.file_desk
    watched = desk._store = Watched(desk._store)
    target = f"/v1/files/{sm3_hex(DATA)}"
    authorization = bank.authorization("PUT", target, b"", nonce="c" * 20)
    head = f"PUT {target} HTTP/1.1\r\nHost: g\r\nAuthorization: {authorization}\r\nContent-Length: {declared}\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", bank.gateway.port)
    writer.write(head.encode() + DATA[:10])
    async with asyncio.timeout(PATIENCE):
        await watched.begun.wait()
    return writer, watched


async def test_nothing_stands_under_a_digest_before_all_is_there(bank: Filer) -> None:
    """A file half-way in is nobody's; the client goes away, and no half of it is left."""
    writer, watched = await begin(bank, len(DATA))
    (half,) = kept(bank.gateway)
    assert half != sm3_hex(DATA)
    writer.close()
    async with asyncio.timeout(PATIENCE):
        await watched.ended.wait()
    assert kept(bank.gateway) == set()


async def test_a_slow_body_is_cut_off(founded: Founded, tmp_path: Path) -> None:
    """Past the time for a file the answer is a signed refusal, the connection ends, and nothing is kept."""
    async with run_gateway(founded, tmp_path, FILES__SECONDS="0.05") as gateway:
        bank = Filer(gateway, "xmccb", "xmccb")
        refused = await bank.put(DATA[:5], sm3_hex(DATA), declared=len(DATA))
        assert (refused.status, refused.code, refused.signed) == (400, "MALFORMED_REQUEST", True)
        assert refused.headers["connection"] == "close"
        assert kept(gateway) == set()


async def test_uploads_are_not_held_in_memory(bank: Filer) -> None:
    """What a put of 20 MiB takes stays far below its size."""
    data = bytes(MOST)
    loop = asyncio.get_running_loop()
    target = f"/v1/files/{sm3_hex(data)}"
    authorization = bank.authorization("PUT", target, b"", nonce="d" * 20)
    head = f"PUT {target} HTTP/1.1\r\nHost: g\r\nAuthorization: {authorization}\r\nContent-Length: {MOST}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", bank.gateway.port)) as sock:
        sock.setblocking(False)
        tracemalloc.start()
        await loop.sock_sendall(sock, head.encode())
        await loop.sock_sendall(sock, memoryview(data))
        answer = await loop.sock_recv(sock, 65536)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert answer.startswith(b"HTTP/1.1 201")
    assert peak < MOST // 4


async def test_a_broken_transfer_coding_is_told_signed(bank: Filer) -> None:
    """The caller was proved before the body broke."""
    nonce, target = "b" * 20, f"/v1/files/{sm3_hex(DATA)}"
    authorization = bank.authorization("PUT", target, b"", nonce=nonce)
    refused = await bank.call(
        "PUT",
        target,
        b"zz\r\nx",
        nonce=nonce,
        authorizations=[authorization],
        headers=[("Transfer-Encoding", "chunked")],
    )
    assert refused.code == "MALFORMED_REQUEST"
    assert kept(bank.gateway) == set()
