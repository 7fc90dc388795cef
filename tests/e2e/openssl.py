"""What a stranger can check with the `openssl` command alone."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

USER_ID = "distid:1234567812345678"


def verifies(public_key: Path, signature: str, signed: bytes, folder: Path) -> bool:
    """Whether `openssl dgst -verify` accepts a Base64 DER signature over these bytes."""
    (folder / "openssl.sig").write_bytes(base64.b64decode(signature, validate=True))
    (folder / "openssl.signed").write_bytes(signed)
    line = ["openssl", "dgst", "-sm3", "-verify", str(public_key), "-sigopt", USER_ID]
    done = subprocess.run(
        [*line, "-signature", str(folder / "openssl.sig"), str(folder / "openssl.signed")],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0 and b"Verified OK" in done.stdout


def sm3_hex(data: bytes) -> str:
    """The digest as `openssl dgst -sm3` computes it."""
    done = subprocess.run(["openssl", "dgst", "-sm3", "-r"], input=data, capture_output=True, check=True)
    return done.stdout.split()[0].decode()


def receipt_signed_string(receipt: dict[str, Any]) -> bytes:
    """The signed string behind a receipt as commands show it: section 3 if it was pulled, else section 4."""
    head = f"{receipt['method']}\n{receipt['path']}\n" if receipt["method"] else ""
    return f"{head}{receipt['timestamp']}\n{receipt['nonce']}\n{receipt['body']}\n".encode()
