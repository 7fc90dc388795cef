"""The steps that a case may take, each once: a verb, and what it does on the stage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.catalogue import example
from gateway.conformance.cases import Step
from gateway.conformance.desk import Desk
from gateway.conformance.exchanges import PUSH, STAND, Exchange, Recorder
from gateway.conformance.faults import forgeries_of, listings_of, replies_of, shape_of
from gateway.conformance.keyring import KeyRing
from gateway.conformance.letters import Letter, Push, address_push, write_letter
from gateway.conformance.mailbox import Standing
from gateway.conformance.stage import Stage, set_member
from gateway.core.wire.compact_json import encode_compact
from gateway.crypto.digest import sm3_hex
from gateway.crypto.signer import new_nonce
from gateway.net.client import HttpClient

SECOND: Final = 1_000_000
_ID_DIGITS: Final = 32
_LONGEST: Final = 128
_BY_HAND: Final = 60.0
_SHORTEST: Final = 2.0


class NothingCame(Exception):  # noqa: N818 - what happened, from the case's side
    """A wait ended without what it waited for; the text (Chinese) says who should have done what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A wait that begins: told to people, with the seconds that it lasts at most."""

    case: str
    who: str
    todo: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOver:
    """A case's wait ended, fulfilled or not."""

    case: str


@dataclass(slots=True, kw_only=True)
class Bench:
    """What the steps work with. `endpoint` None: the institution pulls. `wait` and `answer_s` are in seconds.

    `tell` is told of each wait; `misses` counts the waits in a row that ended in vain.
    """

    desk: Desk
    ring: KeyRing
    recorder: Recorder
    client: HttpClient
    now: Callable[[], int]
    run_id: str
    kind: str
    endpoint: str | None
    wait: float
    answer_s: float
    tell: Callable[[Waiting | WaitOver], None]
    requests: dict[tuple[str, str], Push] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0
    misses: int = 0

    @property
    def patience(self) -> float:
        """How long the next wait may last: less after each one in vain, so that a silent institution costs little.

        People who act by hand are given their time: a wait of more than a minute stays as it is.
        """
        return self.wait if self.wait > _BY_HAND else max(self.wait / 2**self.misses, _SHORTEST)

    async def wait_for(self, news: asyncio.Event, seconds: float) -> bool:
        """Whether it happened within these seconds; remembered for the next wait."""
        try:
            async with asyncio.timeout(seconds):
                await news.wait()
        except TimeoutError:
            self.misses += 1
            return False
        self.misses = 0
        return True

    def next_delivery(self) -> str:
        """A delivery's id."""
        self.deliveries += 1
        return f"kit-{self.deliveries:04d}"


Perform = Callable[[Bench, Stage, Step], Awaitable[None]]


async def send(bench: Bench, stage: Stage, step: Step) -> None:
    """Make a message and bring it to the institution, by push, several times `at_once` if so wanted, or its mailbox."""
    event, faults = _make_event(bench, stage, step), stage.case.faults.get(step.name, ())
    letter = write_letter(bench.ring, event, shape_of(faults), now=bench.now())
    stage.sent[step.name] = letter
    if not faults:
        bench.desk.guarantees.take(event, now=bench.now())
    bench.desk.forgeries = forgeries_of(faults)
    copies = int(step.arguments.get("at_once", 1)) if bench.endpoint is not None else 1
    await asyncio.gather(*(_deliver(bench, stage, step, letter) for _ in range(copies)))
    bench.desk.forgeries = []


async def repeat(bench: Bench, stage: Stage, step: Step) -> None:
    """Bring the bytes of an earlier step again: with a new push signature, or `exactly` as they went."""
    former = step.arguments["of"]
    letter = stage.sent[former]
    stage.sent[step.name] = letter
    if step.arguments.get("exactly") and bench.endpoint is not None:
        await _push(bench, stage, step, letter, bench.requests[stage.case.id, former])
    else:
        await _deliver(bench, stage, step, letter)


async def await_message(bench: Bench, stage: Stage, step: Step) -> None:
    """Wait until the institution's message has come as often as the case wants; NothingCame."""
    awaited = stage.find_await(step.name)
    await _wait(bench, stage, step, awaited.news)


async def poll(bench: Bench, stage: Stage, step: Step) -> None:
    """Wait until the institution has looked into its mailbox; NothingCame."""
    await _wait(bench, stage, step, bench.desk.mailbox.polled)


VERBS: Final[Mapping[str, Perform]] = {"send": send, "repeat": repeat, "await": await_message, "poll": poll}


async def _wait(bench: Bench, stage: Stage, step: Step, news: asyncio.Event) -> None:
    who = str(step.arguments.get("who", "机构系统"))
    todo = str(step.arguments.get("todo", "拉取信箱"))
    seconds = min(float(step.arguments.get("within", bench.wait)), bench.patience)
    if not news.is_set():
        bench.tell(Waiting(case=stage.case.id, who=who, todo=todo, seconds=seconds))
    came = await bench.wait_for(news, seconds)
    bench.tell(WaitOver(case=stage.case.id))
    if not came:
        raise NothingCame(f"等了 {seconds:.0f} 秒，没有等到{who}{todo}。")


