from __future__ import annotations

import pytest

from gateway.retrying import Backoff, delivery_wait, retry_transient

SCHEDULE = (15, 15, 30, 180)


@pytest.mark.parametrize(
    ("random", "factor"), [(0.0, 0.8), (0.5, 1.0), (0.999_999, 1.2)], ids=["shortest", "even", "longest"]
)
def test_delivery_waits_follow_the_schedule(random: float, factor: float) -> None:
    """After attempt n comes the n-th wait, then the repeat for ever, each within a fifth."""
    wait = delivery_wait(SCHEDULE, 10_800, 0.2, lambda: random)
    waits = [wait(attempt) for attempt in (1, 2, 3, 4, 5, 6, 500)]
    assert waits == pytest.approx([seconds * factor for seconds in (*SCHEDULE, 10_800, 10_800, 10_800)], rel=1e-5)


class Calls:
    def __init__(self, *results: object) -> None:
        self.results = list(results)
        self.slept: list[float] = []

    async def __call__(self) -> object:
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_passing_fault_is_tried_again() -> None:
    """The call is repeated while it fails in the named way, with a wait between, and its result is given back."""
    calls = Calls(ConnectionError(), TimeoutError(), "done")
    assert await retry_transient(calls, on=(ConnectionError, TimeoutError), tries=3, sleep=calls.sleep) == "done"
    assert len(calls.slept) == 2
    assert all(0 <= seconds <= 1 for seconds in calls.slept)


async def test_the_last_fault_is_raised_as_it_is() -> None:
    """When all tries failed the caller sees the last error itself."""
    last = ConnectionError("last")
    calls = Calls(ConnectionError("first"), last)
    with pytest.raises(ConnectionError) as caught:
        await retry_transient(calls, on=ConnectionError, tries=2, sleep=calls.sleep)
    assert caught.value is last


async def test_another_fault_is_not_tried_again() -> None:
    """What is no passing fault goes up at once."""
    calls = Calls(ValueError("other"), "never")
    with pytest.raises(ValueError, match="other"):
        await retry_transient(calls, on=ConnectionError, tries=5, sleep=calls.sleep)
    assert calls.results == ["never"]


def test_backoff_grows_and_is_bounded() -> None:
    """Waits between failing connections double, stay near their bound, and differ from process to process."""
    backoff = Backoff(first=0.1, longest=5, jitter=0.2)
    for failures, seconds in ((1, 0.1), (2, 0.2), (3, 0.4), (40, 5.0), (10_000, 5.0)):
        assert seconds * 0.8 <= backoff.delay(failures) <= seconds * 1.2
