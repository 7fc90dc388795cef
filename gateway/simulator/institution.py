"""A simulated institution: receipts what it is sent and answers business by a table of replies, and reconciliations
from its ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.catalogue import example, read_specimens
from gateway.core.reconciliation import ANSWER, DAILY
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.envelope import Envelope
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.ports import Clock
from gateway.simulator.clock import SystemClock
from gateway.simulator.counterpart import Counterpart, Options, run
from gateway.simulator.ledger import Entry, read_ledger
from gateway.simulator.reception import Outgoing
from gateway.simulator.reconciling import answer_daily, read_held
from gateway.simulator.replies import PLAN, Context, ReplyRow

_ID_DIGITS: Final = 32
_ISSUED: Final = "guarantee.issued.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstitutionOptions(Options):
    """`kind` is bank, insurer or guarantor; `plan` is what it answers, empty for one that only receipts."""

    kind: str = "bank"
    plan: Mapping[str, tuple[ReplyRow, ...]] = field(default_factory=lambda: PLAN)


class Institution(Counterpart):
    """A bank, an insurer or a guarantee company."""

    def __init__(self, options: InstitutionOptions, clock: Clock) -> None:
        self._kind = options.kind
        self._plan = options.plan
        self._guarantees: dict[str, Mapping[str, Any]] = {}
        super().__init__(options, clock, files=read_specimens())

    def remember(self, entries: Sequence[Entry]) -> None:
        """Know the guarantees of earlier runs again."""
        for entry in entries:
            if entry["kind"] == "outgoing" and entry["type"] == _ISSUED:
                self._keep_guarantee(parse_object(entry["body"].encode())["data"])

    def act(self, message: Envelope) -> Sequence[Outgoing]:
        """The replies of the plan, in order; their ids derive from the message, so that none is ever sent twice."""
        rows = [row for row in self._plan.get(message.type, ()) if row.when(message.data)]
        replies = [self._reply(message, place, row) for place, row in enumerate(rows, start=1)]
        return self.options.habits.replies([self._reconcile(message)] if message.type == DAILY else replies)

    def _reconcile(self, message: Envelope) -> Outgoing:
        """The answer to a daily reconciliation, from the ledger."""
        held = read_held(self.party_id, read_ledger(self.options.ledger))
        event = example(
            ANSWER,
            source=self.party_id,
            recipient=message.source,
            subject=message.subject,
            id=sm3_hex(f"{message.source} {message.id} answer".encode())[:_ID_DIGITS],
            now_us=self.clock.now(),
        )
        event |= {"correlationid": message.id, "data": answer_daily(message.data, held)}
        return Outgoing(
            id=event["id"],
            type=ANSWER,
            recipient=message.source,
            subject=message.subject,
            body=encode_compact(event),
        )

    def _reply(self, message: Envelope, place: int, row: ReplyRow) -> Outgoing:
        now = self.clock.now()
        event = example(
            row.type,
            source=self.party_id,
            recipient=row.recipient or message.source,
            subject=message.subject,
            id=sm3_hex(f"{message.source} {message.id} {place}".encode())[:_ID_DIGITS],
            kind=self._kind,
            now_us=now,
            variant=row.variant or self._choose_variant(row.type, message),
        )
        fitted = row.fit(Context(asked=message.data, guarantees=self._guarantees, now_us=now))
        event["correlationid"] = message.id
        event["data"] = {name: value for name, value in (event["data"] | fitted).items() if value is not None}
        if row.type == _ISSUED:
            self._keep_guarantee(event["data"])
        event = self.options.habits.event(event)
        return Outgoing(
            id=event["id"],
            type=row.type,
            recipient=row.recipient or message.source,
            subject=message.subject,
            body=encode_compact(event),
        )

    def _choose_variant(self, type_: str, message: Envelope) -> str | None:
        """A release of an account is completed as one; everything else goes by the institution's kind."""
        closes = type_ == "release.completed.v1" and message.data.get("releaseKind") == "account_closure"
        return "account" if closes else None

    def _keep_guarantee(self, data: Mapping[str, Any]) -> None:
        self._guarantees[data["guaranteeNo"]] = data


async def run_institution(
    options: InstitutionOptions,
    *,
    clock: Clock | None = None,
    ready: Callable[[int | None], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run an institution until `stop` is set, cancelled, or (without `stop`) SIGTERM or SIGINT."""
    await run(Institution(options, clock or SystemClock()), ready=ready, stop=stop)
