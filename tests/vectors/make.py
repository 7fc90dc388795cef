"""Writes the vector files that are made and not collected: `python -m tests.vectors` puts them into schemas/vectors.

Signatures are made by `tests.diagnosis.reference` (GB/T 32918.2 over the gmssl package's arithmetic) with keys and
nonces drawn from a seed, so that the same bytes come out each time; nothing here is the gateway's code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.diagnosis.mistakes import BODY, DIGESTS, FORMS, METHOD, NONCE, PATH, QUERY, RIGHT, STRINGS, TIME
from tests.diagnosis.reference import Signer, b64, der, sm3_of
from tests.vectors.receipts import RECEIPTS
from tests.vectors.words import AMOUNTS
from tests.vectors.workdays import DAYS, PERIODS

FOLDER = Path(__file__).resolve().parents[2] / "schemas" / "vectors"
SPKI = "3059301306072a8648ce3d020106082a811ccf5501822d034200"
MALFORMED = {"RAW_RS", "SIGNATURE_HEX", "BASE64_WHITESPACE", "BASE64_TWICE", "DER_NOT_STRICT"}
Test = dict[str, Any]


def key_of(signer: Signer) -> Test:
    """A group's key: its point, its SubjectPublicKeyInfo and its serial (protocol section 3)."""
    spki = f"{SPKI}04{signer.point}"
    serial = sm3_of(bytes.fromhex(spki)).hex()[:40].upper()
    return {"publicKey": f"04{signer.point}", "spki": spki, "serialNo": serial}


def request_signatures() -> Test:
    """Section 3: the right signature of one request, and every mistake of the diagnosis."""
    signer = Signer(b"request signatures")
    request = {"method": METHOD, "target": f"{PATH}?{QUERY}", "timestamp": int(TIME), "nonce": NONCE, "body": b64(BODY)}
    tests = [_valid("the right signature", signer), _valid("the right signature with another k", signer)]
    tests += [_wrong(name, code, signer.text(wrong)) for name, (code, wrong) in STRINGS.items()]
    tests += [_wrong(name, code, _over(signer, make(signer))) for name, (code, make) in DIGESTS.items()]
    tests += [_wrong(name, code, write(*signer.right(RIGHT))) for name, (code, write) in FORMS.items()]
    tests.append(_wrong("another key", "OTHER_KEY", Signer(b"another key").text(RIGHT)))
    return {
        "rule": "protocol section 3: SM2 with SM3 over the five lines; body is Base64 of the raw bytes",
        "notes": {
            "SIGNATURE_MALFORMED": "the text is no strict DER in standard Base64",
            "SIGNATURE_INVALID": "the text is well-formed and does not belong to these five lines and this key",
            "flags": "the mistake that was made, by the codes of the sandbox's `diagnosis`",
        },
        "groups": [{"origin": ORIGIN, **key_of(signer), "request": request, "signed": b64(RIGHT), "tests": tests}],
    }


def response_signatures() -> Test:
    """Section 4: answers whose body is a receipt."""
    signer = Signer(b"response signatures")
    body = json.dumps({"id": "m-1", "digest": sm3_of(b"{}").hex(), "status": "ACCEPTED"}).encode()
    right = f"{TIME}\n{NONCE}\n".encode() + body + b"\n"
    wrong = {
        "the last LF is missing": ("MISSING_LAST_LF", right[:-1]),
        "CRLF": ("CRLF", right.replace(b"\n", b"\r\n")),
        "only the body": ("BODY_ONLY", body),
        "the request's five lines": ("REQUEST_STRING", b"POST\n/in\n" + right),
        "nonce before timestamp": ("LINE_ORDER", f"{NONCE}\n{TIME}\n".encode() + body + b"\n"),
        "another nonce": ("WRONG_NONCE", right.replace(NONCE.encode(), NONCE.upper().encode())),
        "body serialised again": ("BODY_RESERIALISED", right.replace(b'": "', b'":"').replace(b'", "', b'","')),
    }
    tests = [{"comment": "the right signature", "signature": signer.text(right), "result": "valid", "flags": []}]
    tests += [_wrong(name, code, signer.text(text)) for name, (code, text) in wrong.items()]
    answer = {"timestamp": int(TIME), "nonce": NONCE, "asked": "/in", "body": b64(body)}
    return {
        "rule": "protocol section 4: SM2 with SM3 over the three lines; body is Base64 of the raw bytes",
        "groups": [{"origin": ORIGIN, **key_of(signer), "answer": answer, "signed": b64(right), "tests": tests}],
    }


ORIGIN = "Made by tests/diagnosis/reference.py (GB/T 32918.2 over the gmssl package 3.2.2); held against openssl 3"


def _valid(comment: str, signer: Signer) -> Test:
    return {"comment": comment, "signature": signer.text(RIGHT), "result": "valid", "flags": []}


def _over(signer: Signer, digest: bytes) -> str:
    return b64(der(*signer.pair(digest)))


def _wrong(comment: str, flag: str, signature: str) -> Test:
    code = "SIGNATURE_MALFORMED" if flag in MALFORMED else "SIGNATURE_INVALID"
    return {"comment": comment, "signature": signature, "result": "invalid", "code": code, "flags": [flag]}


def files() -> Iterator[tuple[str, Test]]:
    """Each file's name and document."""
    yield "request_signatures.json", request_signatures()
    yield "response_signatures.json", response_signatures()
    yield "receipts.json", RECEIPTS
    yield "money_words.json", AMOUNTS
    yield "working_days.json", {"rule": DAYS["rule"], "groups": [*DAYS["groups"], *PERIODS]}


def render(document: Test) -> str:
    """The file's text."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
