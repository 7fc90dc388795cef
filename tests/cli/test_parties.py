from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, Wgg


def party(wgg: Wgg, party_id: str) -> dict[str, Any]:
    rows = {row["id"]: row for row in wgg("institution", "list", "--json").json}
    return rows[party_id]


def actions(wgg: Wgg) -> list[tuple[str, str, str, str]]:
    return [(row["actor"], row["action"], row["about"], row["reason"]) for row in wgg("audit", "list", "--json").json]


def add(wgg: Wgg, key: Path, *options: object, party_id: str = "xmic") -> Ended:
    return wgg(
        *("institution", "add", "--id", party_id, "--kind", "insurer", "--name", "示例保险", "--public-key", key),
        *options,
    )


def test_an_institution_is_registered(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """A new institution stands in the list with its key and is not live until it is told so."""
    added = add(wgg, tmp_path / "spare.pub.pem", "--endpoint", "http://127.0.0.1:9000/wgg", "--json")
    assert added.code == 0, added.err
    shown = party(wgg, "xmic")
    assert added.json == shown
    assert (shown["kind"], shown["standing"], shown["adapter"], shown["endpoint"]) == (
        "insurer",
        "registered",
        "native",
        "http://127.0.0.1:9000/wgg",
    )
    assert [key["status"] for key in shown["keys"]] == ["active"]
    assert wgg("institution", "set", "xmic", "--live").code == 0
    assert party(wgg, "xmic")["standing"] == "live"
    assert wgg("institution", "set", "xmic", "--live").code == 3


@pytest.mark.parametrize("party_id", ["platform", "gateway", "X", "a", "9bank", "a_b", "a" * 33])
def test_reserved_and_ill_formed_ids_are_refused(wgg: Wgg, home: Path, tmp_path: Path, party_id: str) -> None:
    """Reserved ids and other forms than protocol section 1's are usage faults."""
    assert add(wgg, tmp_path / "spare.pub.pem", "--adapter", "mailbox", party_id=party_id).code == 2


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--endpoint", "ftp://h/"],
        ["--adapter", "mailbox", "--endpoint", "http://127.0.0.1/"],
        ["--adapter", "fax", "--endpoint", "http://127.0.0.1/"],
    ],
)
def test_a_channel_must_fit(wgg: Wgg, home: Path, tmp_path: Path, options: list[str]) -> None:
    """A pushing adapter needs an http(s) endpoint, the mailbox none, and the adapter must be installed."""
    assert add(wgg, tmp_path / "spare.pub.pem", *options).code == 2
    assert len(wgg("institution", "list", "--json").json) == 3


