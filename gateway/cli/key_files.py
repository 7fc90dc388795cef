"""Key files: made once, never overwritten, readable by their owner only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.exits import USAGE, Failure

if TYPE_CHECKING:
    from gateway.crypto.keys import PrivateKey, PublicKey

_SECRET: Final = 0o600


def public_path(private_path: Path) -> Path:
    """`OUT.pub.pem` beside `OUT.pem`."""
    return private_path.with_suffix(".pub.pem")


def write_private_key(path: Path, private: PrivateKey) -> None:
    """Write both halves, mode 0600; FileExistsError when either is there."""
    if public_path(path).exists():
        raise FileExistsError(str(public_path(path)))
    for target, text in ((path, private.to_pem()), (public_path(path), private.public.to_pem())):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            os.fsync(file.fileno())


def read_private_key(path: Path) -> PrivateKey:
    """The key of a file; SecretExposed for one that others may read, KeyFormatError for one that is no SM2 key."""
    from gateway.crypto.keys import PrivateKey
    from gateway.crypto.secret_files import read_secret

    return PrivateKey.from_pem(read_secret(path))


def read_public_key(path: Path) -> PublicKey:
    """The key of a file; Failure names the file when it is no SM2 public key."""
    from gateway.crypto.faults import KeyFormatError
    from gateway.crypto.keys import PublicKey

    try:
        return PublicKey.from_pem(path.read_bytes())
    except KeyFormatError as error:
        raise Failure(USAGE, f"公钥文件 {path} 有误：{error}") from error
