"""What happens to legal clocks: the table of clocks applied to one happening, as values to be written with its cause.

Source: domain section 5, architecture points 6 and 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Final, TypeVar

from gateway.core.calendar import Calendar
from gateway.core.happening import Happening
from gateway.core.legal_clock import Awaits, ClockState, LegalClock, begin_clock, end_clock, run_on
from gateway.core.sla_conditions import delivered, pay_started
from gateway.core.sla_rule import About, ClockRule, End, Start
from gateway.core.sla_table import CLOCK_RULES, RULES
from gateway.core.value_class import value_class
from gateway.core.wire.instants import parse_rfc3339

SERVICE_RECORD: Final = "service.record.v1"
_NUMBER_LENGTH: Final = 20
_Row = TypeVar("_Row", Start, End)


@value_class
class EndClocks:
    """End the open clocks of a rule within a scope, or those of one `key` (None: all). `by` names the cause."""

    rule: str
    scope: str
    key: str | None
    at: int
    by: str
    withdrawn: bool

    def ends(self, clock: LegalClock) -> bool:
        """Whether this clock is meant."""
        same = (clock.rule, clock.scope) == (self.rule, self.scope)
        return same and clock.open and self.key in {None, clock.key}

    def end(self, clock: LegalClock) -> LegalClock:
        """The clock ended by this."""
        return end_clock(clock, self.at, self.by, withdrawn=self.withdrawn)


@value_class
class BeginClocks:
    """Let the clocks run that wait for this message's delivery, or (`served`) for a record that it was served."""

    source: str
    message_id: str
    at: int
    served: bool
    calendar: Calendar

    def begins(self, clock: LegalClock) -> bool:
        """Whether this clock is meant: service by other means is as good as delivery, not the other way round."""
        same = (clock.source, clock.message_id) == (self.source, self.message_id)
        return same and clock.state is ClockState.WAITING and (self.served or clock.awaits is Awaits.DELIVERY)

    def begin(self, clock: LegalClock) -> LegalClock:
        """The clock running."""
        return begin_clock(clock, self.at, self.calendar, RULES[clock.rule].thresholds)


ClockChange = LegalClock | EndClocks | BeginClocks
"""A clock to start (unless one of its number is there), clocks to end, clocks to let run."""


@dataclass(slots=True, kw_only=True)
class ClockLedger:
    """The changes of a batch in their order: later ones also meet the clocks that earlier ones start.

    To be written so: `begun`, then `ended`, then `started`.
    """

    started: list[LegalClock] = field(default_factory=list)
    ended: list[EndClocks] = field(default_factory=list)
    begun: list[BeginClocks] = field(default_factory=list)

    def add(self, changes: Iterable[ClockChange]) -> None:
        """Take in the changes of one cause."""
        for change in changes:
            match change:
                case LegalClock():
                    self.started.append(change)
                case EndClocks():
                    self.ended.append(change)
                    self.started = [change.end(clock) if change.ends(clock) else clock for clock in self.started]
                case BeginClocks():
                    self.begun.append(change)
                    self.started = [change.begin(clock) if change.begins(clock) else clock for clock in self.started]


def find_changes(happening: Happening, calendar: Calendar) -> tuple[ClockChange, ...]:
    """What a happening does to clocks: it ends, lets run, then starts. Empty for most."""
    ended = [_end(rule, end, happening) for rule, end in _ENDS.get(happening.type, ()) if end.when(happening)]
    started = [
        _start(rule, start, happening, calendar)
        for rule, start in _STARTS.get(happening.type, ())
        if start.when(happening)
    ]
    return (*ended, *_serve(happening, calendar), *started)


def starts_on_delivery(type_: str) -> bool:
    """Whether the delivery of such a message lets a clock run."""
    return type_ in _DELIVERED


def _end(rule: ClockRule, end: End, happening: Happening) -> EndClocks:
    return EndClocks(
        rule=rule.id,
        scope=_scope(rule, happening),
        key=end.key(happening) if end.key else None,
        at=happening.now,
        by=f"{happening.source}/{happening.id}",
        withdrawn=end.withdrawn,
    )


def _serve(happening: Happening, calendar: Calendar) -> Iterator[BeginClocks]:
    """A record of service by other means lets the clocks of its message run, from the service on."""
    if happening.type == SERVICE_RECORD:
        data = happening.data
        yield BeginClocks(
            source=data["messageSource"],
            message_id=data["messageId"],
            at=min(parse_rfc3339(data["deliveredTime"]), happening.now),
            served=True,
            calendar=calendar,
        )


def _start(rule: ClockRule, start: Start, happening: Happening, calendar: Calendar) -> LegalClock:
    at, area = start.since(happening), happening.area
    scope, occasion = _scope(rule, happening), start.occasion(happening) if start.occasion else None
    source = area.sources.get(f"clocks.{rule.id}")
    clock = LegalClock(
        number=_name(rule.id, scope, occasion or f"{happening.source}/{happening.id}"),
        rule=rule.id,
        subject=happening.case_no if rule.about is About.CASE else happening.subject,
        scope=scope,
        key=start.key(happening),
        platform=happening.platform,
        institution=_name_institution(rule, happening),
        region=happening.region,
        basis=source.basis if source else rule.basis or "",
        unverified=source is not None and source.unverified,
        length=rule.term or area.clocks[rule.id],
        close=area.day_close,
        source=happening.source,
        message_id=happening.id,
        created_at=happening.now,
        awaits=start.awaits(happening) if at is None else None,
        fixed_at=start.fixed(happening),
    )
    if at is None:
        return clock
    return run_on(clock, at) if start.endless else begin_clock(clock, at, calendar, rule.thresholds)


def _scope(rule: ClockRule, happening: Happening) -> str:
    return happening.case_no if rule.by_case else happening.subject


def _name_institution(rule: ClockRule, happening: Happening) -> str | None:
    if rule.about is About.INSTITUTION:
        return happening.subject
    return happening.after.institution if rule.about is About.ORDER and happening.after else None


def _name(rule: str, scope: str, occasion: str) -> str:
    """The clock's number: the same for the same cause, so that a cause told twice starts one clock."""
    return sha256(f"{rule}\x1f{scope}\x1f{occasion}".encode()).hexdigest()[:_NUMBER_LENGTH].upper()


def _by_type(rows: Sequence[tuple[ClockRule, _Row]]) -> Mapping[str, tuple[tuple[ClockRule, _Row], ...]]:
    types = {row.type for _, row in rows}
    return MappingProxyType({type_: tuple(pair for pair in rows if pair[1].type == type_) for type_ in types})


_STARTS: Final = _by_type([(rule, start) for rule in CLOCK_RULES for start in rule.starts])
_ENDS: Final = _by_type([(rule, end) for rule in CLOCK_RULES for end in rule.ends])
_DELIVERED: Final = frozenset(
    start.type for rule in CLOCK_RULES for start in rule.starts if start.since in {delivered, pay_started}
)
