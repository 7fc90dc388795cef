from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Problem
from gateway.core.wire.authorization import Authorization, check_timestamp, format_authorization, parse_authorization
from gateway.core.wire.response import ResponseSignature, format_response_headers, parse_response_headers
from gateway.core.wire.signed import request_string
from tests.wire.refusals import refusal_of

SERIALS = st.text("0123456789ABCDEF", min_size=40, max_size=40)
NONCES = st.from_regex(r"[A-Za-z0-9]{16,64}", fullmatch=True)
TIMESTAMPS = st.integers(0, 9_999_999_999)
SIGNATURES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1)
AUTHORIZATIONS = st.builds(
    Authorization,
    sender_id=st.from_regex(r"[a-z][a-z0-9-]{1,31}", fullmatch=True),
    serial_no=SERIALS,
    timestamp=TIMESTAMPS,
    nonce=NONCES,
    signature=SIGNATURES,
)
NOW_S = 1_795_219_200


@given(AUTHORIZATIONS)
def test_what_is_written_is_read(authorization):
    """Every authorization survives its header."""
    assert parse_authorization(format_authorization(authorization)) == authorization


@given(AUTHORIZATIONS, st.permutations(range(5)), st.text(" \t", max_size=3))
def test_order_and_blanks_do_not_matter(authorization, order, blanks):
    """Parameters may come in any order with blanks around their commas."""
    scheme, _, rest = format_authorization(authorization).partition(" ")
    names = ("sender_id=", "serial_no=", "timestamp=", "nonce_str=", "signature=")
    parts = [rest[rest.index(name) :] for name in names]
    parts = [
        part[: part.index(f',{following}"')] if following else part
        for part, following in zip(parts, (*names[1:], None), strict=True)
    ]
    header = f"{scheme} " + f"{blanks},{blanks}".join(parts[index] for index in order)
    assert parse_authorization(header) == authorization


@given(st.one_of(st.text(), st.text().map("GZBZJ1-SM2-WITH-SM3 {}".format)))
def test_any_text_is_read_or_refused(value):
    """No header value raises anything but a Problem of the two codes."""
    problem = refusal_of(parse_authorization, value)
    assert problem is None or problem.code in {"AUTH_SCHEME_UNSUPPORTED", "MALFORMED_REQUEST"}


@pytest.mark.parametrize("off_us", [-300_000_000, 0, 300_000_000, 300_999_999])
def test_the_window_includes_its_ends(off_us):
    """A timestamp 300 s away from the receiver's clock still stands, wherever in its second the clock is."""
    check_timestamp(NOW_S, NOW_S * 1_000_000 + off_us)


@pytest.mark.parametrize(("off_us", "side"), [(-300_000_001, "晚于"), (301_000_000, "早于")])
def test_beyond_the_window_is_refused(off_us, side):
    """The 301st second is out, and the text says on which side."""
    with pytest.raises(Problem, match=side) as caught:
        check_timestamp(NOW_S, NOW_S * 1_000_000 + off_us)
    assert caught.value.code == "TIMESTAMP_OUT_OF_WINDOW"


@given(st.builds(ResponseSignature, serial_no=SERIALS, timestamp=TIMESTAMPS, nonce=NONCES, signature=SIGNATURES))
def test_response_headers_survive_in_any_case(signature):
    """An answer's headers are read back, whatever the case of their names."""
    stripped = ResponseSignature(
        serial_no=signature.serial_no,
        timestamp=signature.timestamp,
        nonce=signature.nonce,
        signature=signature.signature.strip() or "x",
    )
    headers = format_response_headers(stripped)
    for spell in (str.lower, str.upper, str.title):
        assert parse_response_headers({spell(name): value for name, value in headers.items()}) == stripped


GOOD = format_response_headers(
    ResponseSignature(serial_no="A" * 40, timestamp=NOW_S, nonce="n" * 32, signature="MEUCIQ==")
)


@pytest.mark.parametrize("name", GOOD)
def test_a_response_header_missing_or_bad_is_named(name):
    """A header of the four that is missing, ill-formed or repeated is refused by its name."""
    without = {key: value for key, value in GOOD.items() if key != name}
    for headers in (without, {**without, name: "签"}, {**GOOD, name.lower(): GOOD[name]}):
        with pytest.raises(Problem, match=name) as caught:
            parse_response_headers(headers)
        assert caught.value.code == "MALFORMED_REQUEST"


@given(st.dictionaries(st.one_of(st.sampled_from(sorted(GOOD)), st.text()), st.text()))
def test_any_headers_are_read_or_refused(headers):
    """No headers raise anything but a Problem."""
    problem = refusal_of(parse_response_headers, headers)
    assert problem is None or problem.code == "MALFORMED_REQUEST"


def test_a_target_keeps_its_raw_bytes():
    """A request line with bytes beyond ASCII is signed as the bytes that came, not as their repair."""
    raw = b"/v1/keys?x=\xff\xe4\xbf\x9d"
    target = raw.decode("utf-8", "surrogateescape")
    assert raw in request_string("GET", target, NOW_S, "n" * 16, b"")
