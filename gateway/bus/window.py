"""The confirm window of one channel: which publishes are in flight and what became of them. No I/O.

Source: RabbitMQ publisher confirms. Tags count from 1 after Confirm.Select-Ok; `multiple` settles all up to a tag; a
Basic.Return comes before the Ack of the message it returns; what has no confirm when the channel closes is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.ports import Publication


@dataclass(slots=True, kw_only=True)
class Flight:
    """One publish on its way."""

    tag: int
    publication: Publication
    batch: Batch
    returned: bool = False


class Batch:
    """What became of the publishes of one call: confirmed, returned as unroutable, or unknown.

    `refused` counts what the broker said no to, in whichever way; what a second try confirms stays counted.
    """

    def __init__(self) -> None:
        self.confirmed: set[int] = set()
        self.returned: list[Publication] = []
        self.in_flight = 0
        self.refused = 0

    def settle(self, flight: Flight, *, acked: bool) -> None:
        """Record the broker's word on one publish."""
        self.in_flight -= 1
        self.refused += flight.returned or not acked
        if flight.returned:
            self.returned.append(flight.publication)
        elif acked:
            self.confirmed.add(flight.publication.delivery_id)


@dataclass(slots=True, kw_only=True)
class ConfirmWindow:
    """Publishes in flight on one channel in confirm mode, at most `limit` of them and about `limit_bytes` of bodies."""

    limit: int
    limit_bytes: int
    _flights: dict[int, Flight] = field(default_factory=dict)
    _last_tag: int = 0
    _bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Tell whether the next publish must wait. One body is always let in, whatever its size."""
        return len(self._flights) >= self.limit or self._bytes >= self.limit_bytes

    def add(self, publication: Publication, batch: Batch) -> None:
        """Record a publish that was just handed to the channel; it gets the next delivery tag."""
        self._last_tag += 1
        self._flights[self._last_tag] = Flight(tag=self._last_tag, publication=publication, batch=batch)
        self._bytes += len(publication.body)
        batch.in_flight += 1

    def mark_returned(self, delivery_id: int) -> None:
        """Record a Basic.Return, which names no tag: it is the oldest unmarked publish of this delivery."""
        for flight in self._flights.values():
            if flight.publication.delivery_id == delivery_id and not flight.returned:
                flight.returned = True
                return

    def settle(self, tag: int, *, multiple: bool, acked: bool) -> None:
        """Record an Ack or Nack; a tag that is not in flight is ignored."""
        for each in self._tags(tag, multiple=multiple):
            flight = self._flights.pop(each)
            self._bytes -= len(flight.publication.body)
            flight.batch.settle(flight, acked=acked)

    def lose(self) -> None:
        """Record the channel's end: all that is in flight is unknown."""
        self.settle(0, multiple=True, acked=False)

    def give_up(self, batch: Batch) -> None:
        """Settle what a batch has in flight as unknown; confirms that come later are for nobody."""
        for tag in [tag for tag, flight in self._flights.items() if flight.batch is batch]:
            self.settle(tag, multiple=False, acked=False)

    def _tags(self, tag: int, *, multiple: bool) -> Iterable[int]:
        if not multiple:
            return [tag] if tag in self._flights else []
        return [each for each in self._flights if tag in (0, each) or each < tag]
