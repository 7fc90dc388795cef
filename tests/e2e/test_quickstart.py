"""`wgg quickstart`: what it prints is run as it stands, with `sh`, `openssl` and `curl`."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request

import pytest

from tests.e2e.world import World


@pytest.mark.parametrize("kind", ["bank", "insurer", "guarantor"])
def test_the_printed_lines_are_accepted(empty: World, kind: str) -> None:
    """An institution of each kind answers its first order; the receipt's signature verifies; exit code 0."""
    where = empty.folder / "quick"
    other = empty.folder / "other"
    ended = empty.must("quickstart", "--dir", where, "--id", "mine", "--kind", kind, "--check", "--home", other)
    assert f"没有动用 {other}" in ended.err
    assert not other.exists()
    assert "Verified OK" in ended.err
    assert json.loads((where / "receipt.json").read_text())["status"] == "ACCEPTED"
    assert ended.out.strip() == (where / "first.sh").read_text(encoding="utf-8").strip()


def test_another_key_is_refused(empty: World) -> None:
    """The lines go through the real checks: another key than the institution's is refused. SIGTERM ends all."""
    where = empty.folder / "quick"
    started = empty.start("quickstart", "--dir", where)
    subprocess.run(["openssl", "genpkey", "-algorithm", "SM2", "-out", where / "mybank.pem"], check=True)
    script = where / "first.sh"
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert " 401 " in done.stdout.splitlines()[0]
    assert started.ready["script"] == str(script)
    assert started.end() == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{started.url}/healthz", timeout=5)
