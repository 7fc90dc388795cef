"""The onboarding desk, for one command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.homes import open_home_store
from gateway.bootstrap.parts import Parts
from gateway.bootstrap.sealing import open_files
from gateway.config import Settings
from gateway.core.certificate import check_certificate
from gateway.core.onboarding import MoveRefused
from gateway.crypto.certificates import verify_certificate
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PublicKey
from gateway.flow.onboarding import OnboardingDesk
from gateway.observe import get_log
from gateway.ports import Chunks, PutFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Where a command hands things in: the desk, and the files beside it."""

    desk: OnboardingDesk
    parts: Parts

    async def keep_paper(self, institution: str, content: bytes) -> str:
        """Keep a paper in the institution's name; its SM3 digest."""
        digest, now = sm3_hex(content), self.parts.clock.now()
        size = await open_files(self.parts.settings, self.parts.store).keep(digest, _whole(content))
        await self.parts.store.add_file(PutFile(digest=digest, party_id=institution, size=size, at=now))
        return digest

    async def check_certificate(self, institution: str, raw: bytes, public_pem: bytes) -> str:
        """The SM3 digest of a certificate that lets this institution pass; raises CertificateInvalid or MoveRefused."""
        registry = await self.desk.books.registry()
        application = registry.applications.get(institution)
        if application is None:
            raise MoveRefused(f"没有机构 {institution} 的对接申请。")
        certificate = verify_certificate(raw, PublicKey.from_pem(public_pem))
        now, kind = self.parts.clock.now(), application.details.kind
        check_certificate(certificate, institution=institution, kind=kind, now=now)
        return sm3_hex(raw)


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
