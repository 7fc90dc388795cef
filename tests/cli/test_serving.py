from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, Wgg
from tests.harness.processes import wait_for

COMMAND = (sys.executable, "-c", "from gateway.cli import main; main()")
# Given up within half a second, so that a dead letter needs no waiting.
IMPATIENT = {"WGG_DELIVERY__GIVE_UP_HOURS": "0.0001", "WGG_DELIVERY__SCHEDULE_SECONDS": "[0.1]"}

Start = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a lasting command in a process of its own; gives it and the JSON that tells it is ready."""
    with ExitStack() as stack:

        def begin(*arguments: object, **env: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
            process = stack.enter_context(
                subprocess.Popen(
                    [*COMMAND, *map(str, arguments), "--json"],
                    env={**os.environ, **env},
                    cwd=Path(__file__).parents[2],
                    stdout=subprocess.PIPE,
                    stderr=stack.enter_context((tmp_path / f"{arguments[0]}.err").open("w")),
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process, _read_json(process)

        yield begin


def _read_json(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The first line that a process prints, within 30 s."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0], "not ready"
    return dict(json.loads(process.stdout.readline()))


def end(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=30)


def write_event(wgg: Wgg, path: Path, message_id: str, subject: str) -> Path:
    line = ("example", "guarantee.application.v1", "--recipient", "xmccb", "--subject", subject, "--id", message_id)
    path.write_text(wgg(*line).out, encoding="utf-8")
    return path


def send(wgg: Wgg, event: Path, url: str, keys: Path, *options: object, sender: str = "platform") -> Ended:
    return wgg("send", event, "--url", url, "--key", keys / f"{sender}.pem", "--sender-id", sender, *options)


def state(wgg: Wgg, message_id: str) -> str:
    return str(wgg("messages", "show", "platform", message_id, "--json").json["state"])


def test_a_message_is_sent_and_shown(
    wgg: Wgg, home: Path, tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server tells when it is ready; send prints the verified receipt, again for a repeat; SIGTERM ends with 0."""
    server, ready = start("serve", "--home", home, "--port", 0)
    event = write_event(wgg, tmp_path / "e.json", "m1", "DD1")
    pinned = ("--gateway-key", home / "keys/gateway.pub.pem")
    first = send(wgg, event, ready["url"], tmp_path, *pinned)
    assert first.code == 0, first.err
    assert first.err.strip().endswith("核验通过。")
    again = send(wgg, event, ready["url"], tmp_path)
    assert (again.code, again.out) == (0, first.out)
    assert "/v1/keys" not in again.err  # WGG_HOME names the gateway whose key is believed
    with monkeypatch.context() as elsewhere:
        elsewhere.delenv("WGG_HOME")
        assert "/v1/keys" in send(wgg, event, ready["url"], tmp_path).err
    refused = send(wgg, event, ready["url"], tmp_path, "--json", sender="xmccb")
    assert (refused.code, refused.json["code"]) == (3, "SOURCE_MISMATCH")
    stranger = send(wgg, event, ready["url"], tmp_path, sender="spare")
    assert (stranger.code, "KEY_UNKNOWN" in stranger.err, "未签名" in stranger.err) == (3, True, True)
    distrusted = send(wgg, event, ready["url"], tmp_path, "--gateway-key", tmp_path / "spare.pub.pem")
    assert (distrusted.code, "不可信" in distrusted.err) == (3, True)
    assert [row["id"] for row in wgg("messages", "list", "--json", "--recipient", "xmccb").json] == ["m1"]
    assert wgg("messages", "list", "--json", "--state", "failed").json == []
    assert end(server) == 0
    gone = send(wgg, event, ready["url"], tmp_path)
    assert (gone.code, "重发" in gone.err) == (7, True)


