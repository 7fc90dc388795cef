"""The part of the store that knows the chain."""

from __future__ import annotations

from functools import partial

from sqlalchemy.exc import IntegrityError

from gateway.core.evidence.block import Block
from gateway.ports.evidence import ChainStatus, Prospect
from gateway.store import evidence
from gateway.store.runners import Runner


class LedgerTables:
    """Implements ports.Ledger."""

    _runner: Runner

    async def prospect(self, *, limit: int) -> Prospect:
        """What the next block may hold."""
        return await self._runner.read(partial(evidence.prospect, limit=limit))

    async def seal(self, block: Block, prospect: Prospect) -> bool:
        """Write a block; False when another process was first."""
        try:
            await self._runner.write(partial(evidence.seal, block=block, prospect=prospect))
        except IntegrityError:
            return False
        return True

    async def chain_status(self) -> ChainStatus:
        """Where the chain stands."""
        return await self._runner.read(evidence.status)
