"""What the public is told: genuine or not, and how the paper stands; nothing that the asker does not hold already."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from gateway.core.party import KeyStatus
from gateway.forms.printing import Medium, Printer
from gateway.ports import MessageView
from tests.harness.gateway import AUDIT, DAY, Gateway
from tests.protocol.caller import Caller
from tests.verify.stranger import BROWSER, JSON, Stranger, file, issue, kept

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
OTHER = "0123456789abcdef" * 4


def leaves(value: Any) -> list[str]:
    """Every text and number in a payload."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [str(value)]


def data_of(view: MessageView) -> Any:
    return json.loads(view.message.body)["data"]


@pytest.mark.parametrize("masked", [False, True])
async def test_the_code_on_a_printed_sheet_opens_its_answer(gateway: Gateway, stranger: Stranger, *, masked: bool):
    """What the QR code of a sheet says is an address of this gateway that answers: genuine, in force."""
    view = await issue(gateway, "350212345678901234567")
    base = f"http://127.0.0.1:{gateway.port}"
    printer = Printer(gateway.parts.roster.directory, verify_base=base, masked=masked)
    for form in ("guarantee", "6", "receipt"):
        sheet = printer.print_form(form, view, [view], Medium.HTML).content.decode()
        (link,) = re.findall(rf"核验地址：{base}([^<\s]+)", sheet)
        told = await stranger.send("GET", unescape(link), accept=BROWSER)
        assert (told.status, told.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "真实 · 有效" in told.page.text
        assert "350212345678901234567" in told.page.text


async def test_a_guarantee_is_answered_by_number_and_code(either: Gateway):
    """By the digest of its message or of its document, whole or the first 16 digits, however people write them."""
    view, asker = await issue(either, "闽银保〔2026〕7号"), Stranger(either)
    message, document = view.message.digest, data_of(view)["document"]["digest"]
    codes = [(message, "message"), (message[:16], "message"), (document, "document"), (document[:20], "document")]
    codes.append(("-".join(re.findall("....", message[:16].upper())), "message"))
    for code, matched in codes:
        for told in (
            await asker.ask(guaranteeNo="闽银保〔2026〕7号", digest=code),
            await asker.post({"guaranteeNo": "闽银保〔2026〕7号", "digest": code}, accept=JSON),
            await asker.post({"guaranteeNo": "闽银保〔2026〕7号", "digest": code}, media=JSON, accept="*/*"),
        ):
            assert (told.status, told.headers["content-type"]) == (200, "application/json; charset=utf-8")
            doc = told.doc
            assert (doc["result"], doc["standing"], doc["paper"]["matched"]) == ("genuine", "in_force", matched)
            assert doc["paper"]["guaranteeNo"] == "闽银保〔2026〕7号"
            assert (doc["paper"]["source"], doc["validTo"]) == ("xmccb", data_of(view)["validTo"])


async def test_whoever_does_not_hold_the_paper_learns_nothing(gateway: Gateway, stranger: Stranger):
    """A number that is and one that is not, an id that is and one that is not: without the code the same bytes."""
    view = await issue(gateway, "BH-1")
    second = await issue(gateway, "BH-2", "DD-2")
    told = [
        await stranger.ask(**question)
        for question in (
            {"guaranteeNo": "BH-1", "digest": OTHER},
            {"guaranteeNo": "none", "digest": OTHER},
            {"guaranteeNo": "none", "digest": view.message.digest},
            {"guaranteeNo": "BH-1", "digest": second.message.digest},
            {"guaranteeNo": "BH-2", "source": "xmccb", "id": view.message.id, "digest": view.message.digest},
            {"source": "xmccb", "id": view.message.id, "digest": OTHER},
            {"source": "xmccb", "id": "none", "digest": view.message.digest},
            {"source": "platform", "id": view.message.id, "digest": view.message.digest},
        )
    ]
    assert {answer.status for answer in told} == {200}
    assert len({answer.body for answer in told}) == 1
    assert told[0].doc["result"] == "not_found"
    assert told[0].doc["paper"] is None


async def test_no_answer_says_more_than_the_paper_proves(gateway: Gateway, stranger: Stranger):
    """Neither amount nor contractor, project, person, file or claim stands in an answer, be it JSON or a page."""
    view = await issue(gateway, "BH-1")
    notice = await file(gateway, "payment.notice.v1", "DD-1", guaranteeNo="BH-1")
    may = {"BH-1", data_of(view)["validTo"], "true", "True", "CNY"}
    for paper in (view, notice):
        secret = {leaf for leaf in leaves(data_of(paper)) if len(leaf) > 3 and not DATE.match(leaf)} - may
        for accept in (JSON, BROWSER):
            told = await stranger.ask(
                accept, source=paper.message.source, id=paper.message.id, digest=paper.message.digest
            )
            shown = told.body.decode() if accept == JSON else told.page.text
            assert "genuine" in shown or "真实" in shown
            assert [leaf for leaf in secret if leaf in shown] == []
    told = await stranger.ask(guaranteeNo="BH-1", digest=view.message.digest)
    assert told.doc["standing"] == "in_force"


async def test_what_the_paper_says_is_compared_on_request(gateway: Gateway, stranger: Stranger):
    """A copied code on a doctored paper shows: amount, last day and company agree, differ, or are not told."""
    view = await issue(gateway, "BH-1")
    data, code = data_of(view), view.message.digest
    yuan = f"{data['amount']['fen'] // 100:,}.{data['amount']['fen'] % 100:02}"
    right = {"amount": f"￥{yuan} 元", "validTo": data["validTo"], "contractor": data["contractor"]["name"]}
    told = await stranger.ask(guaranteeNo="BH-1", digest=code, **right)
    assert {each["field"]: each["agrees"] for each in told.doc["comparisons"]} == dict.fromkeys(right, True)
    wrong = {"amount": "99999999", "validTo": "2039-01-01", "contractor": "别的公司"}
    told = await stranger.ask(guaranteeNo="BH-1", digest=code, **wrong)
    assert {each["field"]: each["agrees"] for each in told.doc["comparisons"]} == dict.fromkeys(wrong, False)
    page = (await stranger.ask(BROWSER, guaranteeNo="BH-1", digest=code, **wrong)).page
    assert "真实，但与所填内容不相符" in page.text
    notice = await file(gateway, "payment.notice.v1", "DD-1", guaranteeNo="BH-1")
    told = await stranger.ask(source="platform", id=notice.message.id, digest=notice.message.digest, **wrong)
    assert {each["field"]: each["agrees"] for each in told.doc["comparisons"]} == {
        "amount": False,
        "validTo": None,
        "contractor": False,
    }


async def standing_of(stranger: Stranger, view: MessageView) -> Any:
    told = await stranger.ask(id=f"{view.message.source} / {view.message.id}", digest=view.message.digest[:16])
    assert told.doc["result"] == "genuine"
    return told.doc["standing"]


async def test_a_guarantee_ends_for_the_public_on_the_day_after_its_last(gateway: Gateway, stranger: Stranger):
    """Whether or not a sweep has seen it yet."""
    view = await issue(gateway, "BH-1")
    assert await standing_of(stranger, view) == "in_force"
    gateway.clock.advance(10 * 365 * DAY / 1_000_000)
    assert await standing_of(stranger, view) == "ended"


async def test_a_released_guarantee_is_told_released(gateway: Gateway, stranger: Stranger):
    """From the authority's confirmation on."""
    view = await issue(gateway, "BH-1")
    await file(gateway, "release.confirmation.v1", "DD-1", recipient="xmccb", guaranteeNo="BH-1")
    assert await standing_of(stranger, view) == "released"


async def test_an_exemption_that_was_ended_is_told_revoked(gateway: Gateway, stranger: Stranger):
    """Forms 12 and 13 hold until arrears on the project end them."""
    view = await file(gateway, "deposit.exemption.v1", "AJ-1", recipient="gateway")
    assert await standing_of(stranger, view) == "in_force"
    revoked = await file(gateway, "deposit.exemption_revoked.v1", "AJ-1", recipient="gateway")
    assert await standing_of(stranger, view) == "revoked"
    assert await standing_of(stranger, revoked) is None


async def test_a_withdrawn_notice_is_told_withdrawn(gateway: Gateway, stranger: Stranger):
    """Payments, on the other hand, show in no answer."""
    await issue(gateway, "BH-1")
    notice = await file(gateway, "payment.notice.v1", "DD-1", guaranteeNo="BH-1")
    assert await standing_of(stranger, notice) is None
    await file(gateway, "payment.notice_withdrawal.v1", "DD-1", noticeNo=data_of(notice)["noticeNo"])
    assert await standing_of(stranger, notice) == "withdrawn"


async def test_what_was_altered_at_rest_is_not_confirmed(gateway: Gateway, stranger: Stranger):
    """The bytes kept are held against their digest and the sender's signature at each question."""
    view = await file(gateway, "deposit.exemption_revoked.v1", "AJ-1", recipient="gateway")
    message = view.message
    engine = create_engine(gateway.settings.database)
    with engine.begin() as connection:
        body = message.body.replace(message.id.encode(), message.id[::-1].encode())
        connection.execute(text("UPDATE messages SET body = :body WHERE id = :id"), {"body": body, "id": message.id})
    engine.dispose()
    told = await stranger.ask(source="platform", id=message.id, digest=message.digest)
    assert told.doc["result"] == "unconfirmed"
    assert ("MESSAGE_BROKEN", f"platform/{message.id}") in await gateway.alerts()
    page = (await stranger.ask(BROWSER, source="platform", id=message.id, digest=message.digest)).page
    assert "暂不能确认" in page.text


@pytest.mark.parametrize(("seconds", "result"), [(10, "genuine"), (-10, "unconfirmed")])
async def test_the_key_is_judged_as_of_its_signature(gateway: Gateway, stranger: Stranger, seconds: int, result: str):
    """One that was revoked afterwards proves what it signed before; one that had ended by then proves nothing."""
    view = await issue(gateway, "BH-1")
    serial, when = gateway.keys["xmccb"].serial_no, gateway.clock.now() + seconds * 1_000_000
    await gateway.store.end_key("xmccb", serial, KeyStatus.REVOKED, now=when, audit=AUDIT)
    await gateway.parts.roster.refresh()
    told = await stranger.ask(guaranteeNo="BH-1", digest=view.message.digest)
    assert told.doc["result"] == result


async def test_a_purged_message_is_still_known_by_its_digest(either: Gateway):
    """Retention leaves the digest: genuine, with its standing; what stood in the bytes is compared no longer."""
    view, asker = await issue(either, "BH-1"), Stranger(either)
    await either.parts.sealer.catch_up()
    assert await either.store.purge_bodies(["DD-1"], limit=99) == 2
    told = await asker.ask(guaranteeNo="BH-1", digest=view.message.digest, amount="1")
    doc = told.doc
    assert (doc["result"], doc["standing"], doc["paper"]["bodyPurged"]) == ("genuine", "in_force", True)
    assert doc["comparisons"] == [{"field": "amount", "agrees": None}]
    by_document = await asker.ask(guaranteeNo="BH-1", digest=data_of(view)["document"]["digest"])
    assert by_document.doc["result"] == "not_found"


async def test_two_institutions_may_use_one_number(gateway: Gateway, stranger: Stranger):
    """The code decides whose guarantee is meant."""
    first = await issue(gateway, "BH-1")
    platform, insurer = Caller(gateway, "platform", "platform"), Caller(gateway, "picc", "picc")
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-2", recipient="picc"))).status == 202
    event = insurer.event("guarantee.issued.v1", "DD-2", data={"guaranteeNo": "BH-1"})
    assert (await insurer.post(event)).status == 202
    second = await kept(gateway, "picc", event["id"])
    for view in (first, second):
        told = await stranger.ask(guaranteeNo="BH-1", digest=view.message.digest)
        assert told.doc["paper"]["source"] == view.message.source