def test_a_broken_rule_and_the_clocks_are_told_to_people(wgg: Wgg, home: Path, tmp_path: Path, start: Start) -> None:
    """A refusal names the rule, what to correct and the legal basis; a clock its basis, and what is not verified."""
    server, ready = start("serve", "--home", home, "--port", 0)
    event = write_event(wgg, tmp_path / "e.json", "m1", "DD1")
    wrong = event.read_text(encoding="utf-8").replace("人民币壹佰万元整", "人民币壹佰万元", 1)
    (tmp_path / "wrong.json").write_text(wrong, encoding="utf-8")
    refused = send(wgg, tmp_path / "wrong.json", ready["url"], tmp_path)
    assert (refused.code, "RULE_VIOLATED" in refused.err) == (3, True)
    assert "（规则 words-equal-figures，依据：" in refused.err
    assert send(wgg, event, ready["url"], tmp_path).code == 0
    applied = wgg("example", "release.application.v1", "--subject", "AJ350200000000000001", "--id", "m2").out
    (tmp_path / "r.json").write_text(applied, encoding="utf-8")
    assert send(wgg, tmp_path / "r.json", ready["url"], tmp_path).code == 0
    assert end(server) == 0
    clocks = {row["rule"]: row["clockNo"] for row in wgg("sla", "list", "--json").json}
    sourced, guessed = (wgg("sla", "show", clocks[rule]).out for rule in ("issue", "release-review"))
    assert all(text in sourced for text in ("服务承诺书（XM）第 2 条", "所据日历：2026-"))
    assert "待核实" not in sourced
    assert ("65 号" in guessed, "待核实" in guessed) == (True, True)


def test_payloads_are_masked_and_unmasking_is_audited(wgg: Wgg, home: Path, tmp_path: Path, start: Start) -> None:
    """Showing hides phones and amounts; --unmask needs a reason and leaves an audit row."""
    server, ready = start("serve", "--home", home, "--port", 0)
    event = write_event(wgg, tmp_path / "e.json", "m1", "DD1")
    assert send(wgg, event, ready["url"], tmp_path).code == 0
    assert end(server) == 0
    whole = json.loads(event.read_bytes())
    masked = wgg("messages", "show", "platform", "m1", "--json").json["message"]
    assert masked["data"]["contractor"]["phone"] != whole["data"]["contractor"]["phone"]
    assert masked["data"]["project"]["contractAmount"]["fen"] == "***"
    assert masked["subject"] == "DD1"
    assert wgg("messages", "show", "platform", "m1").out.count("1380") == 0
    assert wgg("messages", "show", "platform", "m1", "--unmask").code == 2
    assert wgg("audit", "list", "--json", "--limit", 1).json[0]["action"] != "message.unmask"
    shown = wgg("messages", "show", "platform", "m1", "--unmask", "--reason", "核对", "--operator", "王五", "--json")
    assert shown.json["message"] == whole
    (row,) = wgg("audit", "list", "--json", "--limit", 1).json
    assert (row["actor"], row["action"], row["about"], row["reason"]) == (
        "王五",
        "message.unmask",
        "platform/m1",
        "核对",
    )
    assert wgg("messages", "show", "platform", "none").code == 5


def test_dead_letters_are_replayed_and_discarded(wgg: Wgg, home: Path, tmp_path: Path, start: Start) -> None:
    """A dead letter is listed, alerts, is replayed once and discarded once; a filter acts only when confirmed."""
    assert wgg("institution", "set", "xmccb", "--adapter", "native", "--endpoint", "http://127.0.0.1:9/").code == 0
    server, ready = start("serve", "--home", home, "--port", 0, **IMPATIENT)
    for message_id, subject in (("m1", "DD1"), ("m2", "DD2")):
        event = write_event(wgg, tmp_path / "e.json", message_id, subject)
        assert send(wgg, event, ready["url"], tmp_path).code == 0
    assert wait_for(lambda: {state(wgg, "m1"), state(wgg, "m2")} == {"failed"}, timeout=30)
    assert end(server) == 0
    newer, older = wgg("dead", "list", "--json", "--recipient", "xmccb").json
    assert (newer["id"], older["id"]) == ("m2", "m1")
    assert wgg("dead", "list", "--json", "--recipient", "other").json == []
    because = ("--reason", "对方已修复")
    assert wgg("dead", "replay", *because).code == 2
    assert wgg("dead", "replay", older["deliveryId"], "--recipient", "xmccb", *because).code == 2
    assert wgg("dead", "replay", "--recipient", "other", *because).code == 5
    preview = wgg("dead", "replay", "--recipient", "xmccb", *because)
    assert (preview.code, "m1" in preview.out, "--yes" in preview.err) == (2, True, True)
    assert state(wgg, "m1") == "failed"
    assert wgg("dead", "discard", older["deliveryId"], *because).code == 0
    assert wgg("dead", "discard", older["deliveryId"], *because).code == 3
    replayed = wgg("dead", "replay", "--recipient", "xmccb", "--yes", "--json", *because)
    assert replayed.code == 0, replayed.err
    assert replayed.json["chosen"] == [newer["deliveryId"]]
    assert wgg("dead", "replay", newer["deliveryId"], *because).code == 3
    alert = next(row for row in wgg("alerts", "list", "--json").json if row["code"] == "DEAD_LETTER")
    assert wgg("alerts", "close", alert["code"], alert["about"], "--reason", "已处理").code == 0
    assert wgg("alerts", "close", alert["code"], alert["about"], "--reason", "已处理").code == 5
    [closed] = wgg("alerts", "list", "--closed", "--json").json
    assert (closed["about"], closed["reason"]) == (alert["about"], "已处理")
    log = [row["action"] for row in wgg("audit", "list", "--json").json]
    assert {"dead.replay", "dead.discard", "alert.close"} <= set(log)


