"""For recipients that pull: nothing is sent, the message stands in the mailbox until its receipt is posted.

Source: protocol sections 5 and 6.
"""

from __future__ import annotations

from typing import Final

from gateway.core.exchange import Answer, Fault, Outcome, Outgoing, Stand
from gateway.ports import Adapter


class Mailbox:
    """Implements ports.Adapter."""

    name: str = "mailbox"

    def encode(self, delivery: Outgoing) -> Stand:  # noqa: ARG002 - every message stands
        """Stand."""
        return Stand()

    def decode(self, delivery: Outgoing, answer: Answer) -> Outcome:  # noqa: ARG002 - no answer is expected
        """Nothing was sent, so no answer can mean anything."""
        return Fault(code="NOT_PUSHED", message="该机构以信箱方式取报文，网关不推送，应答无效。")


ADAPTER: Final[Adapter] = Mailbox()
