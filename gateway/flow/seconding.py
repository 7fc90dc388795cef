"""A change that takes two operators: the first one's command is a proposal in the audit log, the second one's makes it.

Source: domain section 6 (go-live and suspension take two different operators). The log is only ever appended to and
goes into the chain of evidence, so a proposal can be neither altered nor antedated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.core.onboarding_moves import is_same_person
from gateway.ports import Audit, Books

_PROPOSED: Final = ".proposed"
_LOOKED_AT: Final = 200
_ENDS: Final = frozenset(f"party.{name}" for name in ("live", "suspend", "restore", "stop", "exit"))
"""What ends every proposal about a party: its standing changed."""


class OwnProposal(ValueError):  # noqa: N818 - an answer to whoever asked
    """The operator who proposed a change cannot confirm it; the text is Chinese."""


async def is_seconded(books: Books, audit: Audit, grounds: str, *, now: int) -> bool:
    """Whether another operator proposed what `audit` tells, on the same grounds; else it is proposed now, and False.

    `grounds` is how both reasons begin. Raises OwnProposal.
    """
    proposal = _find(await books.audits(limit=_LOOKED_AT, about=audit.about), audit.action, grounds)
    if proposal is None:
        await books.record(replace(audit, action=f"{audit.action}{_PROPOSED}"), now=now)
        return False
    if is_same_person(proposal.actor, audit.actor):
        raise OwnProposal(f"此项已由 {proposal.actor} 提出，须由另一名操作员确认（--operator）。")
    return True


def _find(newest: Sequence[tuple[int, Audit]], action: str, grounds: str) -> Audit | None:
    """The newest proposal of this action on these grounds that nothing has ended."""
    for _, audit in newest:
        if audit.action in _ENDS:
            return None
        if audit.action == f"{action}{_PROPOSED}" and (audit.reason + "；").startswith(f"{grounds}；"):
            return audit
    return None
