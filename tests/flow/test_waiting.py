"""Pulses, bells and loops, on a clock that the test moves."""

from __future__ import annotations

import asyncio

from gateway.flow.pulse import Bell, Pulse
from gateway.flow.service import STUMBLE_SECONDS, Loop
from gateway.ports import StoreUnavailable
from tests.harness.fake_clock import FakeClock


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_pulse_that_beat_before_is_heard():
    """A beat while nobody waits wakes the next one to wait, once."""
    clock = FakeClock()
    pulse = Pulse(clock)
    pulse.beat()
    await asyncio.wait_for(pulse.wait(60), 1)
    waiter = asyncio.create_task(pulse.wait(60))
    await settle()
    assert not waiter.done()
    clock.advance(60)
    await asyncio.wait_for(waiter, 1)


async def test_a_bell_wakes_everybody():
    """One ring ends every wait; a ring between the look and the wait is not missed."""
    bell = Bell(FakeClock())
    waits = [asyncio.create_task(bell.wait(bell.rings, 60)) for _ in range(3)]
    await settle()
    seen = bell.rings
    bell.ring()
    await asyncio.wait_for(asyncio.gather(*waits), 1)
    await asyncio.wait_for(bell.wait(seen, 60), 1)


async def test_a_bell_gives_up_in_time():
    """A wait ends with its span when nothing rings."""
    clock = FakeClock()
    bell = Bell(clock)
    wait = asyncio.create_task(bell.wait(bell.rings, 5))
    await settle()
    clock.advance(4.9)
    await settle()
    assert not wait.done()
    clock.advance(0.2)
    await asyncio.wait_for(wait, 1)


class Steps:
    """A step that plays a script: True for more, False for none, an exception to raise."""

    def __init__(self, *script: bool | Exception) -> None:
        self.script = list(script)
        self.taken = 0

    async def __call__(self) -> bool:
        self.taken += 1
        result = self.script.pop(0) if self.script else False
        if isinstance(result, Exception):
            raise result
        return result


async def test_a_loop_goes_on_while_there_is_more():
    """A step that says more is followed at once; else the loop waits its seconds or a beat."""
    clock, steps = FakeClock(), Steps(True, True, False)
    loop = Loop("relay", steps, clock=clock, seconds=10, log=lambda *_a, **_k: None)
    task = asyncio.create_task(loop.run())
    await settle()
    assert steps.taken == 3
    clock.advance(10)
    await settle()
    assert steps.taken == 4
    loop.pulse.beat()
    await settle()
    assert steps.taken == 5
    await asyncio.wait_for(loop.stop(), 1)
    await task


async def test_a_loop_outlives_its_faults():
    """An unavailable store and an unknown fault are logged by name, and the step is tried again after a pause."""
    clock, events = FakeClock(), []
    steps = Steps(StoreUnavailable("down"), ValueError("odd"), True)
    loop = Loop("sweep", steps, clock=clock, seconds=60, log=lambda event, **_: events.append(event))
    task = asyncio.create_task(loop.run())
    for taken in (1, 2):
        await settle()
        assert steps.taken == taken
        clock.advance(STUMBLE_SECONDS)
    await settle()
    assert events == ["service.store_unavailable", "service.step_failed"]
    assert steps.taken == 4
    await asyncio.wait_for(loop.stop(), 1)
    await task
