"""Each mistake, made by hand and signed by another implementation, is named exactly (protocol section 7)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.diagnosis import diagnose
from gateway.crypto.keys import PublicKey
from tests.diagnosis.reference import Signer, b64, bare, der, fixed, raw, sha256, sm3_of

HOST = "gateway.example:8443"
METHOD, PATH, QUERY, TIME, NONCE = "POST", "/v1/mailbox/17/receipt", "a=2&B=%20", "1795219200", "f3b0A1b2C3d4e5f60718"
EVENT = {"id": "m-1", "data": {"name": "张三", "url": "https://a/b?c&d", "fen": 10000}, "b": [1, 2]}
BODY = json.dumps(EVENT, ensure_ascii=False, separators=(", ", ":")).encode()
SIGNER, SECOND = Signer(), Signer()
KEY, OTHER = (PublicKey(bytes.fromhex("04" + signer.point)) for signer in (SIGNER, SECOND))
SIGNING = Signing(method=METHOD, target=f"{PATH}?{QUERY}", timestamp=int(TIME), nonce=NONCE, body=BODY, host=HOST)


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


@pytest.mark.parametrize(("code", "wrong"), STRINGS.values(), ids=list(STRINGS))
def test_a_wrong_string_is_named(code: str, wrong: bytes):
    """The mistake, both lengths and the first byte that differs."""
    found = diagnose(SIGNING, SIGNER.text(wrong), [KEY]).as_record()
    assert (found["mistake"], found["mistakes"]) == (code, [code])
    assert (found["expected"], found["expectedBytes"], found["signedBytes"]) == (RIGHT.decode(), len(RIGHT), len(wrong))
    assert found["expectedSm3"] == sm3_of(RIGHT).hex()
    [offset, expected, signed] = [found["firstDifference"][name] for name in ("offset", "expected", "signed")]  # type: ignore[index]
    assert RIGHT[:offset] == wrong[:offset]
    assert [expected, signed] == [f"{text[offset]:02X}" if offset < len(text) else None for text in (RIGHT, wrong)]


DIGESTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "no ZA": ("NO_ZA", lambda: sm3_of(RIGHT)),
    "empty user id": ("EMPTY_USER_ID", lambda: sm3_of(SIGNER.za(b"") + RIGHT)),
    "the standard's sample user id": ("OTHER_USER_ID", lambda: sm3_of(SIGNER.za(b"ALICE123@YAHOO.COM") + RIGHT)),
    "the sender's id": ("OTHER_USER_ID", lambda: sm3_of(SIGNER.za(b"xmccb") + RIGHT)),
    "length in bytes": ("OTHER_USER_ID", lambda: sm3_of(SIGNER.za(entl=16) + RIGHT)),
    "SM3 twice": ("DOUBLE_SM3", lambda: sm3_of(SIGNER.za() + sm3_of(RIGHT))),
    "SM3 of the whole digest": ("DOUBLE_SM3", lambda: sm3_of(sm3_of(SIGNER.za() + RIGHT))),
    "hex of the digest": ("DIGEST_HEX", lambda: sm3_of(SIGNER.za() + sm3_of(RIGHT).hex().encode())),
    "hex in upper case": ("DIGEST_HEX", lambda: sm3_of(SIGNER.za() + sm3_of(RIGHT).hex().upper().encode())),
    "hex without ZA": ("DIGEST_HEX", lambda: sm3_of(sm3_of(RIGHT).hex().encode())),
    "Base64 of the string": ("MESSAGE_ENCODED", lambda: sm3_of(SIGNER.za() + base64.b64encode(RIGHT))),
    "SHA-256": ("OTHER_DIGEST", lambda: sha256(SIGNER.za() + RIGHT)),
}


@pytest.mark.parametrize(("code", "digest"), DIGESTS.values(), ids=list(DIGESTS))
def test_a_wrong_digest_is_named(code: str, digest: Callable[[], bytes]):
    """The string was right: nothing differs in it, and the message says what was done to it."""
    found = diagnose(SIGNING, b64(der(*SIGNER.pair(digest()))), [KEY], sender_id="xmccb").as_record()
    assert found["mistakes"] == [code]
    assert (found["signedBytes"], found["firstDifference"]) == (len(RIGHT), None)


FORMS: dict[str, tuple[str, Callable[[int, int], str]]] = {
    "raw r‖s": ("RAW_RS", lambda r, s: b64(raw(r, s))),
    "raw with 04": ("RAW_RS", lambda r, s: b64(b"\x04" + raw(r, s))),
    "no Base64": ("SIGNATURE_HEX", lambda r, s: der(r, s).hex()),
    "line breaks": ("BASE64_WHITESPACE", lambda r, s: base64.encodebytes(der(r, s)).decode()),
    "twice encoded": ("BASE64_TWICE", lambda r, s: b64(b64(der(r, s)).encode())),
    "hex in Base64": ("BASE64_TWICE", lambda r, s: b64(der(r, s).hex().encode())),
    "s before r": ("SWAPPED_RS", lambda r, s: b64(der(s, r))),
    "integers of fixed length": ("DER_NOT_STRICT", lambda r, s: b64(b"\x30\x46" + fixed(r >> 1 << 1) + fixed(s))),
    "length in long form": (
        "DER_NOT_STRICT",
        lambda r, s: b64(b"\x30\x81" + der(r, s)[1:]),
    ),
    "trailing byte": ("DER_NOT_STRICT", lambda r, s: b64(der(r, s) + b"\x00")),
}


def pair_with(first_bits: int) -> tuple[int, int]:
    """A right signature whose r and s have this first bit."""
    while True:
        r, s = SIGNER.right(RIGHT)
        if r >> 255 == s >> 255 == first_bits:
            return r, s


@pytest.mark.parametrize(("code", "write"), FORMS.values(), ids=list(FORMS))
def test_a_wrong_form_is_named(code: str, write: Callable[[int, int], str]):
    """A right signature badly written: the string was right, the writing is named."""
    r, s = pair_with(0) if "fixed" in str(write.__code__.co_names) else SIGNER.right(RIGHT)
    found = diagnose(SIGNING, write(r, s), [KEY]).as_record()
    assert found["mistake"] == code
    assert found["firstDifference"] is None


def test_negative_integers_are_named():
    """A number whose first bit is set, written without its leading zero, is DER of a negative one."""
    r, s = pair_with(1)
    found = diagnose(SIGNING, b64(b"\x30\x44" + bare(r) + bare(s)), [KEY])
    assert [mistake.code for mistake in found.mistakes] == ["DER_NOT_STRICT"]


def test_url_safe_and_unpadded_text_is_named():
    """Each of the two Base64 mistakes, and both."""
    while True:
        text = SIGNER.text(RIGHT)
        if {"+", "/"} & set(text) and text.endswith("="):
            break
    url_safe = text.replace("+", "-").replace("/", "_")
    for wrong, codes in (
        (url_safe, ["BASE64_URL_SAFE"]),
        (text.rstrip("="), ["BASE64_UNPADDED"]),
        (url_safe.rstrip("="), ["BASE64_URL_SAFE", "BASE64_UNPADDED"]),
    ):
        assert [mistake.code for mistake in diagnose(SIGNING, wrong, [KEY]).mistakes] == codes


def test_little_endian_numbers_are_named():
    """Raw numbers written backwards are named with the form."""
    r, s = SIGNER.right(RIGHT)
    text = b64(r.to_bytes(32, "little") + s.to_bytes(32, "little"))
    assert [mistake.code for mistake in diagnose(SIGNING, text, [KEY]).mistakes] == ["RAW_RS", "LITTLE_ENDIAN"]


def test_another_key_of_the_sender_is_named():
    """Signed with the sender's second key under the first one's serial."""
    found = diagnose(SIGNING, SECOND.text(RIGHT), [KEY, OTHER])
    assert [mistake.code for mistake in found.mistakes] == ["OTHER_KEY"]
    assert OTHER.serial_no in found.message


def test_another_algorithm_is_named():
    """ECDSA on the SM2 curve, as a general library makes it, with SM3 or SHA-256."""
    for digest in (sm3_of(RIGHT), sha256(RIGHT)):
        found = diagnose(SIGNING, b64(der(*SIGNER.ecdsa(digest))), [KEY])
        assert [mistake.code for mistake in found.mistakes] == ["ECDSA"]


PAIRS: dict[str, tuple[list[str], Callable[[], str]]] = {
    "raw, last LF missing": (
        ["RAW_RS", "MISSING_LAST_LF"],
        lambda: b64(raw(*SIGNER.right(string(last=b"")))),
    ),
    "raw, no ZA": (["RAW_RS", "NO_ZA"], lambda: b64(raw(*SIGNER.pair(sm3_of(RIGHT))))),
    "lower case and last LF missing": (
        ["METHOD_CASE", "MISSING_LAST_LF"],
        lambda: SIGNER.text(string(method="post", last=b"")),
    ),
    "CRLF and no ZA": (["CRLF", "NO_ZA"], lambda: b64(der(*SIGNER.pair(sm3_of(string(end=b"\r\n")))))),
    "no query, empty user id": (
        ["WRONG_PATH", "EMPTY_USER_ID"],
        lambda: b64(der(*SIGNER.pair(sm3_of(SIGNER.za(b"") + string(target=PATH))))),
    ),
}


@pytest.mark.parametrize(("codes", "make"), PAIRS.values(), ids=list(PAIRS))
def test_two_mistakes_at_once_are_both_named(codes: list[str], make: Callable[[], str]):
    """Mistakes come in company."""
    assert [mistake.code for mistake in diagnose(SIGNING, make(), [KEY]).mistakes] == codes


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("MISSING_LAST_LF", f"{TIME}\n{NONCE}\n".encode() + BODY),
        ("REQUEST_STRING", f"POST\n/in?x=1\n{TIME}\n{NONCE}\n".encode() + BODY + b"\n"),
        ("MISSING_LINE", f"{TIME}\n".encode() + BODY + b"\n"),
        ("BODY_RESERIALISED", f"{TIME}\n{NONCE}\n".encode() + dumps() + b"\n"),
        ("LINE_ORDER", f"{NONCE}\n{TIME}\n".encode() + BODY + b"\n"),
    ],
)
def test_answers_are_diagnosed_too(code: str, wrong: bytes):
    """The three lines of an answer, for receipts."""
    signing = Signing(timestamp=int(TIME), nonce=NONCE, body=BODY, asked="/in?x=1")
    assert diagnose(signing, SIGNER.text(wrong), [KEY]).as_record()["mistakes"] == [code]


@pytest.mark.parametrize("text", ["AAAA", "MAYCAQECAX8=", "", "!!", "QUJD" * 40, b64(bytes(64)), b64(b"\xff" * 64)])
def test_what_is_no_signature_is_not_guessed_at(text: str):
    """No known mistake: null, a text that says what to compare, and the expected string."""
    found = diagnose(SIGNING, text, [KEY]).as_record()
    assert (found["mistake"], found["mistakes"], found["signedBytes"]) == (None, [], None)
    assert "私钥" in str(found["message"])
    assert found["expected"] == RIGHT.decode()


def test_work_is_bounded():
    """The largest body costs no more digested bytes than the budget, and its string is shown cut."""
    big = Signing(method="POST", target="/v1/messages", timestamp=1, nonce=NONCE, body=b'"' + b"x" * 1_000_000 + b'"')
    found = diagnose(big, SIGNER.text(b"other"), [KEY], budget=3_000_000).as_record()
    assert found["mistake"] is None
    assert len(str(found["expected"])) < 2100
    assert diagnose(big, SIGNER.text(big.expected[:-1]), [KEY]).as_record()["mistake"] == "MISSING_LAST_LF"
