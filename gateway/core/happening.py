"""What clocks look at when something happens: an accepted message, or an event of the gateway's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from gateway.core.area import AreaParameters
from gateway.core.case import Case
from gateway.core.order import Notice, Order
from gateway.core.value_class import value_class


@value_class
class Happening:
    """One message with what it did, or one event (`type` is its name then, `data` empty).

    `before` and `after` are the subject's order, `case_before` and `case_after` its case, None where the message does
    not look at it. `now` is the instant of acceptance in legal time, `platform` the platform that takes part.
    `delivered` says that the recipient has the message as soon as it is accepted: it pulls, or is the gateway.
    `replaced_by` is the order whose guarantee took the place of this one's.
    """

    type: str
    id: str
    source: str
    subject: str
    platform: str
    now: int
    area: AreaParameters
    region: str | None
    delivered: bool = True
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    before: Order | None = None
    after: Order | None = None
    case_before: Case | None = None
    case_after: Case | None = None
    replaced_by: str | None = None

    @property
    def case_no(self) -> str:
        """The case: of a case's own message its subject, else the order's."""
        return self.after.case_no if self.after else self.subject

    @property
    def entered(self) -> str | None:
        """The state that the order entered by this, None for none."""
        if self.after is None or (self.before is not None and self.before.state == self.after.state):
            return None
        return self.after.state

    @property
    def notice(self) -> Notice | None:
        """The payment notice that the message is about, as it stands now."""
        return self.after.notices.get(self.data.get("noticeNo", "")) if self.after else None

    @property
    def notice_before(self) -> Notice | None:
        """That notice before the message."""
        return self.before.notices.get(self.data.get("noticeNo", "")) if self.before else None
