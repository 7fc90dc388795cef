"""Verifying a bundle file: opened cautiously, then every check. No home, no network, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.core.evidence.bundle import MANIFEST, decode_manifest
from gateway.core.evidence.documents import EvidenceFault
from gateway.core.evidence.holdings import Scope
from gateway.core.evidence.verdicts import Fault, Verdict
from gateway.core.evidence.verifying import verify_files
from gateway.evidence.packing import unpack
from gateway.evidence.tools import EvidenceTools

CONTAINER = ("container", "证据包文件完好")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All verdicts on one file; `scope` is what the bundle says it is about, None where that cannot be read."""

    verdicts: Sequence[Verdict]
    scope: Scope | None

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(verdict.holds for verdict in self.verdicts)


def verify_bundle(path: Path, *, anchor: str | None = None, roots: bytes | None = None) -> Report:
    """The verdicts on a file; `anchor` is the trusted serial number, `roots` certificates of timestamp authorities.

    Raises OSError for a file that cannot be read.
    """
    name, title = CONTAINER
    try:
        files = unpack(path)
    except EvidenceFault as fault:
        refused = Fault(file=path.name, text=str(fault))
        return Report(verdicts=[Verdict(check=name, title=title, examined=1, faults=[refused])], scope=None)
    whole = Verdict(check=name, title=title, examined=len(files))
    verdicts = verify_files(files, EvidenceTools(roots), anchor=anchor)
    return Report(verdicts=[whole, *verdicts], scope=_scope(files.get(MANIFEST, b"")))


def _scope(raw: bytes) -> Scope | None:
    try:
        return decode_manifest(raw).scope
    except EvidenceFault:
        return None
