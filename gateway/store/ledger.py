"""The part of the store that knows the chain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy.exc import IntegrityError

from gateway.core.evidence.block import Block
from gateway.core.evidence.holdings import Holdings, Scope
from gateway.ports import Audit
from gateway.ports.evidence import ChainStatus, Prospect
from gateway.store import evidence, holdings
from gateway.store.runners import Runner


class LedgerTables:
    """Implements ports.Ledger."""

    _runner: Runner

    async def prospect(self, *, limit: int) -> Prospect:
        """What the next blocks may hold."""
        return await self._runner.read(partial(evidence.prospect, limit=limit))

    async def seal(self, blocks: Sequence[Block], prospect: Prospect) -> bool:
        """Write blocks; False when another process was first."""
        try:
            await self._runner.write(partial(evidence.seal, blocks=blocks, prospect=prospect))
        except IntegrityError:
            return False
        return True

    async def gather(self, scope: Scope) -> Holdings:
        """What a bundle is made of. Raises Missing."""
        return await self._runner.read(partial(holdings.gather, scope=scope))

    async def keep_export(self, digest: str, signature: str, *, now: int, audit: Audit) -> str:
        """The signature of the first export of this manifest."""
        work = partial(evidence.keep_export, digest=digest, signature=signature, now=now, audit=audit)
        return await self._runner.write(work)

    async def unstamped_head(self) -> tuple[int, bytes] | None:
        """Height and header of the newest block that has no timestamp."""
        return await self._runner.read(evidence.unstamped_head)

    async def keep_stamp(self, height: int, token: bytes, *, now: int) -> None:
        """Keep a timestamp."""
        await self._runner.write(partial(evidence.keep_stamp, height=height, token=token, now=now))

    async def chain_status(self) -> ChainStatus:
        """Where the chain stands."""
        return await self._runner.read(evidence.status)
