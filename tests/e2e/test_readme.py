"""The README's first message, run as it stands: openssl and curl against a real gateway."""

from __future__ import annotations

import json
import os
import shlex
import subprocess

from tests.e2e.documents import ROOT, blocks, section
from tests.e2e.world import WGG, World, eventually, get
from tests.harness.packages import install_missing

TITLE = "A first message by hand"
LASTING = ("wgg serve", "wgg simulate")


def shell(world: World, script: str) -> str:
    """Run a script in an empty folder's shell; its output."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("WGG_")}
    env["PATH"] = f"{WGG.parent}:{env['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=world.folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_first_message_is_as_the_readme_says(empty: World) -> None:
    """The README's blocks in their order: 202, a receipt that openssl verifies, and the bank holds the very bytes."""
    install_missing("curl")
    text = section((ROOT / "README.md").read_text(encoding="utf-8"), TITLE).replace("8080", str(empty.port))
    steps = [block.text for block in blocks(text) if block.language == "sh"]
    setup, serve, bank, send, verify, compare, public = steps
    assert [step.startswith(LASTING) for step in steps] == [False, True, True, False, False, False, False]
    shell(empty, setup)
    empty.start(*shlex.split(serve)[1:])
    assert get(f"http://127.0.0.1:{empty.port}/readyz")[0] == 200
    empty.start(*shlex.split(bank)[1:])
    out = shell(empty, send + verify)
    assert out.startswith("HTTP/1.1 202 ")
    assert "Verified OK" in out
    (received,) = eventually(lambda: empty.ledger("xmccb", "received", id="first-1"), "the bank has it")
    assert received["body"].encode() == (empty.folder / "message.json").read_bytes()
    assert received["digest"] == json.loads((empty.folder / "receipt.json").read_bytes())["digest"]
    empty.await_state("platform", "first-1", "delivered")
    told = shell(empty, compare + public)
    assert "状态：delivered" in told
    assert '"result":"genuine"' in told
