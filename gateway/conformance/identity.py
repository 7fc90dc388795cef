"""Which kit tested: one digest of the code that judges, of the data it judges by, and of the cases.

Source: issue "Onboarding and the conformance kit" point 6. The version alone does not tell two kits apart; two that
might judge the same exchange differently must not sign the same digest.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from gateway.catalogue.case_files import CASE_SCHEMA, CASES
from gateway.crypto.digest import Sm3, sm3

ROOT: Final = Path(__file__).resolve().parents[2]
JUDGING: Final = (
    "gateway/conformance/*.py",
    "gateway/core/**/*.py",
    "gateway/crypto/*.py",
    "gateway/catalogue/*.py",
    "gateway/net/*.py",
    "schemas/*.json",
    "schemas/*.yaml",
    "schemas/conformance/*.json",
    "schemas/examples/valid/**/*.json",
    "schemas/examples/files/*",
    "conf/areas/*.yaml",
    "conf/calendar/*.yaml",
)
"""Whatever the kit's modules import of the product, room by room, and the data that these read."""


def digest_kit(cases: Path | None = None, *, root: Path = ROOT) -> str:
    """The kit's digest, with the case files of `cases` or its own; the same wherever and whenever it is installed."""
    state = Sm3()
    state.update(_digest_judging(root) + bytes.fromhex(digest_cases(cases)))
    return state.hex()


def digest_cases(folder: Path | None = None) -> str:
    """The SM3 of the case files and their schema alone."""
    return _digest({file.name: file for file in [*(folder or CASES).glob("*.yaml"), CASE_SCHEMA]}).hex()


@cache
def _digest_judging(root: Path) -> bytes:
    """Taken once, for the code that runs is that which was loaded then."""
    return _digest({file.relative_to(root).as_posix(): file for pattern in JUDGING for file in root.glob(pattern)})


def _digest(files: dict[str, Path]) -> bytes:
    """Names and contents in order of name, each content by its own digest: no two sets of files read as the same."""
    return sm3(b"".join(name.encode() + b"\0" + sm3(file.read_bytes()) for name, file in sorted(files.items())))