def test_simulated_counterparts_do_business(wgg: Wgg, home: Path, tmp_path: Path, start: Start) -> None:
    """A simulated bank receipts what it is pushed; a simulated platform pulls what the bank answers."""
    server, ready = start("serve", "--home", home, "--port", 0)
    pinned = ("--url", ready["url"], "--gateway-key", home / "keys/gateway.pub.pem")
    bank, listening = start(
        *("simulate", "institution", "--kind", "bank", "--id", "xmccb", "--key", tmp_path / "xmccb.pem", *pinned),
        *("--ledger", tmp_path / "bank.jsonl", "--port", 0),
    )
    channel = ("--adapter", "native", "--endpoint", f"{listening['url']}/wgg")
    assert wgg("institution", "set", "xmccb", *channel).code == 0
    assert wgg("institution", "check", "xmccb").code == 0
    platform, pulling = start(
        *("simulate", "platform", "--key", tmp_path / "platform.pem", *pinned),
        *("--ledger", tmp_path / "platform.jsonl"),
    )
    assert pulling == {"id": "platform", "url": None}
    event = write_event(wgg, tmp_path / "e.json", "m1", "DD1")
    assert send(wgg, event, ready["url"], tmp_path).code == 0
    assert wait_for(lambda: state(wgg, "m1") == "delivered", timeout=30)
    ledger = tmp_path / "platform.jsonl"
    assert wait_for(lambda: "order.status.v1" in ledger.read_text(), timeout=30)
    assert [end(process) for process in (platform, bank, server)] == [0, 0, 0]


def test_a_split_role_on_the_embedded_default_does_not_start(wgg: Wgg, home: Path) -> None:
    """Roles of their own need PostgreSQL and RabbitMQ: both fields are named."""
    ended = wgg("serve", "--role", "worker", "--port", 0)
    assert ended.code == 2
    assert "database" in ended.err
    assert "bus" in ended.err


# No server answers there: the gateway's key is looked at before any is asked.
APART = {"WGG_DATABASE": "postgresql://127.0.0.1:9/none", "WGG_BUS": "amqp://127.0.0.1:9/"}


@pytest.mark.parametrize(
    ("name", "mode", "role", "env"),
    [
        ("gateway.pem", 0o644, "all", {}),
        ("gateway.pem", 0o640, "all", {}),
        ("gateway.pem", 0o602, "all", {}),
        *(("gateway.pem", 0o644, role, APART) for role in ("api", "relay", "worker", "timers")),
        ("seal.key", 0o604, "all", {}),
    ],
)
def test_a_home_whose_keys_others_may_read_is_not_served(
    home: Path, name: str, mode: int, role: str, env: dict[str, str]
) -> None:
    """Whatever the role, the start ends with 4 and says how to close the file; nothing is told to be ready."""
    key = home / "keys" / name
    key.chmod(mode)
    done = subprocess.run(
        [*COMMAND, "serve", "--home", str(home), "--role", role, "--port", "0", "--json"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, f"chmod 600 {key}" in done.stderr, done.stdout) == (4, True, "")


def test_a_home_is_served_once(wgg: Wgg, home: Path, start: Start) -> None:
    """A second server on the same embedded home ends with 3 and says why."""
    server, _ = start("serve", "--home", home, "--port", 0)
    line = [*COMMAND, "serve", "--home", str(home), "--port", "0"]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, "已有进程" in ended.stderr) == (3, True)
    assert end(server) == 0
