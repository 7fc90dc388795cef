"""Onboarding on real stores: recorded once, swept by anyone, with its clock, its standing and its API."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.bootstrap.onboarding import Counter
from gateway.bootstrap.retaining import make_retainer
from gateway.core.certificate import CertificateInvalid
from gateway.core.legal_clock import ClockState
from gateway.core.onboarding import MATERIALS, MoveRefused, Stage
from gateway.core.onboarding_view import show_application
from gateway.core.party import Standing
from gateway.crypto.digest import sm3_hex
from gateway.flow.onboarding import OnboardingDesk
from gateway.ports import ClockQuery
from tests.files.filer import Filer, kept
from tests.harness.gateway import Gateway
from tests.onboarding.steps import DECISION, DETAILS, FORM, bring, certify, let_pass, stages
from tests.protocol.caller import Caller

DAY = 86_400
"""Seconds."""
PAPER = b"%PDF-1.7 a paper"


@pytest.fixture
def desk(both: Gateway) -> OnboardingDesk:
    return both.parts.onboarding_desk


async def test_the_window_is_a_clock_with_warnings(both: Gateway, desk: OnboardingDesk) -> None:
    """It runs from the opening, is told to the institution at its thresholds, and ends with the verdict."""
    await bring(desk, "newbank")
    await desk.sweep()
    both.clock.advance(5 * DAY)
    while await both.parts.clock_keeper.sweep():
        continue
    (clock,) = await both.store.find_clocks(ClockQuery(rule="onboarding-test"))
    assert (clock.subject, str(clock.state)) == ("newbank", "running")
    told = [json.loads(entry["body"]) for entry in await Caller(both, "newbank", "newbank").mailbox("?limit=100")]
    assert [event["data"]["percent"] for event in told if event["type"] == "sla.warning.v1"] == [50]
    await let_pass(both, "newbank")
    (ended,) = await both.store.find_clocks(ClockQuery(rule="onboarding-test"))
    assert str(ended.state) == "ended"


async def test_moves_of_the_same_moment_are_made_one_after_the_other(desk: OnboardingDesk) -> None:
    """Ten operators record at once: every event is there once, numbered without a gap; two sweeps open one window."""
    names = [f"bank-{number}" for number in range(10)]
    await asyncio.gather(*(desk.apply(name, DETAILS, actor="applicant") for name in names[:5]))
    await bring(desk, *names[5:7])
    await asyncio.gather(desk.sweep(), desk.sweep())
    registry = await desk.books.registry()
    assert [each.institution for each in registry.at(Stage.TESTING)] == [names[5]]
    numbers = [event.number for name in names for event in await desk.books.history(name)]
    assert sorted(numbers) == list(range(1, registry.number + 1))


async def test_suspension_cites_the_decision_and_changes_the_standing(both: Gateway, desk: OnboardingDesk) -> None:
    """Two operators, the authority's decision, the party's standing, and a message to both sides."""
    await bring(desk, "newbank")
    await desk.sweep()
    await let_pass(both, "newbank")
    for actor in ("王", "李"):
        await desk.move("go-live", "newbank", actor=actor)
    [bound] = await both.store.find_clocks(ClockQuery(rule="confidentiality-term"))
    assert (bound.subject, bound.state, bound.due_at) == ("newbank", ClockState.RUNNING, None)
    with pytest.raises(MoveRefused, match="文号"):
        await desk.move("suspend", "newbank", actor="王")
    for actor in ("王", "李"):
        await desk.move("suspend", "newbank", actor=actor, data={"decision": DECISION})
    directory = await both.store.directory()
    assert directory.parties["newbank"].standing is Standing.SUSPENDED
    assert await stages(desk) == {"newbank": "suspended"}
    actions = [audit.action for _, audit in await both.store.audits(limit=5)]
    assert {"onboarding.suspend", "onboarding.suspend.proposed", "party.suspend"} <= set(actions)


async def test_an_applicant_does_its_part_over_the_api(both: Gateway, desk: OnboardingDesk) -> None:
    """Form, papers, submission and standing by signed calls; what is the operators' is not found."""
    bank = Filer(both, "newbank", "newbank")
    assert (await bank.put(PAPER)).status == 201

    async def call(method: str, path: str, body: Any = None) -> Any:
        text = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return await bank.call(method, f"/v1/onboarding{path}", text)

    assert (await call("GET", "")).status == 404
    wrong = await call("PUT", "", {**FORM, "uscc": "91350200MA2XN1R644", "contact": {"name": "张三"}})
    assert (wrong.code, wrong.pointers) == ("SCHEMA_INVALID", ["/uscc", "/contact/phone"])
    assert (await call("PUT", "", FORM)).doc["stage"] == "draft"
    assert (await call("PUT", "", {**FORM, "kind": "insurer"})).code == "STATE_CONFLICT"
    assert (await call("POST", "/submit")).code == "STATE_CONFLICT"
    for material in MATERIALS:
        assert (await call("POST", "/attach", {"material": material, "digest": sm3_hex(PAPER)})).status == 200
    assert (await call("POST", "/complete")).code == "NOT_FOUND"
    assert (await call("POST", "/submit")).doc["stage"] == "submitted"
    shown = (await call("GET", "")).doc
    assert [event["move"] for event in shown["history"]][-1] == "submit"
    assert shown["contact"] == {"name": "张**", "phone": "138***0000"}
    assert (await Caller(both, "platform", "platform").call("PUT", "/v1/onboarding", b"{}")).code == "NOT_FOUND"


