"""Onboarding on real stores: recorded once, swept by anyone, with its clock, its standing and its API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.core.legal_clock import ClockState
from gateway.core.onboarding import MATERIALS, MoveRefused, Stage
from gateway.core.party import Standing
from gateway.core.standing import Decision
from gateway.flow.onboarding import OnboardingDesk
from gateway.ports import ClockQuery
from tests.harness.gateway import Gateway
from tests.onboarding.steps import DETAILS, DIGEST, FORM, bring, stages
from tests.protocol.caller import Caller

DAY = 86_400
"""Seconds."""

DECISION = Decision(number="厦人社〔2026〕1号", authority="厦门市人力资源和社会保障局")


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
    await desk.move("pass", "newbank", actor="王", data={"certificate": DIGEST})
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
    await desk.move("pass", "newbank", actor="王", data={"certificate": DIGEST})
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
    bank = Caller(both, "newbank", "newbank")

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
        assert (await call("POST", "/attach", {"material": material, "digest": DIGEST})).status == 200
    assert (await call("POST", "/complete")).code == "NOT_FOUND"
    assert (await call("POST", "/submit")).doc["stage"] == "submitted"
    shown = (await call("GET", "")).doc
    assert [event["move"] for event in shown["history"]][-1] == "submit"
    assert shown["contact"] == {"name": "张**", "phone": "138***0000"}
    assert (await Caller(both, "platform", "platform").call("PUT", "/v1/onboarding", b"{}")).code == "NOT_FOUND"
