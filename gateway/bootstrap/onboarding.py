"""The onboarding desk, for one command."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.homes import open_home_store
from gateway.bootstrap.parts import Parts
from gateway.bootstrap.sealing import open_files
from gateway.config import Settings
from gateway.core.onboarding import MATERIALS, Application, Certified, MoveRefused
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PublicKey
from gateway.flow.onboarding import OnboardingDesk
from gateway.observe import get_log
from gateway.ports import Audit, Chunks, PutFile

_OWN: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Where a command hands things in: the desk, and the files beside it."""

    desk: OnboardingDesk
    parts: Parts

    async def attach(self, institution: str, material: str, content: bytes, *, actor: str) -> Application:
        """Keep a paper in the institution's name and put it down; MoveRefused before anything is kept."""
        digest, most = sm3_hex(content), self.parts.settings.files.max_bytes
        if not 0 < len(content) <= most:
            raise MoveRefused(f"材料文件应为 1 至 {most} 字节，所给的是 {len(content)} 字节。")
        data = {"material": material, "digest": digest}
        await self.desk.rehearse("attach", institution, actor=actor, data=data)
        size = await open_files(self.parts.settings, self.parts.store).keep(digest, _whole(content))
        put = PutFile(digest=digest, party_id=institution, size=size, at=self.parts.clock.now())
        await self.parts.store.add_file(put)
        return await self.desk.move("attach", institution, actor=actor, data=data)

    async def fetch(self, institution: str, material: str, out: Path, audit: Audit) -> str:
        """Write a paper to a new file that its owner alone may read; its digest. MoveRefused where there is none.

        Raises FileExistsError, and FileBroken where it is not what was put. What was fetched is audited before.
        """
        application = (await self.desk.books.registry()).applications.get(institution)
        paper = application.papers.get(material) if application else None
        if paper is None:
            raise MoveRefused(f"{institution} 没有登记材料 {material}；用 wgg onboarding show {institution} 查看。")
        chunks = await open_files(self.parts.settings, self.parts.store).read(paper.digest)
        with _make(out) as file:
            about = f"{institution} {MATERIALS[material]}"
            await self.parts.store.record(replace(audit, about=about), now=self.parts.clock.now())
            async for chunk in chunks:
                file.write(chunk)
        return paper.digest

    async def check_certificate(self, institution: str, raw: bytes, public_pem: bytes | None) -> Certified:
        """A certificate that lets this institution pass or go live; CertificateInvalid or MoveRefused otherwise.

        `public_pem` is the signer's key, needed where the settings name none.
        """
        registry = await self.desk.books.registry()
        application = registry.applications.get(institution)
        if application is None:
            raise MoveRefused(f"没有机构 {institution} 的对接申请。")
        return self.desk.proving().certify_application(raw, self.read_signer(public_pem), application)

    def read_signer(self, public_pem: bytes | None) -> PublicKey:
        """The key that is to have signed a certificate: the one given, else that of the settings; or MoveRefused."""
        signer = self.desk.signer if public_pem is None else PublicKey.from_pem(public_pem)
        if signer is None:
            raise MoveRefused(
                "请以 --public-key 写明签发证书的沙箱网关公钥，或在设置 onboarding.signer_key_file 中写明。"
            )
        return signer


@contextmanager
def _make(out: Path) -> Iterator[BinaryIO]:
    """A new file for its owner alone, taken away again where it could not be filled."""
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN), "wb") as file:
        try:
            yield file
        except BaseException:
            out.unlink()
            raise


async def _whole(content: bytes) -> Chunks:
    yield content


@asynccontextmanager
async def open_counter(settings: Settings) -> AsyncIterator[Counter]:
    """The home's counter. Raises OSError or KeyFormatError for the gateway's key, and what `open_home_store` raises."""
    async with open_home_store(settings) as store:
        parts = Parts(settings, store, SystemClock(), get_log())
        try:
            yield Counter(desk=parts.onboarding_desk, parts=parts)
        finally:
            parts.crypto.close()
