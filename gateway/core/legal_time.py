"""Legal time: the day and hour that clocks and rules go by, and the calendar that they count with.

It is the machine's time, but in a development home that plays days in minutes: there it runs `rate` times as fast from
`epoch` on. Signatures, leases and retries always go by the machine's time (ADR 0014).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.calendar import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalTime:
    """The same in every process of a home, for it follows from the settings alone. Instants are microseconds UTC."""

    calendar: Calendar
    rate: int = 1
    epoch: int = 0

    def at(self, instant: int) -> int:
        """The legal instant at an instant of the machine's clock."""
        return instant if instant <= self.epoch else self.epoch + (instant - self.epoch) * self.rate
