"""A bundle put together: laid out, indexed, listed in its manifest; the signature comes from whoever holds the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.evidence.block import decode_header
from gateway.core.evidence.bundle import INDEX, MANIFEST, SIGNATURE, Manifest, encode_manifest, lay_out, list_entries
from gateway.core.evidence.holdings import Holdings, Scope
from gateway.crypto.digest import sm3
from gateway.evidence.index import render_index


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """What the messages name: `kept` path → bytes, `withheld` path → why it is not there."""

    kept: Mapping[str, bytes] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A bundle that lacks its signature: `manifest` are the bytes to be signed."""

    files: Mapping[str, bytes]
    manifest: bytes

    def sign(self, signature: str) -> dict[str, bytes]:
        """All files of the bundle."""
        return {**self.files, MANIFEST: self.manifest, SIGNATURE: signature.encode()}


def compose(
    holdings: Holdings,
    scope: Scope,
    *,
    deployment: str,
    serial_no: str,
    titles: Mapping[str, str],
    forms: Mapping[str, bytes],
    documents: Documents,
) -> Unsigned:
    """The bundle of what the store holds; `forms` are printed forms by their file names."""
    layout = lay_out(holdings, sm3)
    printed = {f"forms/{name}": data for name, data in forms.items()}
    index = render_index(holdings, scope, deployment=deployment, titles=titles, papers=documents.kept, extras=printed)
    files = {**layout.files, **documents.kept, **printed, INDEX: index}
    manifest = Manifest(
        scope=scope,
        deployment=deployment,
        serial_no=serial_no,
        as_of=max(decode_header(block.raw).sealed_at for block in holdings.blocks),
        subjects=holdings.subjects,
        entries=list_entries(files, sm3),
        withheld={**layout.withheld, **documents.withheld},
        clocks=holdings.clocks,
    )
    return Unsigned(files=files, manifest=encode_manifest(manifest))
