"""`wgg subject find`: listed without being shown, and audited without being named."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from gateway.bootstrap import open_home_store
from gateway.config import load_settings
from tests.cli.conftest import Wgg, home, wgg
from tests.onboarding.steps import FORM
from tests.store.builders import make_item, make_message

__all__ = ["home", "wgg"]
BODY = b'{"data":{"payees":[{"phone":"138-0000-0001"}]}}'


async def _fill(home: Path) -> None:
    async with open_home_store(load_settings(home, {})) as store:
        held = make_message("m1", type="payment.notice.v1", body=BODY)
        await store.accept([make_item(held), make_item(make_message("m2", subject="S2", body=b'{"data":{}}'))])


def test_a_persons_data_is_listed_and_not_shown(wgg: Wgg, home: Path) -> None:
    """Message and place are told, of a sealed body too; the number is masked, also in the audit log."""
    asyncio.run(_fill(home))
    found = wgg("subject", "find", "--phone", "13800000001", "--reason", "本人申请查阅", "--json")
    assert found.code == 0, found.err
    assert found.json["number"] == "138***0001"
    assert [(each["id"], each["places"]) for each in found.json["messages"]] == [("m1", ["/data/payees/0/phone"])]
    table = wgg("subject", "find", "--phone", "13800000001", "--reason", "本人申请查阅")
    assert ("/data/payees/0/phone" in table.out, "共见于 1 份报文、0 份对接申请表" in table.err) == (True, True)
    first, second = (row for row in wgg("audit", "list", "--json").json if row["action"] == "subject.find")
    assert first["about"] == second["about"]
    assert first["about"].startswith("phone 138***0001 ")
    assert first["reason"] == "本人申请查阅"


def test_persons_of_application_forms_are_found(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """By phone and by name, in forms that were replaced too; nothing of them is shown but the place."""
    form = tmp_path / "form.json"
    for phone in ("138 0000 0007", "13800000008"):
        filled = {**FORM, "contact": {"name": "赵六", "phone": phone}}
        form.write_text(json.dumps(filled, ensure_ascii=False), encoding="utf-8")
        assert wgg("onboarding", "apply", "nova", "--form", form).code == 0
    found = wgg("subject", "find", "--phone", "13800000007", "--reason", "本人申请查阅", "--json")
    (shown,) = found.json["applications"]
    assert (shown["institution"], shown["event"], shown["places"]) == ("nova", 1, ["/contact/phone"])
    named = wgg("subject", "find", "--name", "赵六", "--reason", "本人申请查阅", "--json")
    assert [each["event"] for each in named.json["applications"]] == [1, 2]
    assert (named.json["number"], "赵六" in named.out + wgg("audit", "list").out) == ("赵**", False)


def test_a_search_needs_one_number_and_a_reason(wgg: Wgg, home: Path) -> None:
    """Nothing is looked for without saying whom and why."""
    assert wgg("subject", "find", "--phone", "13800000001").code == 2
    assert wgg("subject", "find", "--reason", "x").code == 2
    assert wgg("subject", "find", "--phone", "1", "--account", "2", "--reason", "x").code == 2
    assert wgg("subject", "find", "--phone", "138", "--reason", "x").code == 2