def _make_event(bench: Bench, stage: Stage, step: Step) -> dict[str, Any]:
    arguments = step.arguments
    event = example(
        arguments["type"],
        source=arguments.get("source"),
        recipient=bench.desk.institution,
        subject=_name_subject(bench, stage, str(arguments.get("subject", ""))),
        id=_name_message(bench, stage, str(arguments.get("id_of", step.name))),
        kind=bench.kind,
        now_us=bench.now(),
        variant=arguments.get("variant"),
    )
    for pointer, value in arguments.get("data", {}).items():
        set_member(event["data"], pointer, stage.resolve(value))
    return event


def _name_subject(bench: Bench, stage: Stage, wanted: str) -> str:
    """The case's order number, the longest that there may be with it, or the institution's id."""
    named = {"institution": bench.desk.institution, "long": f"{stage.subject}（长）-".ljust(_LONGEST, "9")}
    return named.get(wanted, stage.subject)


def _name_message(bench: Bench, stage: Stage, step: str) -> str:
    """An id that no other run uses and that a reader of logs can find."""
    return sm3_hex(f"{bench.run_id} {stage.case.id} {step}".encode())[:_ID_DIGITS]


async def _deliver(bench: Bench, stage: Stage, step: Step, letter: Letter) -> None:
    if bench.endpoint is None:
        await _let_stand(bench, stage, step, letter)
        return
    attempt = bench.attempts[letter.id] = bench.attempts.get(letter.id, 0) + 1
    used = bench.requests.get((stage.case.id, step.arguments.get("nonce_of", "")))
    request = address_push(
        bench.ring,
        letter,
        target=target_of(bench.endpoint),
        delivery=bench.next_delivery(),
        attempt=attempt,
        now=bench.now(),
        nonce=used.nonce if used else new_nonce(),
    )
    bench.requests[stage.case.id, step.name] = request
    await _push(bench, stage, step, letter, request)


async def _push(bench: Bench, stage: Stage, step: Step, letter: Letter, request: Push) -> None:
    assert bench.endpoint is not None
    number, at = bench.recorder.reserve(), bench.now()
    answer = await bench.client.request(
        "POST", bench.endpoint, headers=request.headers, body=letter.body, timeout=bench.answer_s
    )
    bench.recorder.keep(
        Exchange(
            number=number,
            case=stage.case.id,
            step=step.name,
            way=PUSH,
            at=at,
            took_ms=(bench.now() - at) // 1000,
            method="POST",
            target=bench.endpoint,
            headers=request.headers,
            body=letter.body,
            signed=request.signed,
            status=answer.status,
            answer_headers=answer.headers,
            answer_body=answer.body,
            error=answer.error,
            faults=stage.case.faults.get(step.name, ()),
            about=_describe(letter, request.nonce),
        )
    )


async def _let_stand(bench: Bench, stage: Stage, step: Step, letter: Letter) -> None:
    """Let a message stand until its receipt; one `with_next` stays hidden until the case's next one stands."""
    faults = stage.case.faults.get(step.name, ())
    standing = Standing(
        delivery=bench.next_delivery(),
        case=stage.case.id,
        step=step.name,
        letter=letter,
        faults=listings_of(faults),
        answers=replies_of(faults),
        hidden=bool(step.arguments.get("with_next")),
    )
    number, at = bench.recorder.reserve(), bench.now()
    bench.desk.mailbox.put(standing)
    receipted = _await_receipt(bench, standing, number, at, faults)
    if standing.hidden:
        stage.behind.append(asyncio.create_task(receipted))
        return
    await asyncio.gather(receipted, *stage.behind)
    stage.behind.clear()


async def _await_receipt(bench: Bench, standing: Standing, number: int, at: int, faults: tuple[str, ...]) -> None:
    """Where no receipt comes in time the message is withdrawn, and the judge sees so."""
    if not await bench.wait_for(standing.receipted, bench.patience):
        bench.desk.mailbox.withdraw(standing.delivery)
    bench.recorder.keep(
        Exchange(
            number=number,
            case=standing.case,
            step=standing.step,
            way=STAND,
            at=at,
            took_ms=(bench.now() - at) // 1000,
            method="GET",
            target="/v1/mailbox",
            headers={},
            body=standing.letter.body,
            answer_body=encode_compact(standing.show()),
            error="" if standing.receipt else "没有收到该报文的回执",
            faults=faults,
            about={**_describe(standing.letter, ""), "delivery": standing.delivery},
        )
    )


def target_of(endpoint: str) -> str:
    """The request target under which an endpoint is called, exactly as it will stand on the request line."""
    parts = urlsplit(endpoint)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _describe(letter: Letter, nonce: str) -> dict[str, str]:
    return {
        "message": letter.id,
        "digest": letter.digest,
        "nonce": nonce,
        "origin": letter.origin or "",
        "originString": letter.origin_string.decode("utf-8", "replace"),
    }
