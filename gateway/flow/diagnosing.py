"""Tells a sender in the sandbox which mistake its failed signature shows.

Source: protocol section 7: only in a sandbox deployment; it names the mistake and never accepts it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.core.bucket import Buckets
from gateway.core.errors import Problem
from gateway.core.masking import mask_text
from gateway.core.party import Directory
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.diagnosis import diagnose
from gateway.crypto.keys import PublicKey
from gateway.flow.roster import Roster
from gateway.ports import Clock

_SIGNATURE_CODES: Final = frozenset({"SIGNATURE_MALFORMED", "SIGNATURE_INVALID"})
_BUSY: Final[dict[str, object]] = {
    "mistake": None,
    "mistakes": [],
    "message": "签名失败过于频繁，本次未作诊断，请稍候几秒再试。",
}
_AT_ONCE: Final = 2
_HEAD_LINES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A signature that did not verify: what it should have been over, whose it claims to be, and where it came from."""

    signing: Signing
    owner_id: str
    serial_no: str
    signature: str
    peer: str


class Diagnoser:
    """Adds `diagnosis` to the refusal of a signature; bounded, so that a flood of bad ones buys no work.

    `pace` counts by sender and address: nobody uses up the diagnoses of an institution from elsewhere.
    """

    def __init__(self, roster: Roster, clock: Clock, *, pace: Buckets) -> None:
        self._roster = roster
        self._clock = clock
        self._pace = pace
        self._at_work = 0

    async def explain(self, problem: Problem, doubt: Doubt) -> None:
        """Give the refusal of a signature its `diagnosis`, worked out in a thread; leave any other as it is."""
        if problem.code in _SIGNATURE_CODES:
            problem.extra = {**problem.extra, "diagnosis": await self._diagnose(doubt)}

    async def _diagnose(self, doubt: Doubt) -> dict[str, object]:
        if not self._may_work(f"{doubt.owner_id} {doubt.peer}"):
            return _BUSY
        keys = self._keys(self._roster.directory, doubt)
        work = partial(diagnose, doubt.signing, doubt.signature, keys, sender_id=doubt.owner_id)
        self._at_work += 1
        try:
            return _mask_body((await asyncio.to_thread(work)).as_record())
        finally:
            self._at_work -= 1

    def _may_work(self, who: str) -> bool:
        if self._at_work >= _AT_ONCE:
            return False
        try:
            self._pace.take(who, self._clock.now())
        except Problem:
            return False
        return True

    def _keys(self, directory: Directory, doubt: Doubt) -> list[PublicKey]:
        """The sender's keys, first the one that it named."""
        named = directory.find_key(doubt.owner_id, doubt.serial_no)
        others = [key for key in directory.keys.values() if key.owner_id == named.owner_id and key != named]
        return [self._roster.public_key(key) for key in (named, *others)]


def _mask_body(record: dict[str, object]) -> dict[str, object]:
    """The expected string for an answer that proves nothing: its head as it is, its body masked (domain section 7)."""
    *head, body = str(record["expected"]).split("\n", _HEAD_LINES)
    return {**record, "expected": "\n".join([*head, mask_text(body)])}
