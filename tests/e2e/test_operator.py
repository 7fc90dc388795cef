"""What operators do while the gateway runs, and what it refuses to start with."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

from gateway.core.wire.authorization import format_authorization
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import new_nonce, sign_request
from tests.e2e.documents import ROOT, blocks, section
from tests.e2e.world import APPLICATION, WGG, World, eventually, get, post

PROMISED = 2.0
"""Seconds in which a running server takes over what a command changed (architecture point 8)."""


def test_a_faulty_settings_file_stops_the_start(world: World) -> None:
    """Every mistake is named at once by file and field, with what to write; exit code 2, no traceback."""
    file = world.home / "gateway.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in (
        ("port: 8080", "port: eighty"),
        ("bus: local", "bus: kafka://broker"),
        ("give_up_hours: 72", "give_up_hour: 72"),
        ("batch: ", "batch: 0 #"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")
    ended = world.wgg("serve", "--port", 0)
    assert ended.code == 2
    for place in ("listen.port", "bus", "delivery.give_up_hour", "limits.batch"):
        assert f"{file}：{place}：" in ended.err
    assert "give_up_hours" in ended.err  # the name that was meant
    assert "Traceback" not in ended.err
    assert world.wgg("doctor").code == 3


def test_another_schema_version_is_refused(world: World) -> None:
    """A database of another version is neither served nor passed by db check and doctor; db upgrade is named."""
    with sqlite3.connect(world.home / "gateway.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0000_older'")
    database.close()
    for line in (("serve", "--port", 0), ("db", "check"), ("doctor",)):
        ended = world.wgg(*line)
        assert ended.code == 3
        assert "wgg db upgrade" in ended.err + ended.out


def test_doctor_says_whether_a_home_is_sound(world: World) -> None:
    """0 for a sound home and for a host with SM2; 3 where a check fails, naming it; the key's mode counts."""
    sound = world.wgg("doctor", "--json")
    assert (sound.code, {row["ok"] for row in sound.json}) == (0, {True})
    (world.home / "keys/gateway.pem").chmod(0o644)
    faulty = world.wgg("doctor", "--json")
    assert faulty.code == 3
    assert "网关密钥" in [row["check"] for row in faulty.json if not row["ok"]]
    broken = world.wgg("doctor", "--json", WGG_BUS="amqp://127.0.0.1:9/")
    assert (broken.code, next(row["ok"] for row in broken.json if row["check"] == "总线")) == (3, False)


def test_commands_reach_a_running_server(world: World) -> None:
    """Suspended, an institution gets no new application; restored, it does; a revoked key signs nothing more. Each
    takes hold within two seconds of the command.
    """
    server = world.serve()
    template = world.write(APPLICATION, "m1", "DD1").read_text(encoding="utf-8")
    platform = PrivateKey.from_pem((world.folder / "platform.pem").read_bytes())
    numbers = itertools.count()

    def answer() -> str:
        name = f"m1-{next(numbers)}"
        body = template.replace('"DD1"', f'"DD-{name}"').replace('"m1"', f'"{name}"').encode()
        return ask(platform, server.url, body)

    def becomes(code: str) -> None:
        eventually(lambda: answer() == code, code, within=PROMISED)

    assert answer() == "ACCEPTED"
    because = ("--decision", "厦人社〔2026〕1号")
    world.must("institution", "suspend", "xmccb", *because)
    becomes("INSTITUTION_SUSPENDED")
    world.must("institution", "restore", "xmccb", *because)
    becomes("ACCEPTED")
    world.must("institution", "key", "revoke", "platform", platform.public.serial_no, "--reason", "私钥泄露")
    becomes("KEY_NOT_ACTIVE")
    metrics = get(f"{server.url}/metrics")[1].decode()
    for line in (
        "wgg_ready 1.0",
        "wgg_bus_connected 1.0",
        'wgg_build_info{deployment="e2e",version="',
        'wgg_key_expires_in_seconds{owner="xmccb",serial_no="',
        'wgg_accept_outcomes_total{code="INSTITUTION_SUSPENDED"}',
    ):
        assert f"\n{line}" in metrics
    assert platform.public.serial_no not in metrics
    assert server.end() == 0
    actions = [row["action"] for row in json.loads(world.must("audit", "list", "--json").out)]
    assert actions[:3] == ["key.revoked", "party.restore", "party.suspend"]


def test_the_gateways_key_is_rotated_as_the_guide_says(world: World) -> None:
    """The new key is registered, put in place and signs after a restart; the old one is retired and stays listed; a
    repeated message earns its old receipt under a signature of the new key.
    """
    server = world.serve()
    event = world.write(APPLICATION, "m1", "DD1")
    receipt = world.send(server.url, event).out
    new = world.folder / "next.pem"
    world.must("keys", "generate", new)
    added = world.must("institution", "key", "add", "gateway", "--public-key", new.with_suffix(".pub.pem"), "--json")
    assert server.end() == 0
    keys = world.home / "keys"
    old = PrivateKey.from_pem((keys / "gateway.pem").read_bytes()).public.serial_no
    for suffix in (".pem", ".pub.pem"):
        new.with_suffix(suffix).replace(keys / f"gateway{suffix}")
    server = world.serve()
    world.must("institution", "key", "retire", "gateway", old)
    again = world.send(server.url, event)
    assert (again.code, again.out) == (0, receipt)

    def listed() -> dict[str, str]:
        found = json.loads(get(f"{server.url}/v1/keys")[1])["keys"]
        return {key["serialNo"]: key["status"] for key in found if key["ownerId"] == "gateway"}

    wanted = {added.json["serialNo"]: "active", old: "retired"}
    eventually(lambda: listed() == wanted, "the old key is listed as retired", within=PROMISED)
    world.must("doctor")
    assert server.end() == 0


def test_a_home_is_backed_up_and_restored_as_the_guide_says(world: World) -> None:
    """The guide's lines for SQLite, run while the server accepts: the restored home passes its checks, serves, and
    holds everything that was accepted before the backup.
    """
    guide = section((ROOT / "docs/operating.md").read_text(encoding="utf-8"), "Backup and restore")
    backup, restore = (block.text for block in blocks(guide) if "gateway.db" in block.text)
    server = world.serve()
    receipts = {}
    for name in ("m1", "m2"):
        event = world.write(APPLICATION, name, f"DD-{name}")
        receipts[event] = world.send(server.url, event).out
    _shell(world.folder, backup)
    late = world.write(APPLICATION, "late", "DD-late")
    assert world.send(server.url, late).code == 0
    server.kill()
    restored = world.folder / "restored"
    _shell(world.folder, restore)
    server = world.start("serve", "--home", restored, "--port", world.port)
    for event, receipt in receipts.items():
        again = world.send(server.url, event)
        assert (again.code, again.out) == (0, receipt)
    assert "此前已受理" not in world.send(server.url, late).err
    assert server.end() == 0


def ask(private: PrivateKey, url: str, body: bytes) -> str:
    """The status or the code that the gateway answers to a message of the platform."""
    authorization = sign_request(
        private,
        sender_id="platform",
        method="POST",
        target="/v1/messages",
        timestamp=int(time.time()),
        nonce=new_nonce(),
        body=body,
    )
    headers = {"Authorization": format_authorization(authorization), "Content-Type": "application/json"}
    answer = json.loads(post(f"{url}/v1/messages", body, headers)[1])
    return str(answer.get("status") or answer["code"])


def _shell(folder: Path, script: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("WGG_")}
    env["PATH"] = f"{WGG.parent}:{env['PATH']}"
    done = subprocess.run(["sh", "-euc", script], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
