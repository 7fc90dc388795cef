"""Every command stands in one of two tables: it changes something and leaves an audit row, or it changes nothing here.

Source: architecture point 12: an append-only row with actor and reason for every change by command, replay and discard;
domain section 7: unmasking goes to the audit log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import typer

from gateway.cli.application import build
from gateway.ports import Alert
from gateway.store import open_store
from tests.cli.conftest import Wgg
from tests.cli.test_dead import fill
from tests.store.builders import NOW

WHO = ("--operator", "王核")
WHY = ("--reason", "按工单处理")
BOTH = (*WHO, *WHY)
KEY = ("--public-key", "{tmp}/spare.pub.pem")

# In this order on one home: command → (the rest of the line, the action of its audit row). The bank's database holds
# three dead letters and one alert; `{tmp}` is the folder of the keys, `{serial}` the serial of the key added last.
CHANGES = {
    "db upgrade": (BOTH, "database.upgrade"),
    "institution add": (
        (*("--id", "xmic", "--kind", "insurer", "--name", "示例保险"), *KEY, "--adapter", "mailbox", *WHO),
        "party.add",
    ),
    "institution set": (("xmic", "--live", *WHO), "party.set"),
    "institution pause": (("xmccb", *BOTH), "party.pause"),
    "institution resume": (("xmccb", *BOTH), "party.resume"),
    "institution suspend": (("xmccb", *BOTH), "party.suspend"),
    "institution restore": (("xmccb", *BOTH), "party.restore"),
    "institution key add": (("xmccb", "--public-key", "{tmp}/other.pub.pem", *BOTH), "key.add"),
    "institution key retire": (("xmccb", "{serial}", *BOTH), "key.retired"),
    "institution key revoke": (("xmccb", "{serial}", *BOTH), "key.revoked"),
    "messages show": (("xmccb", "m0", "--unmask", *BOTH), "message.unmask"),
    "dead replay": (("1", *BOTH), "dead.replay"),
    "dead discard": (("2", *BOTH), "dead.discard"),
    "alerts close": (("DEAD_LETTER", "platform/m9", *BOTH), "alert.close"),
    "retention run": (BOTH, "retention.run"),
    "subject find": (("--phone", "13800000001", *BOTH), "subject.find"),
    "seal rotate": (BOTH, "seal.rotate"),
    "reconcile run": (BOTH, "reconciliation.run"),
    "institution stop": (("xmic", *BOTH), "party.stop"),
    "institution exit": (("xmccb", *BOTH), "party.exit"),
}

# These change nothing of a home: they look, or work on files, other parties' sides and homes of their own.
# `init` and `platform add` are done by the fixture and looked at there; demo and quickstart have homes of their own.
LOOKING = {
    "demo",
    "quickstart",
    "serve",
    "send",
    "sign",
    "verify",
    "example",
    "doctor",
    "keys generate",
    "institution list",
    "institution check",
    "messages list",
    "dead list",
    "alerts list",
    "audit list",
    "reconcile show",
    "calendar show",
    "calendar check",
    "calendar due",
    "deposit quote",
    "evidence status",
    "evidence verify",
    "onboarding list",
    "onboarding show",
    "sla list",
    "sla show",
    "seal status",
    "retention plan",
    "forms list",
    "report",
    "db check",
    "simulate institution",
    "simulate platform",
    "simulate defects",
    "conformance cases",
    "conformance judge",
    "conformance official",
    "conformance run",
    "conformance verify",
}
# Audited as well, and held to it by tests of their own: an export needs a case that is sealed into the chain, a
# printing a message with a form, and the moves of an onboarding are events with actor and reason besides.
MOVES = (
    *("apply", "attach", "submit", "check", "return", "complete", "open", "extend", "fail", "pass", "go-live"),
    *("fetch", "reinstate", "withdraw", "suspend", "restore", "terminate", "exit"),
)
ELSEWHERE = {"evidence export", "forms render", *(f"onboarding {verb}" for verb in MOVES)}
FOUNDING = {"init": "home.founded", "platform add": "party.add"}


def names(app: typer.Typer, path: str = "") -> Iterator[str]:
    """Every command by its whole name."""
    yield from (f"{path}{command.name}" for command in app.registered_commands)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from names(group.typer_instance, f"{path}{group.name} ")


def test_every_command_is_in_one_table() -> None:
    """A new command must say whether it changes something."""
    assert sorted(names(build())) == sorted([*CHANGES, *LOOKING, *ELSEWHERE, *FOUNDING])


async def _fill(url: str) -> None:
    await fill(url, [("xmccb", "HTTP_503")] * 3)
    store = open_store(url)
    await store.raise_alert(Alert(code="DEAD_LETTER", about="platform/m9", text="未能送达"), now=NOW)
    await store.close()


def test_every_change_is_audited_with_actor_and_reason(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """Each command of the table leaves one row more, with its action, who did it, and why."""
    asyncio.run(_fill(f"sqlite:///{home / 'gateway.db'}"))
    founded = [row["action"] for row in wgg("audit", "list", "--json").json]
    assert set(founded) == {*FOUNDING.values(), "seal.made"}
    serial = wgg("keys", "generate", tmp_path / "other.pem", "--json").json["serialNo"]
    rows = len(founded)
    for command, (rest, action) in CHANGES.items():
        line = [part.format(tmp=tmp_path, serial=serial) for part in rest]
        done = wgg(*command.split(), *line)
        assert done.code == 0, (command, done.err)
        newest, *older = wgg("audit", "list", "--json").json
        assert len(older) == rows, command
        rows += 1
        because = newest["reason"].endswith("按工单处理") or newest["reason"] in {"登记", "修改设置"}
        assert (newest["action"], newest["actor"], because) == (action, "王核", True), command


def test_a_missing_reason_is_told_as_such(wgg: Wgg, home: Path) -> None:
    """No row stands without a word on why: it says that none was given."""
    assert wgg("institution", "pause", "xmccb", *WHO).code == 0
    assert wgg("audit", "list", "--json").json[0]["reason"] == "未写明原因"
