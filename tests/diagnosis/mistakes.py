"""The mistakes that the diagnosis must name, made by hand: wrong strings, wrong digests, wrong forms of a signature."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from tests.diagnosis.reference import Signer, b64, der, fixed, raw, sha256, sm3_of

HOST = "gateway.example:8443"
METHOD, PATH, QUERY, TIME, NONCE = "POST", "/v1/mailbox/17/receipt", "a=2&B=%20", "1795219200", "f3b0A1b2C3d4e5f60718"
EVENT = {"id": "m-1", "data": {"name": "张三", "url": "https://a/b?c&d", "fen": 10000}, "b": [1, 2]}
BODY = json.dumps(EVENT, ensure_ascii=False, separators=(", ", ":")).encode()


def string(
    *,
    method: str = METHOD,
    target: str = f"{PATH}?{QUERY}",
    time: str = TIME,
    nonce: str = NONCE,
    body: bytes = BODY,
    end: bytes = b"\n",
    last: bytes | None = None,
) -> bytes:
    """The five lines by hand, any of them wrong."""
    head = [line.encode() for line in (method, target, time, nonce)]
    return b"".join(line + end for line in head) + body + (end if last is None else last)


RIGHT = string()


def dumps(**style: object) -> bytes:
    return json.dumps(EVENT, **style).encode()  # type: ignore[arg-type]


STRINGS: dict[str, tuple[str, bytes]] = {
    "the last LF is missing": ("MISSING_LAST_LF", string(last=b"")),
    "CRLF": ("CRLF", string(end=b"\r\n")),
    "CRLF but for the last line": ("CRLF", string(end=b"\r\n", last=b"")),
    "one LF more": ("EXTRA_LF", string(last=b"\n\n")),
    "LF as two characters": ("ESCAPED_LF", string(end=b"\\n")),
    "lines run together": ("NO_LF", string(end=b"")),
    "no query": ("WRONG_PATH", string(target=PATH)),
    "the whole URL": ("WRONG_PATH", string(target=f"https://{HOST}{PATH}?{QUERY}")),
    "the whole URL without its query": ("WRONG_PATH", string(target=f"http://{HOST}{PATH}")),
    "the path decoded": ("WRONG_PATH", string(target=f"{PATH}?a=2&B= ")),
    "the query sorted": ("WRONG_PATH", string(target=f"{PATH}?B=%20&a=2")),
    "another call's path": ("WRONG_PATH", string(target="/v1/messages")),
    "no prefix": ("WRONG_PATH", string(target=f"/mailbox/17/receipt?{QUERY}")),
    "method in lower case": ("METHOD_CASE", string(method="post")),
    "method capitalised": ("METHOD_CASE", string(method="Post")),
    "another method": ("WRONG_METHOD", string(method="GET")),
    "nonce in upper case": ("WRONG_NONCE", string(nonce=NONCE.upper())),
    "milliseconds": ("TIMESTAMP_MILLISECONDS", string(time=f"{TIME}417")),
    "nonce before timestamp": ("LINE_ORDER", string(time=NONCE, nonce=TIME)),
    "an answer's lines": ("RESPONSE_STRING", f"{TIME}\n{NONCE}\n".encode() + BODY + b"\n"),
    "only the body": ("BODY_ONLY", BODY),
    "no body": ("BODY_EMPTY", string(body=b"")),
    "no fifth line": ("MISSING_LINE", string(body=b"", last=b"")),
    "compact JSON": ("BODY_RESERIALISED", string(body=dumps(ensure_ascii=False, separators=(",", ":")))),
    "escaped JSON": ("BODY_RESERIALISED", string(body=dumps())),
    "sorted JSON": ("BODY_RESERIALISED", string(body=dumps(ensure_ascii=False, sort_keys=True))),
    "indented JSON": ("BODY_RESERIALISED", string(body=dumps(ensure_ascii=False, indent=2))),
    "slashes escaped": (
        "BODY_RESERIALISED",
        string(body=dumps(separators=(",", ":")).replace(b"/", b"\\/")),
    ),
    "ampersand escaped": (
        "BODY_RESERIALISED",
        string(body=dumps(ensure_ascii=False, separators=(",", ":")).replace(b"&", b"\\u0026")),
    ),
    "GBK": ("BODY_ENCODING", string(body=BODY.decode().encode("gbk"))),
    "BOM": ("BODY_ENCODING", string(body=b"\xef\xbb\xbf" + BODY)),
    "question marks": ("BODY_ENCODING", string(body=BODY.decode().encode("ascii", "replace"))),
    "a line feed after the body": ("BODY_WHITESPACE", string(body=BODY + b"\r\n")),
    "only data": ("BODY_DATA_ONLY", string(body=json.dumps(EVENT["data"], ensure_ascii=False).encode())),
    "the body's Base64": ("BODY_ENCODED", string(body=base64.b64encode(BODY))),
    "the body's SM3": ("BODY_DIGEST", string(body=sm3_of(BODY).hex().encode())),
    "the body's SHA-256": ("BODY_DIGEST", string(body=sha256(BODY).hex().encode())),
}


DIGESTS: dict[str, tuple[str, Callable[[Signer], bytes]]] = {
    "no ZA": ("NO_ZA", lambda signer: sm3_of(RIGHT)),
    "empty user id": ("EMPTY_USER_ID", lambda signer: sm3_of(signer.za(b"") + RIGHT)),
    "the standard's sample user id": ("OTHER_USER_ID", lambda signer: sm3_of(signer.za(b"ALICE123@YAHOO.COM") + RIGHT)),
    "the sender's id": ("OTHER_USER_ID", lambda signer: sm3_of(signer.za(b"xmccb") + RIGHT)),
    "length in bytes": ("OTHER_USER_ID", lambda signer: sm3_of(signer.za(entl=16) + RIGHT)),
    "SM3 twice": ("DOUBLE_SM3", lambda signer: sm3_of(signer.za() + sm3_of(RIGHT))),
    "SM3 of the whole digest": ("DOUBLE_SM3", lambda signer: sm3_of(sm3_of(signer.za() + RIGHT))),
    "hex of the digest": ("DIGEST_HEX", lambda signer: sm3_of(signer.za() + sm3_of(RIGHT).hex().encode())),
    "hex in upper case": ("DIGEST_HEX", lambda signer: sm3_of(signer.za() + sm3_of(RIGHT).hex().upper().encode())),
    "hex without ZA": ("DIGEST_HEX", lambda signer: sm3_of(sm3_of(RIGHT).hex().encode())),
    "Base64 of the string": ("MESSAGE_ENCODED", lambda signer: sm3_of(signer.za() + base64.b64encode(RIGHT))),
    "SHA-256": ("OTHER_DIGEST", lambda signer: sha256(signer.za() + RIGHT)),
}


FORMS: dict[str, tuple[str, Callable[[int, int], str]]] = {
    "raw r‖s": ("RAW_RS", lambda r, s: b64(raw(r, s))),
    "raw with 04": ("RAW_RS", lambda r, s: b64(b"\x04" + raw(r, s))),
    "no Base64": ("SIGNATURE_HEX", lambda r, s: der(r, s).hex()),
    "line breaks": ("BASE64_WHITESPACE", lambda r, s: base64.encodebytes(der(r, s)).decode()),
    "twice encoded": ("BASE64_TWICE", lambda r, s: b64(b64(der(r, s)).encode())),
    "hex in Base64": ("BASE64_TWICE", lambda r, s: b64(der(r, s).hex().encode())),
    "s before r": ("SWAPPED_RS", lambda r, s: b64(der(s, r))),
    "integers of fixed length": ("DER_NOT_STRICT", lambda r, s: b64(b"\x30\x48" + fixed(r) + fixed(s))),
    "length in long form": (
        "DER_NOT_STRICT",
        lambda r, s: b64(b"\x30\x81" + der(r, s)[1:]),
    ),
    "trailing byte": ("DER_NOT_STRICT", lambda r, s: b64(der(r, s) + b"\x00")),
}
