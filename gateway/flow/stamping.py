"""Stamping: an outside authority's time over the newest block, and so over all before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.ports import Alert, Books, Clock, Ledger
from gateway.ports.timestamps import TimestampAuthority


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamper:
    """Asks for timestamps; an authority that fails raises an alert, and is asked again the next time."""

    ledger: Ledger
    books: Books
    authority: TimestampAuthority
    clock: Clock
    log: Callable[..., None]

    async def step(self) -> bool:
        """Stamp the head, unless it has its stamp or there is none."""
        head = await self.ledger.unstamped_head()
        if head is None:
            return False
        height, header = head
        try:
            token = await self.authority.stamp(header)
        except (OSError, ValueError) as error:
            alert = Alert(code="TIMESTAMP_FAILED", about="chain", text=f"第 {height} 块没有取得时间戳：{error}")
            await self.books.raise_alert(alert, now=self.clock.now())
            return False
        await self.ledger.keep_stamp(height, token, now=self.clock.now())
        self.log("evidence.stamped", height=height)
        return False
