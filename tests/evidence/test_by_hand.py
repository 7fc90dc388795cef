"""The way by hand in docs/evidence.md, run as it stands there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.evidence.packing import pack, unpack
from tests.evidence.story import Exported

GUIDE = Path(__file__).parents[2] / "docs" / "evidence.md"


def follow(folder: Path, data: bytes, key: str) -> subprocess.CompletedProcess[str]:
    """Run the guide's script over a bundle."""
    (script,) = re.findall(r"```sh\nunzip \S+ \S+ \S+ \S+ && (.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    folder.mkdir()
    (folder / "evidence.zip").write_bytes(data)
    for name, content in unpack(folder / "evidence.zip").items():
        (folder / "evidence" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "evidence" / name).write_bytes(content)
    (folder / "gateway.pem").write_text(key)
    env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "KEY": str(folder / "gateway.pem"), "LANG": "C.UTF-8"}
    line = ["bash", "-c", script]
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600)


def test_a_bundle_is_checked_with_openssl_alone(exported: Exported, tmp_path: Path) -> None:
    """Every step of the guide holds for a good bundle."""
    done = follow(tmp_path / "good", exported.data, exported.key.public.to_pem())
    assert done.stdout.splitlines()[-1:] == ["all holds"], done.stdout + done.stderr


@pytest.mark.parametrize(("prefix", "told"), [("receipts/", "changed: receipts/"), ("manifest.sig", "bad signature")])
def test_a_changed_bundle_fails_by_hand_too(prefix: str, told: str, exported: Exported, tmp_path: Path) -> None:
    """The script names the file."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(exported.data)
    files = unpack(path)
    name = next(name for name in sorted(files) if name.startswith(prefix))
    changed = files[name].replace(b"ACCEPTED", b"accepted") if prefix == "receipts/" else files["blocks/1.sig"]
    done = follow(tmp_path / "bad", pack({**files, name: changed}), exported.key.public.to_pem())
    assert done.returncode == 1
    assert told in done.stdout
