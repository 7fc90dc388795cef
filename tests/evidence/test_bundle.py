"""Bundles: exported from a home, verified without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.core.evidence.documents import encode
from gateway.evidence.packing import pack, unpack
from gateway.evidence.verification import verify_bundle
from gateway.ports import Missing
from tests.evidence.story import CASE, Exported, export, live
from tests.harness.gateway import Gateway
from tests.store.conftest import make_engine

WGG = (sys.executable, "-c", "from gateway.cli import main; main()")


def failed(path: Path, anchor: str | None = None) -> dict[str, list[tuple[str, str]]]:
    """The checks that do not hold, each with its faults."""
    report = verify_bundle(path, anchor=anchor)
    return {v.check: [(fault.file, fault.text) for fault in v.faults] for v in report.verdicts if not v.holds}


def withheld_evidence(path: Path) -> list[str]:
    """Why things of the chain are not there; documents that nobody put are told besides."""
    withheld = json.loads(unpack(path)["manifest.json"])["withheld"]
    return [reason for name, reason in withheld.items() if not name.startswith("files/")]


def test_a_bundle_verifies_without_a_home(exported: Exported, tmp_path: Path) -> None:
    """Every check holds, also from the gateway's first key, which was retired meanwhile."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(exported.data)
    assert failed(path) == {}
    assert failed(path, exported.key.serial_no) == {}


def test_a_bundle_holds_the_whole_case(exported: Exported, tmp_path: Path) -> None:
    """Messages, receipts, the refusal, every key with its history, the printed form; nothing of another case."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(exported.data)
    files = unpack(path)
    kinds = [name.removeprefix("leaves/").partition("-")[0] for name in files if name.startswith("leaves/")]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "clock": 2, "clockevent": 1, "key": 5, "message": 3, "receipt": 2, "refusal": 1,
    }  # fmt: skip
    assert not any(b"DD-2" in data for data in files.values())
    assert [name for name in files if name.startswith("forms/")] == ["forms/form-02-platform-n-1.html"]
    assert "存储通知书" in files["forms/form-02-platform-n-1.html"].decode()
    assert json.loads(files["manifest.json"])["subjects"] == {CASE: 1, "DD-1": 2}
    clocks = json.loads(files["manifest.json"])["clocks"]
    assert sorted(clocks.values()) == [0, 1]
    index = files["index.html"].decode()
    assert "期限“开立保函（保单）”" in index
    assert "第 1 次变动：办结，由 xmccb/s-1 引起" in index


def test_a_bundle_of_before_counts_no_clocks(exported: Exported, tmp_path: Path) -> None:
    """A manifest without clocks, as older gateways signed it, is read; only its signature is another's here."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(exported.data)
    files = unpack(path)
    manifest = json.loads(files["manifest.json"])
    del manifest["clocks"]
    path.write_bytes(pack({**files, "manifest.json": encode(manifest)}))
    assert {check: [file for file, _ in faults] for check, faults in failed(path).items()} == {
        "manifest": ["manifest.sig"]
    }


def test_the_command_verifies_where_there_is_no_home(exported: Exported, tmp_path: Path) -> None:
    """In an empty folder with an empty environment: exit 0, and 3 with the file named once a byte is changed."""
    good, bad, key = tmp_path / "good.zip", tmp_path / "bad.zip", tmp_path / "gateway.pub.pem"
    good.write_bytes(exported.data)
    key.write_text(exported.key.public.to_pem())
    files = unpack(good)
    name = next(name for name in files if name.startswith("receipts/"))
    bad.write_bytes(pack({**files, name: files[name].replace(b"ACCEPTED", b"ACCEPTEd")}))
    assert run(tmp_path, good, "--gateway-key", key).returncode == 0
    told = run(tmp_path, bad, "--json")
    assert told.returncode == 3
    faults = [fault["file"] for check in json.loads(told.stdout)["checks"] for fault in check["faults"]]
    assert name in faults


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`wgg evidence verify` from another folder."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"}
    line = [*WGG, "evidence", "verify", *map(str, arguments)]
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


async def test_the_same_content_gives_the_same_bytes(gateway: Gateway) -> None:
    """However often it is exported, and though each export is written up and sealed in between."""
    await live(gateway)
    first = await export(gateway)
    gateway.clock.advance(60)
    assert await export(gateway) == first
    audits = [audit.action for _, audit in await gateway.store.audits(limit=10)]
    assert audits.count("evidence.export") == 2


@pytest.mark.parametrize(
    ("kind", "value", "subjects"),
    [
        ("order", "DD-2", {"DD-2": 1}),
        ("message", "platform/a-DD-1", {}),
        ("message", "xmccb/s-1", {}),
    ],
)
async def test_what_may_be_exported(
    kind: str, value: str, subjects: dict[str, int], gateway: Gateway, tmp_path: Path
) -> None:
    """An order, or one message with its receipt."""
    await live(gateway)
    path = tmp_path / "bundle.zip"
    path.write_bytes(await export(gateway, kind, value))
    assert failed(path) == {}
    assert json.loads(unpack(path)["manifest.json"])["subjects"] == subjects


@pytest.mark.parametrize(("kind", "value"), [("order", "X"), ("case", "X"), ("guarantee", "X"), ("message", "x/y")])
async def test_what_is_not_there_is_not_exported(kind: str, value: str, gateway: Gateway) -> None:
    """Missing, and nothing written."""
    with pytest.raises(Missing):
        await export(gateway, kind, value)


async def test_what_the_database_changed_is_told(gateway: Gateway, tmp_path: Path) -> None:
    """A row altered behind the chain's back is not passed off as evidence: the bundle says that it differs."""
    await live(gateway)
    engine = make_engine(gateway.settings.database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE messages SET type = 'order.status.v2' WHERE id = 's-1'"))
    engine.dispose()
    path = tmp_path / "bundle.zip"
    path.write_bytes(await export(gateway))
    assert withheld_evidence(path) == ["数据库中的内容与存证链上的摘要不符"]
    assert "completeness" in failed(path)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE clock_events SET ended_by = 'picc/s-9'", "数据库中的内容与存证链上的摘要不符"),
        ("UPDATE clocks SET set_due_at = 1", "数据库中的内容与存证链上的摘要不符"),
        ("DELETE FROM clock_events", "数据库中已没有这一事项，存证链上仍有其摘要"),
        ("DELETE FROM receipts", "数据库中已没有这一事项，存证链上仍有其摘要"),
    ],
)
async def test_what_was_done_to_the_database_is_named(
    statement: str, told: str, gateway: Gateway, tmp_path: Path
) -> None:
    """Changed or deleted rows leave their hashes: the bundle names each, and does not hold."""
    await live(gateway)
    engine = make_engine(gateway.settings.database)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    path = tmp_path / "bundle.zip"
    path.write_bytes(await export(gateway))
    faults = failed(path)["proofs"]
    assert faults
    assert {text for _, text in faults} == {told}
    assert set(withheld_evidence(path)) == {told}


async def test_what_was_purged_still_verifies(gateway: Gateway, tmp_path: Path) -> None:
    """Bodies that retention took are told as withheld; the chain still proves their digests."""
    await live(gateway)
    engine = make_engine(gateway.settings.database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE messages SET body = :empty WHERE id = 's-1'"), {"empty": b""})
    engine.dispose()
    path = tmp_path / "bundle.zip"
    path.write_bytes(await export(gateway))
    assert failed(path) == {}
    assert withheld_evidence(path) == ["已按保存期限清除，只留摘要"]
