"""How the public asks: good and bad questions, the page, its guards, the limits."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.authenticity_form import FIELDS, read_question
from gateway.core.errors import Problem
from gateway.forms.layouts import TEMPLATES
from tests.harness.gateway import Founded, Gateway, run_gateway
from tests.protocol.caller import Caller
from tests.verify.stranger import BROWSER, FORM, JSON, Stranger, issue

CODE = "0123456789abcdef"
BAD = (
    ({}, ["/digest", "/guaranteeNo"]),
    ({"guaranteeNo": "BH-1"}, ["/digest"]),
    ({"digest": CODE}, ["/guaranteeNo"]),
    ({"id": "m-1", "digest": CODE}, ["/source"]),
    ({"id": "xmccb / a b", "digest": CODE}, ["/id"]),
    ({"id": "XMCCB / m-1", "digest": CODE}, ["/source"]),
    ({"guaranteeNo": "x" * 129, "digest": CODE}, ["/guaranteeNo"]),
    ({"guaranteeNo": "a\0b", "digest": CODE}, ["/guaranteeNo"]),
    ({"guaranteeNo": "BH-1", "digest": CODE[:15]}, ["/digest"]),
    ({"guaranteeNo": "BH-1", "digest": "g" * 16}, ["/digest"]),
    ({"guaranteeNo": "BH-1", "digest": CODE * 5}, ["/digest"]),
    ({"guaranteeNo": "BH-1", "digest": CODE, "amount": "一百万", "validTo": "2026-02-30"}, ["/amount", "/validTo"]),
    ({"guaranteeNo": "BH-1", "digest": CODE, "amount": "1e6"}, ["/amount"]),
    ({"guaranteeNo": "BH-1", "digest": CODE, "amount": "1.234"}, ["/amount"]),
)


@pytest.mark.parametrize(("question", "pointers"), BAD, ids=str)
async def test_a_bad_question_names_every_field(stranger: Stranger, question: dict[str, str], pointers: list[str]):
    """400 with each field and what to write there, to programs as a problem, to people in the page."""
    told = await stranger.post(question, media=JSON)
    assert (told.status, told.doc["code"]) == (400, "MALFORMED_REQUEST")
    assert sorted(error["pointer"] for error in told.doc["errors"]) == pointers
    told = await stranger.post(question, accept=BROWSER)
    if question:
        assert told.status == 400
        assert len([each for each in told.page.all("span") if each.get("class") == "fault"]) == len(pointers)


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        (b"{", JSON, 400, "MALFORMED_REQUEST"),
        (b"[]", JSON, 400, "MALFORMED_REQUEST"),
        (b'{"digest": 1}', JSON, 400, "MALFORMED_REQUEST"),
        (b"digest=1&digest=2", FORM, 400, "MALFORMED_REQUEST"),
        (b"a=&" * 40, FORM, 400, "MALFORMED_REQUEST"),
        (b"x", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"x" * 8193, FORM, 413, "BODY_TOO_LARGE"),
    ],
)
async def test_a_body_that_is_no_question(stranger: Stranger, body: bytes, media: str, status: int, code: str):
    """Its code, and in Chinese what to do."""
    told = await stranger.post(body, media=media)
    assert (told.status, told.doc["code"]) == (status, code)


async def test_a_compressed_body_is_refused(stranger: Stranger):
    """No Content-Encoding, as everywhere."""
    headers = [("Content-Type", FORM), ("Content-Encoding", "gzip")]
    assert (await stranger.send("POST", "/verify", b"x", headers=headers)).status == 415


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from([*FIELDS, "lang"]), st.text(max_size=40)))
def test_any_question_is_read_or_refused(given_: dict[str, str]) -> None:
    """Whatever is typed makes a question or names fields; nothing else."""
    refused: Problem | None = None
    try:
        assert read_question(given_).code
    except Problem as problem:
        refused = problem
    if refused is not None:
        assert refused.code == "MALFORMED_REQUEST"
        assert {error.pointer.lstrip("/") for error in refused.errors} <= set(FIELDS)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=st.binary(max_size=60))
async def test_any_bytes_in_the_address_are_answered(stranger: Stranger, raw: bytes) -> None:
    """Percent-encoded or not, UTF-8 or not: an answer below 500, and nothing of it becomes markup."""
    told = await stranger.ask(BROWSER, guaranteeNo="".join(f"%{byte:02x}" for byte in raw), digest=CODE)
    assert told.status in (200, 400)
    quoted = "".join(f"%{byte:02x}" for byte in raw)
    told = await stranger.send("GET", f"/verify?guaranteeNo={quoted}&digest={CODE}", accept=BROWSER)
    assert told.status in (200, 400)


async def test_what_was_typed_comes_back_as_text(stranger: Stranger):
    """Markup in a field stays text, and what is invisible is named."""
    told = await stranger.ask(BROWSER, guaranteeNo='"><script>alert(1)</script>', contractor="a\u202eb", digest="zz")
    assert b"<script" not in told.body
    assert "a〔U+202E〕b" in {each.get("value") for each in told.page.all("input")}


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_page_is_whole_in_itself(gateway: Gateway, stranger: Stranger, language: str):
    """No script and no outside asset; each input has its label and its hint; its style is the one that CSP names."""
    view = await issue(gateway, "BH-1")
    for question in ({}, {"guaranteeNo": "BH-1", "digest": view.message.digest}, {"guaranteeNo": "BH-1"}):
        told = await stranger.ask(BROWSER, **question, lang=language)
        page = told.page
        assert page.all("html") == [{"lang": "zh-CN" if language == "zh" else "en"}]
        assert not {name for name, _ in page.elements} & {"script", "img", "link", "iframe", "object"}
        assert all(each["href"].startswith("?") for each in page.all("a"))
        labels = {each["for"] for each in page.all("label")}
        typed = [each for each in page.all("input") if each["type"] != "hidden"]
        assert {each["id"] for each in typed} == labels
        ids = {attributes.get("id") for _, attributes in page.elements}
        assert {name for each in typed for name in str(each["aria-describedby"]).split()} <= ids
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        policy = told.headers["content-security-policy"]
        assert f"style-src 'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert all("style" not in attributes for _, attributes in page.elements)


async def test_answers_are_guarded(gateway: Gateway, stranger: Stranger):
    """Kept by no cache, sent on by no referrer, sniffed, framed and indexed by nobody."""
    for accept in (JSON, BROWSER):
        headers = (await stranger.ask(accept, guaranteeNo="BH-1", digest=CODE)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "noindex" in headers["x-robots-tag"]
        assert headers["vary"] == "Accept"


async def test_questions_are_rationed_by_address(founded: Founded, tmp_path):
    """Beyond the burst 429 with Retry-After, to programs and to people; the empty page is free."""
    async with run_gateway(founded, tmp_path, LIMITS__VERIFY_RATE="1", LIMITS__VERIFY_BURST="2") as gateway:
        stranger = Stranger(gateway)
        question = {"guaranteeNo": "BH-1", "digest": CODE}
        assert [(await stranger.ask(**question)).status for _ in range(3)] == [200, 200, 429]
        told = await stranger.ask(BROWSER, **question)
        assert (told.status, told.headers["retry-after"], told.headers["content-type"]) == (
            429,
            "1",
            "text/html; charset=utf-8",
        )
        assert "请求过于频繁" in told.page.text
        assert (await stranger.ask(BROWSER)).status == 200
        gateway.clock.advance(1)
        assert (await stranger.ask(**question)).status == 200


async def test_a_signed_question_gets_a_signed_answer(gateway: Gateway):
    """An Authorization that is sent is checked, its nonce spent, and the page too is signed."""
    view = await issue(gateway, "BH-1")
    bank = Caller(gateway, "xmccb", "xmccb")
    target = "/verify?" + urlencode({"guaranteeNo": "BH-1", "digest": view.message.digest})
    nonce = "n" * 32
    told = await bank.get(target, nonce=nonce)
    assert (told.status, told.signed, told.headers["content-type"]) == (200, True, "text/html; charset=utf-8")
    assert (await bank.get(target, nonce=nonce)).code == "NONCE_REPLAYED"
    body = json.dumps({"guaranteeNo": "BH-1", "digest": view.message.digest}).encode()
    told = await bank.call("POST", "/verify", body, headers=[("Content-Type", JSON)])
    assert (told.status, told.signed, told.doc["result"]) == (200, True, "genuine")
    assert (await bank.call("POST", "/verify", body, over=b"", headers=[("Content-Type", JSON)])).status == 401


async def test_the_log_knows_no_question(gateway: Gateway, stranger: Stranger):
    """Neither numbers nor codes nor what was compared stand in the log, refused or answered."""
    await issue(gateway, "BH-SECRET")
    before = len(gateway.log.events)
    for question in ({"guaranteeNo": "BH-SECRET", "digest": CODE}, {"guaranteeNo": "BH-SECRET", "contractor": "张三"}):
        await stranger.ask(**question)
        await stranger.ask(BROWSER, **question)
    await stranger.send("PUT", "/verify?guaranteeNo=BH-SECRET")
    logged = repr(gateway.log.events[before:])
    assert "http.refused" in logged
    for word in ("BH-SECRET", CODE, "张三", "%E5"):
        assert word not in logged


async def test_a_database_that_is_away_is_told(gateway: Gateway, stranger: Stranger, monkeypatch: pytest.MonkeyPatch):
    """503 with Retry-After, in the page too."""
    from gateway.ports import StoreUnavailable

    async def away(number: str) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(gateway.store, "issued_papers", away)
    told = await stranger.ask(guaranteeNo="BH-1", digest=CODE)
    assert (told.status, told.doc["code"], told.headers["retry-after"]) == (503, "UNAVAILABLE", "2")
    told = await stranger.ask(BROWSER, guaranteeNo="BH-1", digest=CODE)
    assert told.status == 503
    assert "暂时不可用" in told.page.text


def test_both_languages_say_the_same_things():
    """The page's words have the same members in Chinese and in English."""

    def shape(node: object) -> object:
        return {key: shape(inner) for key, inner in node.items()} if isinstance(node, dict) else None

    texts = yaml.safe_load((TEMPLATES / "verify.yaml").read_text(encoding="utf-8"))
    assert shape(texts["zh"]) == shape(texts["en"])
