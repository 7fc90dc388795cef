"""Files that hold a secret: for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gateway.crypto.faults import SecretExposed

_OTHERS: Final = 0o077


def read_secret(path: Path) -> bytes:
    """The file's bytes; SecretExposed for a file that is open to anyone but its owner, OSError for none.

    It is the opened file whose mode is looked at: a name may lead elsewhere a moment later.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _OTHERS:
            raise SecretExposed(f"密钥文件 {path} 可被他人读取，请先执行 chmod 600 {path}。")
        return file.read()
