from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.bus.quarantine import Answer, Quarantine
from gateway.bus.settings import RabbitSettings
from gateway.ports import Publication
from gateway.retrying import Backoff
from tests.bus.support import Journal, eventually, publication

_SETTINGS = RabbitSettings(
    url="amqp://nowhere",
    replace_after=20.0,
    replace_every=60.0,
    backoff=Backoff(first=1.0, longest=8.0, jitter=0.0),
)
_ASKED = 5.0
"""Seconds that each question takes."""


class _Broker:
    """A queue that answers by a script, on a clock of its own; after the script it confirms."""

    def __init__(self, answers: Sequence[Answer], *, heals: bool = True) -> None:
        self.now = 1000.0
        self.asked: list[float] = []
        self.replaced: list[float] = []
        self.pauses: list[float] = []
        self.journal = Journal()
        self._answers = list(answers)
        self._heals = heals
        self.quarantine = Quarantine(
            _SETTINGS,
            ask=self._ask,
            replace=self._replace,
            log=self.journal,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def _ask(self, _publication: Publication) -> Answer:
        self.asked.append(self.now)
        self.now += _ASKED
        return self._answers.pop(0) if self._answers else Answer.CONFIRMED

    async def _replace(self, _recipient: str) -> bool:
        self.replaced.append(self.now - 1000.0)
        return self._heals

    async def run(self, *, seconds: float = 10.0) -> None:
        """Admit a recipient and return when it is free again."""
        self.quarantine.admit(publication(1), seconds=seconds)
        assert list(self.quarantine.recipients) == ["xmccb"]
        await eventually(lambda: not self.quarantine.recipients)


@pytest.mark.parametrize(
    ("answers", "replaced"),
    [
        ([], []),
        ([Answer.NONE], []),
        # 10 s before it came, then 1 + 5 and 2 + 5: the second question ends after 23 s.
        ([Answer.NONE] * 2, [13.0]),
        ([Answer.REFUSED] * 2, [13.0]),
        # What is full, or was not there, begins anew: 6 s, then pauses of 2, 4 and 8 with their questions.
        ([Answer.FULL] * 9, []),
        ([Answer.AWAY] * 9, []),
        ([Answer.FULL, *[Answer.NONE] * 2], []),
        ([Answer.FULL, *[Answer.NONE] * 3], [35.0]),
        # Once made anew it is left as it is for a minute, however dumb.
        ([Answer.NONE] * 7, [13.0]),
        ([Answer.NONE] * 9, [13.0, 74.0]),
    ],
)
async def test_a_queue_is_made_anew_when_it_was_dumb_for_long(answers: list[Answer], replaced: list[float]) -> None:
    """Twenty seconds without a confirm count while the broker is there, once a minute at most."""
    broker = _Broker(answers)
    await broker.run()
    assert (broker.replaced, len(broker.asked)) == (replaced, len(answers) + 1)
    assert broker.journal.events["bus.queue_replaced"] == len(replaced)


async def test_the_pauses_grow_and_begin_again_when_the_broker_was_away() -> None:
    """A dumb queue is asked less and less; after an absence of the broker at once again."""
    broker = _Broker([Answer.FULL] * 5 + [Answer.AWAY] * 2)
    await broker.run()
    assert broker.pauses == [1, 2, 4, 8, 8, 8, 1, 1]


async def test_a_queue_that_cannot_be_made_anew_is_tried_again_later() -> None:
    """A deletion that fails is not told as a replacement, and is not repeated before its time."""
    broker = _Broker([Answer.NONE] * 4, heals=False)
    await broker.run()
    assert (len(broker.replaced), broker.journal.events["bus.queue_replaced"]) == (1, 0)


async def test_a_stop_ends_the_watches() -> None:
    """After a stop nobody is asked any more."""
    broker = _Broker([Answer.AWAY] * 1000)
    broker.quarantine.admit(publication(1), seconds=0.0)
    await broker.quarantine.stop()
    assert not broker.quarantine.recipients
