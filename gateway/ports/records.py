"""What passes through the store's ports: frozen nouns, instants in microseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.delivery import Decision, State
from gateway.core.message import Message
from gateway.core.party import Link, Standing
from gateway.core.sla import BeginClocks
from gateway.core.value_class import value_class


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that people must look at. One row a (`code`, `about`) while it is open; raising it again counts."""

    code: str
    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedAlert:
    """An alert that is over: since when and how often it was raised, when it was closed (microseconds UTC), and why.

    `reason` is None for one that was closed before reasons were kept.
    """

    alert: Alert
    first_at: int
    times: int
    closed_at: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Who changed what, and why: append-only."""

    actor: str
    action: str
    about: str
    reason: str


@value_class
class Head:
    """A live row with no earlier live row of its recipient and subject, due and not published. Each claim raises
    `token`.
    """

    delivery_id: int
    token: int
    message: Message


@value_class
class Claimed:
    """A row that this worker may try now. `token` fences what the worker decides later.

    `since` is when the row began: the acceptance, or for a replay the moment of the replay.
    """

    delivery_id: int
    token: int
    attempt: int
    since: int
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a worker decided about its claim; void unless the claim is still its own.

    `http_status`, `code`, `text` close the attempt row. `messages` (the gateway's own) and `alerts` are written in
    the same transaction, and only if the settlement counts. GiveBack removes the attempt row. `begins` lets clocks run
    that wait for a message which stands in its recipient's mailbox from now on.
    """

    delivery_id: int
    token: int
    worker: str
    decision: Decision
    at: int
    http_status: int | None = None
    code: str | None = None
    text: str | None = None
    messages: Sequence[Message] = ()
    alerts: Sequence[Alert] = ()
    begins: BeginClocks | None = None


@value_class
class Proof:
    """A good receipt, verified. `method` and `path` are those of the receipt's request if pulled, None if pushed.

    `status` is "ACCEPTED" or "REFUSED". `attempt` names the attempt whose answer brought it, None if pulled.
    `messages` (message.failed of a refusal) are written with it, once; `begins` lets clocks run from it.
    """

    delivery_id: int
    status: str
    body: bytes
    serial_no: str
    timestamp: int
    nonce: str
    signature: str
    at: int
    method: str | None = None
    path: str | None = None
    attempt: int | None = None
    http_status: int | None = None
    code: str | None = None
    text: str | None = None
    messages: Sequence[Message] = ()
    alerts: Sequence[Alert] = ()
    begins: BeginClocks | None = None


class ProofResult(StrEnum):
    """RECORDED: it closed the delivery. SAME: it had been recorded. CONFLICT: another receipt had (409)."""

    RECORDED = "recorded"
    SAME = "same"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """`rows`: live and failed deliveries, (recipient, state) → count; `oldest`: recipient → when the oldest of its live
    ones was accepted (microseconds UTC); `raised`: alert code → how often it was raised so far, closed ones too.
    """

    rows: Mapping[tuple[str, str], int]
    oldest: Mapping[str, int]
    raised: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep mended: delivery ids by kind."""

    lost: Sequence[int] = ()
    parked: Sequence[int] = ()
    unblocked: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that stands in a mailbox; `attempt` from 1."""

    delivery_id: int
    attempt: int
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt as GET /v1/messages shows it."""

    number: int
    time: int
    outcome: str
    http_status: int | None
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message with its latest delivery, its attempts over all its deliveries and its receipt if any."""

    message: Message
    delivery_id: int
    state: State
    next_attempt_at: int | None
    attempts: Sequence[AttemptView]
    proof: Proof | None
    replay_of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A filter over messages; empty fields match all, `limit` None sets no limit."""

    state: State | None = None
    source: str | None = None
    recipient: str | None = None
    type: str | None = None
    subject: str | None = None
    code: str | None = None
    limit: int | None = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why deliveries ended: `count` for one recipient with one code, None where no attempt or receipt gave one.

    `oldest` and `newest` are the first and the last end, microseconds UTC.
    """

    code: str | None
    recipient: str
    count: int
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyChange:
    """The fields of a party to change; None leaves a field as it is."""

    name: str | None = None
    adapter: str | None = None
    endpoint: str | None = None
    link: Link | None = None
    paused: bool | None = None
    gone: bool | None = None
    standing: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """An order that may go back to the platform, and the messages that tell it if it does."""

    order_no: str
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingChange:
    """An institution's new standing, from where it may be entered, what is told of it and which orders may go back."""

    party_id: str
    standing: Standing
    only_from: frozenset[Standing]
    messages: Sequence[Message]
    returned: Sequence[Returned] = ()
