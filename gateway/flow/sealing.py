"""Sealing: what happened since the last block goes into the next one, signed by the gateway.

Any number of processes may try; one leads, and the height decides should two of them try at once. Accepting never waits
for it: it reads what is committed. Blocks are small, for a bundle shows a whole one for each leaf; so a round seals
several in one transaction, which costs little more than one of them would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.core.delivery import SECOND
from gateway.core.errors import Problem
from gateway.core.evidence.block import LEAVES, Block, encode_header, seal
from gateway.core.evidence.sealing import divide, draft_header
from gateway.core.party import GATEWAY, KeyStatus
from gateway.crypto.digest import sm3
from gateway.crypto.keys import PrivateKey
from gateway.crypto.pool import CryptoPool
from gateway.flow.roster import Roster
from gateway.observe import METRICS
from gateway.observe.metric_table import EVIDENCE_AGE_SECONDS, EVIDENCE_BEHIND, EVIDENCE_HEIGHT, EVIDENCE_SEALED
from gateway.ports import Alert, Books, Clock, Ledger, Outbox
from gateway.ports.evidence import Prospect

ROLE: Final = "evidence"
ROUND: Final = 16 * LEAVES
"""Leaves that are sealed in one transaction at most."""

_LATE: Final = "EVIDENCE_LATE"
_KEY: Final = "EVIDENCE_KEY"


class Sealer:
    """Seals blocks. `late` is the age, in microseconds, at which what waits to be sealed raises an alert."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        outbox: Outbox,
        books: Books,
        roster: Roster,
        crypto: CryptoPool,
        key: PrivateKey,
        clock: Clock,
        holder: str,
        late: int,
        log: Callable[..., None],
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._books = books
        self._roster = roster
        self._crypto = crypto
        self._key = key
        self._clock = clock
        self._holder = holder
        self._late = late
        self._log = log

    async def step(self) -> bool:
        """Seal one round, if this process leads; True when it was full, so that more wait."""
        if not await self._outbox.lead(ROLE, holder=self._holder, now=self._clock.now()):
            return False
        return await self._may_sign() and await self.seal_next() == ROUND

    async def catch_up(self) -> None:
        """Seal all that waits now, whoever leads. Raises Problem KEY_NOT_ACTIVE where this key may not sign."""
        if not await self._may_sign():
            raise Problem("KEY_NOT_ACTIVE", f"网关公钥 {self._key.serial_no} 未登记或已失效，不能封块。")
        while await self.seal_next() == ROUND:
            continue

    async def seal_next(self) -> int:
        """Seal what waits, one round at most; how many leaves it was."""
        prospect = await self._ledger.prospect(limit=ROUND)
        blocks = await self._make_blocks(prospect)
        if blocks and await self._ledger.seal(blocks, prospect):
            for block in blocks:
                self._tell(block)
        return len(prospect.leaves)

    async def _make_blocks(self, prospect: Prospect) -> list[Block]:
        blocks, below, now = list[Block](), dict(prospect.below), self._clock.now()
        for height, leaves in enumerate(divide(prospect.leaves), prospect.height):
            header = draft_header(
                leaves, height=height, below=below, sealed_at=now, serial_no=self._key.serial_no, sm3=sm3
            )
            signature = await self._crypto.sign_document(self._key, encode_header(header))
            blocks.append(seal(header, signature, sm3))
            below[height] = blocks[-1].digest
        return blocks

    def _tell(self, block: Block) -> None:
        header = block.header
        METRICS.add(EVIDENCE_SEALED, header.count)
        METRICS.set(EVIDENCE_HEIGHT, header.height)
        self._log("evidence.sealed", height=header.height, leaves=header.count, digest=block.digest)

    async def watch(self) -> bool:
        """Say how far the chain is behind; alert when what waits is late."""
        status, now = await self._ledger.chain_status(), self._clock.now()
        age = 0 if status.oldest_at is None else max(0, now - status.oldest_at)
        METRICS.set(EVIDENCE_HEIGHT, status.height)
        METRICS.set(EVIDENCE_BEHIND, status.behind)
        METRICS.set(EVIDENCE_AGE_SECONDS, age / SECOND)
        if age > self._late:
            text = f"存证链落后：{status.behind} 项未封入区块，最早一项已等待 {age // SECOND} 秒，请检查 timers 进程。"
            await self._books.raise_alert(Alert(code=_LATE, about="chain", text=text), now=now)
        return False

    async def _may_sign(self) -> bool:
        """A block signed by a key that is not registered, or not active, would prove nothing."""
        now, key = self._clock.now(), self._roster.directory.keys.get((GATEWAY, self._key.serial_no))
        if key is not None and key.status_at(now) is KeyStatus.ACTIVE:
            return True
        text = f"网关公钥 {self._key.serial_no} 未登记或已失效，存证链暂停；请登记公钥或更换私钥后重启。"
        await self._books.raise_alert(Alert(code=_KEY, about=self._key.serial_no, text=text), now=now)
        return False
