"""Exit codes, and which error ends with which: one table.

Source: architecture "What is fixed": 0 ok, 1 internal, 2 usage, 3 check failed, 4 permission, 5 not found, 6 timeout,
7 connection. A party or key that is registered already is a check that failed (3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.config import ConfigError
from gateway.core.errors import Problem
from gateway.ports import Duplicate, FileBroken, Missing, StoreUnavailable

OK: Final = 0
INTERNAL: Final = 1
USAGE: Final = 2
CHECK: Final = 3
PERMISSION: Final = 4
NOT_FOUND: Final = 5
TIMEOUT: Final = 6
CONNECTION: Final = 7


class Failure(Exception):  # noqa: N818 - how a command ends, not a fault of the program
    """A command that ends with a code and a Chinese text saying what to do."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)


_PROBLEMS: Final[Mapping[str, int]] = {"NOT_FOUND": NOT_FOUND, "TYPE_UNKNOWN": NOT_FOUND}


def explain(error: Exception) -> tuple[int, str]:
    """The exit code of an error and what to tell people."""
    if isinstance(error, Failure):
        return error.code, str(error)
    if isinstance(error, Problem):
        return _PROBLEMS.get(error.code, CHECK), _tell_problem(error)
    for kind, code, lead in _table():
        if isinstance(error, kind):
            return code, f"{lead}{error}"
    return INTERNAL, f"内部错误：{type(error).__name__}：{error}（设置 WGG_DEBUG=1 可查看详情）"


def _tell_problem(problem: Problem) -> str:
    return "\n".join([str(problem), *(f"  {error.pointer}：{error.message}" for error in problem.errors)])


def _table() -> tuple[tuple[type[Exception], int, str], ...]:
    """Looked at only when something failed: the store and crypto are heavy to load."""
    from gateway.catalogue import CatalogueError
    from gateway.core.certificate import CertificateInvalid
    from gateway.core.deposit import DepositError
    from gateway.core.evidence.documents import EvidenceFault
    from gateway.core.onboarding import MoveRefused
    from gateway.crypto.faults import CryptoUnavailable, KeyFormatError, SecretExposed
    from gateway.crypto.sm4 import SealBroken
    from gateway.forms.errors import FormError, PrintingUnavailable
    from gateway.store import HomeInUse, SchemaMismatch, UnsafeDatabase

    return (
        (ConfigError, USAGE, ""),
        (KeyFormatError, USAGE, "密钥有误："),
        (SecretExposed, PERMISSION, ""),
        (DepositError, USAGE, "用法有误："),
        (CatalogueError, CHECK, ""),
        (CertificateInvalid, CHECK, "证书无效："),
        (MoveRefused, CHECK, ""),
        (FormError, CHECK, ""),
        (EvidenceFault, CHECK, ""),
        (PrintingUnavailable, CHECK, "无法打印："),
        (CryptoUnavailable, CHECK, ""),
        (SealBroken, CHECK, "封存的数据无法打开："),
        (FileBroken, CHECK, ""),
        (SchemaMismatch, CHECK, ""),
        (UnsafeDatabase, CHECK, ""),
        (HomeInUse, CHECK, ""),
        (Duplicate, CHECK, "已登记过，未作改动："),
        (Missing, NOT_FOUND, "没有找到："),
        (StoreUnavailable, CONNECTION, "数据库无法访问，请检查地址、网络与服务是否运行："),
        (FileNotFoundError, NOT_FOUND, "没有这个文件："),
        (FileExistsError, CHECK, "文件已存在，未覆盖："),
        (PermissionError, PERMISSION, "没有权限，请检查文件属主与权限："),
        (TimeoutError, TIMEOUT, "等待超时："),
        (ConnectionError, CONNECTION, "连接失败："),
        (OSError, CONNECTION, "系统拒绝了此操作（端口被占用时请换一个端口，或停掉占用者）："),
    )