async def test_a_paper_is_a_file_that_its_applicant_may_read(both: Gateway, desk: OnboardingDesk) -> None:
    """A digest that nobody put, or somebody else alone, is no paper, by whichever way it comes; put it, and it is."""
    bank, digest = Filer(both, "newbank", "newbank"), sm3_hex(PAPER)
    body = json.dumps({"material": "mlps-report", "digest": digest}).encode()
    await desk.apply("newbank", DETAILS, actor="王")
    assert (await Filer(both, "xmccb", "xmccb").put(PAPER)).status == 201
    refused = await bank.call("POST", "/v1/onboarding/attach", body)
    assert (refused.code, f"PUT /v1/files/{digest}" in refused.doc["message"]) == ("STATE_CONFLICT", True)
    with pytest.raises(MoveRefused, match="没有找到"):
        await desk.move("attach", "newbank", actor="王", data={"material": "mlps-report", "digest": digest})
    assert (await bank.put(PAPER)).status == 201
    assert (await bank.call("POST", "/v1/onboarding/attach", body)).status == 200
    assert (await bank.call("POST", "/v1/onboarding/attach", body)).status == 200
    assert [event.move for event in await desk.books.history("newbank")] == ["apply", "attach"]


async def test_an_applicant_is_bounded_by_the_day(both: Gateway, desk: OnboardingDesk) -> None:
    """Applying and withdrawing for ever ends with 429, which says when it may go on; its history ends there too."""
    bank = Caller(both, "newbank", "newbank")
    form = json.dumps(FORM, ensure_ascii=False).encode()
    for _ in range(30):
        assert (await bank.call("PUT", "/v1/onboarding", form)).status == 200
        assert (await bank.call("POST", "/v1/onboarding/withdraw")).status == 200
    refused = await bank.call("PUT", "/v1/onboarding", form)
    assert (refused.code, 0 < int(refused.headers["retry-after"]) <= DAY) == ("RATE_LIMITED", True)
    assert len(await desk.books.history("newbank")) == 60
    both.clock.advance(int(refused.headers["retry-after"]))
    assert (await bank.call("PUT", "/v1/onboarding", form)).status == 200


async def test_a_certificate_of_before_the_window_passes_nobody(both: Gateway, desk: OnboardingDesk) -> None:
    """What was tested in an earlier window counts for that one alone."""
    counter = Counter(desk=desk, parts=both.parts)
    public = both.keys["gateway"].public.to_pem().encode()
    early = certify(both, "newbank")
    await bring(desk, "newbank")
    both.clock.advance(60)
    await desk.sweep()
    with pytest.raises(CertificateInvalid, match="窗口开启之前"):
        await counter.check_certificate("newbank", early, public)
    await let_pass(both, "newbank")


async def test_a_certificate_that_ran_out_lets_nobody_go_live(both: Gateway, desk: OnboardingDesk) -> None:
    """It is verified once more for each of both operators; a renewed one goes in its place."""
    await bring(desk, "newbank")
    await desk.sweep()
    await let_pass(both, "newbank")
    await desk.move("go-live", "newbank", actor="王")
    both.clock.advance(181 * DAY)
    with pytest.raises(MoveRefused, match=r"上线所凭的证书无效.*到期"):
        await desk.move("go-live", "newbank", actor="李")
    counter = Counter(desk=desk, parts=both.parts)
    public = both.keys["gateway"].public.to_pem().encode()
    renewed = {"certificate": await counter.check_certificate("newbank", certify(both, "newbank"), public)}
    for actor in ("王", "李"):
        await desk.move("go-live", "newbank", actor=actor, data=renewed)
    assert await stages(desk) == {"newbank": "live"}


