"""`wgg onboarding …` as operators run it: from the form to the queue, each move with its audit row."""

from __future__ import annotations

import json
import stat

import pytest

from gateway.core.onboarding import MATERIALS
from tests.e2e.conftest import founded, world
from tests.e2e.world import World
from tests.onboarding.steps import FORM

__all__ = ["founded", "world"]


def look_at_a_paper(world: World) -> None:
    """It comes out as it went in, for its owner's eyes, into a file of its own; that is audited."""
    out = world.folder / "fetched.pdf"
    fetch = ("onboarding", "fetch", "nova", "--material", "authorisation", "--out", out, "--operator", "甲")
    world.must(*fetch)
    assert (out.read_bytes(), stat.S_IMODE(out.stat().st_mode)) == (b"paper", 0o600)
    assert world.wgg(*fetch).code == 3
    assert world.wgg("onboarding", "fetch", "nova", "--material", "passport", "--out", "x").code == 3
    (row,) = (row for row in world.must("audit", "list", "--json").json if row["action"] == "onboarding.fetch")
    assert (row["actor"], row["about"]) == ("甲", "nova 授权委托书及被委托人身份证件")


@pytest.mark.usefixtures("founded")
def test_from_the_form_to_the_window(world: World) -> None:
    """Form, six papers, submission, window, extension, failure; a wrong move ends with 3; all are in the audit log."""
    form = world.folder / "form.json"
    form.write_text(json.dumps(FORM, ensure_ascii=False), encoding="utf-8")
    paper = world.folder / "paper.pdf"
    paper.write_bytes(b"paper")
    first = world.must("onboarding", "apply", "nova", "--form", form, "--json").json
    assert (first["stage"], first["contact"]["phone"]) == ("draft", "138***0000")
    refused = world.wgg("onboarding", "submit", "nova")
    assert (refused.code, "营业执照" in refused.err) == (3, True)
    for material in MATERIALS:
        world.must("onboarding", "attach", "nova", "--material", material, "--file", paper)
    world.must("onboarding", "submit", "nova", "--operator", "甲")
    look_at_a_paper(world)
    for material in MATERIALS:
        world.must("onboarding", "check", "nova", "--material", material)
    for move in ("complete", "open"):
        world.must("onboarding", move, "nova")
    assert world.must("onboarding", "extend", "nova", "--days", 1, "--reason", "沙箱停机", "--json").json["windowDue"]
    world.must("onboarding", "fail", "nova", "--reason", "验签失败")
    (listed,) = world.must("onboarding", "list", "--json").json
    assert (listed["stage"], listed["position"], listed["attempts"]) == ("queued", 1, 1)
    history = world.must("onboarding", "show", "nova", "--json").json["history"]
    assert [event["move"] for event in history][-4:] == ["queue", "open", "extend", "fail"]
    told = [event["detail"] for event in history]
    assert (told[:3], told[-2].startswith("至 2")) == (["", *list(MATERIALS.values())[:2]], True)
    audits = {row["action"]: row for row in world.must("audit", "list", "--json").json}
    assert audits["onboarding.fail"]["reason"] == "验签失败"
    assert (audits["onboarding.submit"]["actor"], audits["onboarding.submit"]["reason"]) == ("甲", "未写明原因")
