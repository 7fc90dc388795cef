"""Faults of the gateway's own processes: killed, frozen, ended, dying at a named point, giving up too soon."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.chaos.roles import PATIENCE, Member
from tests.chaos.stage import INSTITUTIONS, Stage
from tests.chaos.waiting import let

LEASE_SECONDS = 7.0
"""A little more than a worker's lease of five seconds."""

GIVE_UP_SECONDS = 8.0
TABLE_SECONDS = 20.0
"""How long one institution fails while messages are given up after `GIVE_UP_SECONDS`: the whole schedule, and more."""


def one_of(stage: Stage, role: str) -> Member:
    """Any of the processes that play a role."""
    return random.choice(stage.of(role))


def start_all(members: Sequence[Member], **env: str) -> None:
    """Start together, then wait until each serves."""
    for member in members:
        member.launch(**env)
    for member in members:
        member.await_ready()


def killed(stage: Stage, *, role: str, seconds: float = 1.0) -> Iterator[None]:
    """Kill -9 of one, a while without it, and its return."""
    member = one_of(stage, role)
    member.kill()
    let(seconds)
    yield
    member.start()


def all_killed(stage: Stage) -> Iterator[None]:
    """Kill -9 of every process of the gateway at once."""
    for member in stage.roles.values():
        member.kill()
    yield
    start_all(list(stage.roles.values()))


def frozen(stage: Stage, *, role: str) -> Iterator[None]:
    """SIGSTOP past the lease, then SIGCONT: the process believes that it still holds what others took over."""
    member = one_of(stage, role)
    member.freeze()
    let(LEASE_SECONDS)
    yield
    member.thaw()


def terminated(stage: Stage, *, role: str) -> Iterator[None]:
    """SIGTERM under load: it must end by itself with 0."""
    member = one_of(stage, role)
    end(stage, member)
    yield
    member.start()


def end(stage: Stage, member: Member) -> None:
    """SIGTERM; another exit code than 0 is noted."""
    code = member.end()
    if code:
        stage.notes.append(f"{member.name} ended with {code} at SIGTERM")


def dying(stage: Stage, *, role: str, point: str, times: int = 20) -> Iterator[None]:
    """A process that dies by itself at a named point of the code."""
    member = one_of(stage, role)
    end(stage, member)
    member.launch(WGG_FAILPOINTS=f"{point}={times}")
    await_death(stage, member, point)
    yield
    member.start()


def dying_relay(stage: Stage, *, times: int = 5) -> Iterator[None]:
    """The one relay that runs dies with wake-ups confirmed and not marked."""
    members = stage.of("relay")
    for member in members:
        end(stage, member)
    members[0].launch(WGG_FAILPOINTS=f"relay.published={times}")
    await_death(stage, members[0], "relay.published")
    yield
    start_all(members)


def dying_timers(stage: Stage) -> Iterator[None]:
    """The one sweeper that runs dies with the rows of a killed worker taken back and nobody told."""
    sweepers, worker, bank = stage.of("timers"), one_of(stage, "worker"), random.choice(INSTITUTIONS)
    for member in sweepers:
        end(stage, member)
    sweepers[0].start(WGG_FAILPOINTS="sweep.done=1")
    stage.behave(bank, "hang")  # so that the worker is killed with claims in hand
    let(1.5)
    worker.kill()
    stage.behave(bank)
    await_death(stage, sweepers[0], "sweep.done")
    yield
    start_all([*sweepers, worker])


def dying_keeper(stage: Stage) -> Iterator[None]:
    """The one process that fires clocks dies with thresholds committed and nobody told."""
    keepers = stage.of("timers")
    for member in keepers:
        end(stage, member)
    keepers[0].start(WGG_FAILPOINTS="clocks.fired=3")
    await_death(stage, keepers[0], "clocks.fired")
    yield
    start_all(keepers)


def await_death(stage: Stage, member: Member, point: str) -> None:
    """A process that did not die at its point is noted and killed."""
    if not member.await_death(PATIENCE):
        stage.notes.append(f"{member.name} did not reach {point} as often as it should")
        member.kill()


def given_up(stage: Stage, *, role: str) -> Iterator[None]:
    """One institution fails longer than the whole schedule lasts, by workers that give up after seconds."""
    workers, bank = stage.of(role), random.choice(INSTITUTIONS)
    for member in workers:
        end(stage, member)
    start_all(workers, WGG_DELIVERY__GIVE_UP_HOURS=str(GIVE_UP_SECONDS / 3600))
    stage.behave(bank, "error")
    let(TABLE_SECONDS)
    stage.behave(bank)
    for member in workers:
        end(stage, member)
    yield
    start_all(workers)
