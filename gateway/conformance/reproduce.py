"""Lines that show an exchange again by hand: `curl` for the request, `openssl` for its signatures.

The bytes that they need stand as files beside the report. Source: issue "Onboarding and the conformance kit" point 6.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.conformance.exchanges import CALL, PUSH, Exchange, read_authorization
from gateway.core.errors import Problem
from gateway.core.wire.der import decode_signature
from gateway.core.wire.response import parse_response_headers
from gateway.core.wire.signed import response_string

FOLDER: Final = "files"
INSTITUTION_KEY: Final = "institution.pub.pem"
_USER_ID: Final = "distid:1234567812345678"
_ONE_FOR_ALL: Final = frozenset({"host", "content-length", "connection", "accept-encoding", "user-agent", "accept"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature of the institution's: the string that it belongs over, and its text."""

    string: bytes
    text: str


def find_signed(exchange: Exchange) -> Signed | None:
    """What the institution signed in this exchange: its answer to a push, its own call; None for nothing readable."""
    if exchange.way == PUSH:
        try:
            headers = parse_response_headers(exchange.answer_headers)
        except Problem:
            return None
        string = response_string(headers.timestamp, headers.nonce, exchange.answer_body)
        return Signed(string=string, text=headers.signature)
    authorization = read_authorization(exchange) if exchange.way == CALL else None
    return Signed(string=exchange.signed, text=authorization.signature) if authorization else None


def name_file(exchange: Exchange, what: str) -> str:
    """The file of an exchange's bytes, relative to the run's folder."""
    return f"{FOLDER}/{exchange.number:05d}.{what}"


def list_files(exchange: Exchange) -> Iterator[tuple[str, bytes]]:
    """The files that the lines of an exchange need."""
    yield name_file(exchange, "body"), exchange.body
    signed = find_signed(exchange)
    if signed is None:
        return
    yield name_file(exchange, "string"), signed.string
    try:
        yield name_file(exchange, "sig"), decode_signature(signed.text)
    except Problem:
        yield name_file(exchange, "sig.txt"), signed.text.encode()


def keep_files(folder: Path, exchanges: Iterable[Exchange], public_pem: str) -> None:
    """Write the files of these exchanges and the institution's key."""
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / INSTITUTION_KEY).write_text(public_pem, encoding="ascii")
    for exchange in exchanges:
        for name, data in list_files(exchange):
            (folder / name).write_bytes(data)


def write_curl(exchange: Exchange, base_url: str) -> str:
    """The request again; a timestamp is good for 300 seconds and a nonce once, so it must be signed anew."""
    url = exchange.target if exchange.way == PUSH else base_url + exchange.target
    headers = [f"{name}: {value}" for name, value in exchange.headers.items() if name.lower() not in _ONE_FOR_ALL]
    parts = ["curl", "-sS", "-i", "-X", exchange.method, url]
    parts += [part for header in headers for part in ("-H", header)]
    if exchange.body:
        parts += ["--data-binary", f"@{name_file(exchange, 'body')}"]
    return " ".join(map(shlex.quote, parts))


def write_openssl(exchange: Exchange) -> str:
    """The institution's signature verified; where it cannot even be read, the string's digest."""
    files: Mapping[str, bytes] = dict(list_files(exchange))
    string, signature = name_file(exchange, "string"), name_file(exchange, "sig")
    if signature in files:
        key = f"{FOLDER}/{INSTITUTION_KEY}"
        return f"openssl dgst -sm3 -verify {key} -sigopt {_USER_ID} -signature {signature} {string}"
    what = string if string in files else name_file(exchange, "body")
    return f"openssl dgst -sm3 {what}"