def test_ids_and_keys_are_registered_once(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """The same id or the same key again ends with 3 and changes nothing; the key's owner is named."""
    again = add(wgg, tmp_path / "spare.pub.pem", "--adapter", "mailbox", party_id="xmccb")
    assert again.code == 3
    twice = add(wgg, tmp_path / "xmccb.pub.pem", "--adapter", "mailbox")
    assert (twice.code, "xmccb" in twice.err) == (3, True)
    assert wgg("institution", "key", "add", "platform", "--public-key", tmp_path / "xmccb.pub.pem").code == 3
    assert wgg("platform", "add", "--public-key", tmp_path / "spare.pub.pem").code == 3


def test_a_key_file_must_be_a_public_key(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """A private key, a missing file and other text are refused with the file's name."""
    assert add(wgg, tmp_path / "spare.pem", "--adapter", "mailbox").code == 2
    assert add(wgg, tmp_path / "none.pem", "--adapter", "mailbox").code == 5
    ended = add(wgg, home / "gateway.yaml", "--adapter", "mailbox")
    assert (ended.code, "gateway.yaml" in ended.err) == (2, True)


def test_keys_rotate(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """A second key joins the first, the old one is retired, a lost one revoked; unknown ones end with 5."""
    old = party(wgg, "xmccb")["keys"][0]["serialNo"]
    added = wgg(
        *("institution", "key", "add", "xmccb", "--public-key", tmp_path / "spare.pub.pem", "--json"),
        *("--not-after", "2099-01-01T00:00:00+08:00"),
    )
    assert added.code == 0, added.err
    new = added.json["serialNo"]
    assert added.json["notAfter"] == "2099-01-01T00:00:00.000000+08:00"
    assert wgg("institution", "key", "retire", "xmccb", old).code == 0
    assert wgg("institution", "key", "revoke", "xmccb", new).code == 2
    assert wgg("institution", "key", "revoke", "xmccb", new, "--reason", "泄露").code == 0
    assert {key["serialNo"]: key["status"] for key in party(wgg, "xmccb")["keys"]} == {old: "retired", new: "revoked"}
    assert wgg("institution", "key", "retire", "platform", old).code == 5
    assert wgg("institution", "key", "add", "nobody", "--public-key", tmp_path / "spare.pub.pem").code == 5


@pytest.mark.parametrize(("owner", "late"), [("platform", [1, 6]), ("xmccb", [])])
def test_a_key_that_all_must_learn_is_registered_a_week_ahead(
    wgg: Wgg, home: Path, tmp_path: Path, owner: str, late: list[int]
) -> None:
    """`next` is listed 7 days before use (protocol section 3); later is allowed, for a key that was lost, and told."""
    told = []
    for days in (1, 6, 8):
        wgg("keys", "generate", tmp_path / f"next{days}.pem")
        instant = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        named = ("--public-key", tmp_path / f"next{days}.pub.pem", "--not-before", instant)
        added = wgg("institution", "key", "add", owner, *named)
        assert added.code == 0, added.err
        told += [days] * ("不足 7 天" in added.err)
    assert told == late


@pytest.mark.parametrize(
    "options",
    [["--not-before", "tomorrow"], ["--not-after", "2001-01-01T00:00:00+08:00"]],
)
def test_validities_are_checked(wgg: Wgg, home: Path, tmp_path: Path, options: list[str]) -> None:
    """A key's instants are RFC 3339 and end in the future."""
    ended = wgg("institution", "key", "add", "xmccb", "--public-key", tmp_path / "spare.pub.pem", *options)
    assert (ended.code, options[0] in ended.err or "--not-after" in ended.err) == (2, True)


def test_settings_change_by_option_and_by_file(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """Name, adapter and endpoint are changed by options, the link by a file that is checked whole."""
    ended = wgg("institution", "set", "xmccb", "--adapter", "native", "--json")
    assert (ended.code, "--endpoint" in ended.err) == (2, True)
    assert wgg("institution", "set", "xmccb").code == 2
    assert wgg("institution", "set", "nobody", "--name", "n").code == 5
    changed = wgg(
        *("institution", "set", "xmccb", "--adapter", "native", "--endpoint", "http://127.0.0.1:9/", "--json"),
        *("--name", "新名称"),
    )
    assert (changed.json["adapter"], changed.json["name"]) == ("native", "新名称")
    link = tmp_path / "link.yaml"
    link.write_text("concurrency: 0\nca_file: none.pem\n")
    wrong = wgg("institution", "set", "xmccb", "--file", link)
    assert wrong.code == 2
    assert all(field in wrong.err for field in ("concurrency", "ca_file", str(link)))
    link.write_text("concurrency: 3\n")
    assert wgg("institution", "set", "xmccb", "--file", link).code == 0


def test_delivery_is_paused_and_business_suspended(wgg: Wgg, home: Path) -> None:
    """Each move changes what the list shows, needs its ground, fits the standing, and is audited with its actor."""
    assert wgg("institution", "pause", "xmccb", "--reason", "对方升级", "--operator", "张三").code == 0
    assert party(wgg, "xmccb")["paused"] is True
    assert wgg("institution", "resume", "xmccb").code == 0
    assert party(wgg, "xmccb")["paused"] is False
    assert wgg("institution", "restore", "xmccb", "--decision", "x").code == 3
    assert wgg("institution", "suspend", "xmccb", "--decision", "厦人社〔2026〕1号", "--operator", "李四").code == 0
    assert party(wgg, "xmccb")["standing"] == "suspended"
    assert wgg("institution", "suspend", "xmccb", "--reason", "x").code == 3
    assert wgg("institution", "suspend", "platform", "--reason", "x").code == 3
    assert wgg("institution", "restore", "xmccb", "--reason", "整改完成").code == 0
    assert party(wgg, "xmccb")["standing"] == "live"
    log = actions(wgg)
    assert ("张三", "party.pause", "xmccb", "对方升级") in log
    assert ("李四", "party.suspend", "xmccb", "厦人社〔2026〕1号；主管人社部门") in log
    assert log[0][1] == "party.restore"


def test_a_decision_is_told_to_both_sides(wgg: Wgg, home: Path) -> None:
    """Platform and institution get it as given; one that leaves cannot be restored; what fits no form is refused."""
    because = ("--decision", "厦人社〔2026〕2号", "--authority", "厦门市人力资源和社会保障局", "--region", "350200")
    for wrong in (("--region", "3502"), ("--decision", "号" * 65), ("--authority", "第一行\n第二行")):
        assert wgg("institution", "stop", "xmccb", *wrong).code == 2
    assert wgg("institution", "exit", "xmccb", *because, "--reason", "业务调整").code == 0
    assert party(wgg, "xmccb")["standing"] == "leaving"
    assert wgg("institution", "restore", "xmccb", *because).code == 3
    told = wgg("messages", "list", "--type", "institution.standing.v1", "--json").json
    assert {row["recipient"] for row in told} == {"platform", "xmccb"}


@pytest.mark.parametrize(
    "line",
    [
        ("institution", "suspend", "xmccb", "--reason", "x"),
        ("evidence", "export", "--order", "DD-1", "-o", "nowhere/bundle.zip"),
        ("conformance", "official", "--id", "xmccb"),
    ],
)
def test_no_command_signs_with_a_key_that_others_may_read(wgg: Wgg, home: Path, line: tuple[str, ...]) -> None:
    """What the gateway would have to sign is not done: 4, and how to close the file."""
    (home / "keys/gateway.pem").chmod(0o640)
    ended = wgg(*line)
    assert (ended.code, "chmod 600" in ended.err) == (4, True), ended.err
    assert party(wgg, "xmccb")["standing"] == "live"


def test_check_looks_at_keys_files_and_the_way(wgg: Wgg, home: Path, tmp_path: Path) -> None:
    """An institution that could not be delivered to now fails its check with 3; one on the mailbox needs no way."""
    assert wgg("institution", "check", "xmccb").code == 0
    assert wgg("institution", "check", "nobody").code == 5
    assert add(wgg, tmp_path / "spare.pub.pem", "--endpoint", "http://127.0.0.1:9/").code == 0
    wgg("institution", "pause", "xmic")
    ended = wgg("institution", "check", "xmic", "--json")
    assert ended.code == 3
    assert {row["check"]: row["ok"] for row in ended.json} == {"公钥": True, "投递": False, "连通": False}


def test_a_standing_changes_in_production_only_by_a_decision(wgg: Wgg, tmp_path: Path) -> None:
    """A production home asks for the authority's decision before it suspends or restores; a sandbox may try it out."""
    home = tmp_path / "production"
    assert wgg("init", home, "--production").code == 0
    for command in ("suspend", "restore", "stop", "exit"):
        ended = wgg("institution", command, "xmccb", "--home", home)
        assert (ended.code, "--decision" in ended.err) == (2, True)
