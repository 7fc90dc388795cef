"""Each mistake, made by hand and signed by another implementation, is named exactly (protocol section 7)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.diagnosis import diagnose
from gateway.crypto.keys import PublicKey
from tests.diagnosis.mistakes import (
    BODY,
    DIGESTS,
    FORMS,
    HOST,
    METHOD,
    NONCE,
    PATH,
    QUERY,
    RIGHT,
    STRINGS,
    TIME,
    dumps,
    string,
)
from tests.diagnosis.reference import Signer, b64, bare, der, raw, sha256, sm3_of

SIGNER, SECOND = Signer(), Signer()
KEY, OTHER = (PublicKey(bytes.fromhex("04" + signer.point)) for signer in (SIGNER, SECOND))
SIGNING = Signing(method=METHOD, target=f"{PATH}?{QUERY}", timestamp=int(TIME), nonce=NONCE, body=BODY, host=HOST)


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


@pytest.mark.parametrize(("code", "digest"), DIGESTS.values(), ids=list(DIGESTS))
def test_a_wrong_digest_is_named(code: str, digest: Callable[[Signer], bytes]):
    """The string was right: nothing differs in it, and the message says what was done to it."""
    found = diagnose(SIGNING, b64(der(*SIGNER.pair(digest(SIGNER)))), [KEY], sender_id="xmccb").as_record()
    assert found["mistakes"] == [code]
    assert (found["signedBytes"], found["firstDifference"]) == (len(RIGHT), None)


@pytest.mark.parametrize(("code", "write"), FORMS.values(), ids=list(FORMS))
def test_a_wrong_form_is_named(code: str, write: Callable[[int, int], str]):
    """A right signature badly written: the string was right, the writing is named."""
    found = diagnose(SIGNING, write(*SIGNER.right(RIGHT)), [KEY]).as_record()
    assert found["mistake"] == code
    assert found["firstDifference"] is None


def test_negative_integers_are_named():
    """A number whose first bit is set, written without its leading zero, is DER of a negative one."""
    while True:
        r, s = SIGNER.right(RIGHT)
        if r >> 255 == s >> 255 == 1:
            break
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


PAIRS_OF_NUMBERS = st.binary(min_size=64, max_size=64).map(b64)
TEXTS = st.one_of(
    PAIRS_OF_NUMBERS, st.text(max_size=120), st.binary(max_size=90).map(b64), st.text("0123456789abcdef", max_size=160)
)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=6,
    ).map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")),
    st.just(b"[" * 5000),
    st.just(b"9" * 6000),
)
TARGETS = st.one_of(
    st.text(max_size=30), st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, body=BODIES, target=TARGETS, host=TARGETS, asked=st.booleans())
def test_nothing_that_comes_in_breaks_it(text: str, body: bytes, target: str, host: str, asked: bool):  # noqa: FBT001
    """Whatever text, body, target and host: a diagnosis whose record is JSON, for requests and for answers."""
    where = {"method": "POST", "target": target, "host": host} if asked else {"asked": target}
    signing = Signing(timestamp=int(TIME), nonce=NONCE, body=body, **where)  # type: ignore[arg-type]
    found = diagnose(signing, text, [KEY], budget=200_000).as_record()
    json.dumps(found).encode()
    assert found["expectedBytes"] == len(signing.expected)