async def test_only_the_pinned_signer_counts(both: Gateway, desk: OnboardingDesk) -> None:
    """Where the settings name the sandbox's key, a certificate of another one is none, at the passing and after it."""
    await bring(desk, "newbank")
    await desk.sweep()
    pinned = replace(desk, signer=both.keys["platform"].public)
    counter = Counter(desk=pinned, parts=both.parts)
    public = both.keys["gateway"].public.to_pem().encode()
    with pytest.raises(CertificateInvalid, match="signer_key_file"):
        await counter.check_certificate("newbank", certify(both, "newbank"), public)
    with pytest.raises(MoveRefused, match="--public-key"):
        await Counter(desk=desk, parts=both.parts).check_certificate("newbank", certify(both, "newbank"), None)
    await let_pass(both, "newbank")
    with pytest.raises(MoveRefused, match="signer_key_file"):
        await pinned.move("go-live", "newbank", actor="王")


@pytest.mark.parametrize(
    ("standing", "told"), [(Standing.SUSPENDED, "已暂停，不能上线"), (Standing.LEAVING, "正在退出，不能上线")]
)
async def test_going_live_lifts_no_decision(standing: Standing, told: str, both: Gateway, desk: OnboardingDesk) -> None:
    """Whoever was suspended by a decision is restored by one, not by a test."""
    await bring(desk, "newbank")
    await desk.sweep()
    await let_pass(both, "newbank")
    await both.change("newbank", standing=standing)
    with pytest.raises(MoveRefused, match=told):
        await desk.move("go-live", "newbank", actor="王")


async def test_nobody_goes_live_who_is_not_registered(both: Gateway, desk: OnboardingDesk) -> None:
    """The first operator is told, before anything is proposed; so is who chose no institution's name."""
    await bring(desk, "stranger")
    await desk.sweep()
    await let_pass(both, "stranger")
    with pytest.raises(MoveRefused, match="wgg institution add"):
        await desk.move("go-live", "stranger", actor="王")
    for name in ("platform", "gateway", "A B"):
        with pytest.raises(MoveRefused, match="机构标识"):
            await desk.apply(name, DETAILS, actor="王")


async def test_a_stage_never_says_what_the_standing_does_not(both: Gateway, desk: OnboardingDesk) -> None:
    """An institution that was stopped otherwise is not restored by its application."""
    await bring(desk, "newbank")
    await desk.sweep()
    await let_pass(both, "newbank")
    for actor in ("王", "李"):
        await desk.move("go-live", "newbank", actor=actor)
    for actor in ("王", "李"):
        await desk.move("suspend", "newbank", actor=actor, data={"decision": DECISION})
    await both.change("newbank", standing=Standing.LEAVING)
    with pytest.raises(MoveRefused, match="正在退出，不能恢复"):
        await desk.move("restore", "newbank", actor="王", data={"decision": DECISION})
    for actor in ("王", "李"):
        await desk.move("exit", "newbank", actor=actor, data={"decision": DECISION})
    assert await stages(desk) == {"newbank": "terminated"}
    assert (await desk.books.history("newbank"))[-1].reason == f"{DECISION.number}；{DECISION.authority}"


async def test_persons_and_papers_go_with_their_term(both: Gateway, desk: OnboardingDesk) -> None:
    """The day's run empties the form of a withdrawn application and removes its papers; what happened stays told."""
    retainer = make_retainer(both.settings, both.store, both.clock, holder="test", log=both.log.info)
    assert (await Filer(both, "newbank", "newbank").put(PAPER)).status == 201
    await desk.apply("newbank", DETAILS, actor="王")
    data = {"material": "authorisation", "digest": sm3_hex(PAPER)}
    await desk.move("attach", "newbank", actor="王", data=data)
    await desk.move("withdraw", "newbank", actor="王")
    both.clock.advance(36 * 31 * DAY)
    assert (await retainer.plan()).purged["onboarding"] == 1
    for _ in range(2):
        for _ in range(6):
            await retainer.step()
        both.clock.advance(DAY)
    assert kept(both) == set()
    application = (await desk.books.registry()).applications["newbank"]
    assert show_application(application, None)["contact"]["name"] == "（保存期满，已清除）"
    assert [event.move for event in await desk.books.history("newbank")] == ["apply", "attach", "withdraw"]
    assert any(told["purged"].get("onboarding") == 1 for told in both.log.named("retention.purged"))
