"""The kit's digest tells apart kits that may judge differently (issue "the conformance kit", point 6)."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.catalogue.case_files import CASES
from gateway.conformance.identity import JUDGING, ROOT, digest_cases, digest_kit


def covered(root: Path = ROOT) -> list[Path]:
    return sorted({file for pattern in JUDGING for file in root.glob(pattern)})


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The same kit, installed in another place."""
    for file in covered():
        place = tmp_path / file.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return tmp_path


def test_the_same_wherever_it_is_installed(elsewhere: Path) -> None:
    """Neither the place nor what stands beside the code changes the digest."""
    (elsewhere / "gateway" / "conformance" / "__pycache__").mkdir()
    (elsewhere / "gateway" / "conformance" / "__pycache__" / "judging.cpython-311.pyc").write_bytes(b"\0")
    (elsewhere / "schemas" / "README.md").write_text("read me")
    assert digest_kit(root=elsewhere) == digest_kit()


@pytest.mark.parametrize(
    "name",
    [
        "gateway/conformance/judging.py",
        "gateway/core/order.py",
        "gateway/core/wire/der.py",
        "gateway/crypto/signer.py",
        "gateway/catalogue/explain.py",
        "gateway/net/server.py",
        "schemas/common.json",
        "schemas/catalogue.yaml",
        "schemas/conformance/case-file.schema.json",
        "schemas/examples/files/guarantee.pdf",
        "conf/areas/350200.yaml",
        "conf/calendar/sample.yaml",
    ],
)
def test_one_byte_of_code_or_data(elsewhere: Path, name: str) -> None:
    """One byte changed in one file of any room makes another kit."""
    file = elsewhere / name
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert digest_kit(root=elsewhere) != digest_kit()


@pytest.mark.parametrize("room", ["gateway/conformance", "gateway/core/wire"])
def test_a_file_more_or_renamed(elsewhere: Path, room: str) -> None:
    """A module added, and one under another name, make another kit."""
    renamed = shutil.copytree(elsewhere, elsewhere / "renamed")
    (elsewhere / room / "zz.py").write_bytes(b"")
    last = max((renamed / room).glob("*.py"))
    last.rename(last.with_stem(f"{last.stem}_"))  # the order of all files stays
    assert len({digest_kit(), digest_kit(root=elsewhere), digest_kit(root=renamed)}) == 3


def test_one_byte_of_a_case(tmp_path: Path) -> None:
    """Cases of one's own make another kit, down to a byte."""
    shutil.copytree(CASES, tmp_path / "cases")
    assert digest_kit(tmp_path / "cases") == digest_kit()
    file = next((tmp_path / "cases").glob("*.yaml"))
    file.write_bytes(file.read_bytes() + b"\n")
    assert digest_cases(tmp_path / "cases") != digest_cases()
    assert digest_kit(tmp_path / "cases") != digest_kit()


def _imported(file: Path) -> Iterator[str]:
    """The names that a module imports of the product, be they modules or what stands in them."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and re.match(r"gateway\b|adapters\b", node.module or ""):
            yield from (node.module, *(f"{node.module}.{item.name}" for item in node.names))


def _modules(names: set[str]) -> set[Path]:
    """The files of those names that are modules."""
    places = [ROOT.joinpath(*name.split(".")) for name in names]
    files = {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")}
    return {file for file in files if file.is_file()}


def test_all_that_the_kit_imports_is_covered() -> None:
    """No module that the kit runs on, however indirectly, stands outside the digest."""
    reached, fresh = set(), set((ROOT / "gateway" / "conformance").glob("*.py"))
    while fresh:
        reached |= fresh
        fresh = _modules({name for file in fresh for name in _imported(file)}) - reached
    assert len(reached) > 100
    assert reached <= set(covered())
