"""Runs cases against an institution: the handshake first and alone, most others side by side, the rest one by one.

All of it within bounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.catalogue import load_catalogue
from gateway.conformance.cases import Case
from gateway.conformance.desk import Desk
from gateway.conformance.exchanges import PUSH, Recorder
from gateway.conformance.face import Face, Refused
from gateway.conformance.keyring import KeyRing
from gateway.conformance.runs import DONE, ERROR, NOT_RUN, WAITING, Progress, Run, save_run
from gateway.conformance.stage import Stage
from gateway.conformance.steps import VERBS, Bench, NothingCame, Waiting, WaitOver
from gateway.crypto.keys import PublicKey
from gateway.net.client import HttpClient
from gateway.net.server import Server, start_server

HANDSHAKE: Final = "handshake"
DISCOVERY: Final = "discovery"
_REACH_S: Final = 4.0
_CUT_S: Final = 0.2
_FINISH_S: Final = 5.0
"""Answers that a case holds back are given, and kept, before the run ends."""
_SERIAL_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Seconds and counts: one wait for the institution, one answer, the first poll, the whole run, the quiet at its
    end in which late messages are still heard, and how many cases run at once.
    """

    wait: float = 20.0
    answer: float = 10.0
    first_poll: float = 60.0
    total: float = 110.0
    quiet: float = 0.5
    parallel: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """The kit listens: `url` is the gateway's address for the institution, `key_file` the gateway's public key."""

    url: str
    key_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A case ended."""

    case: Case
    progress: Progress
    done: int
    total: int


Tell = Callable[[Listening | Waiting | WaitOver | Refused | Ended], None]


class Runner:
    """One run of the kit. `stop` ends it early; what was not done is told as such."""

    def __init__(
        self,
        run: Run,
        cases: Sequence[Case],
        *,
        ring: KeyRing,
        folder: Path,
        key_file: Path,
        host: str,
        port: int,
        bounds: Bounds,
        now: Callable[[], int],
        tell: Tell,
        assumed: bool = False,
        ca_file: str | None = None,
    ) -> None:
        """`assumed`: the institution's id was not given; the one that it signs its first call with is taken over."""
        self.run = run
        self.stop = asyncio.Event()
        self._cases = [case for case in cases if case.applies_to(run.mode, run.kind)]
        self._folder = folder
        self._key_file = key_file
        self._listen = (host, port)
        self._bounds = bounds
        self._tell = tell
        self._now = now
        self._progress: dict[str, Progress] = {}
        self._recorder = Recorder(folder)
        self._desk = Desk(institution=run.institution, kind=run.kind, ring=ring, catalogue=load_catalogue())
        self._face = Face(
            self._desk,
            ring=ring,
            publics=_read_keys(run),
            recorder=self._recorder,
            now=now,
            assumed=assumed,
            tell=tell,
        )
        self._bench = self._set_up(ring, HttpClient(ca_file=ca_file))

    def _set_up(self, ring: KeyRing, client: HttpClient) -> Bench:
        return Bench(
            desk=self._desk,
            ring=ring,
            recorder=self._recorder,
            client=client,
            now=self._now,
            run_id=self.run.id,
            kind=self.run.kind,
            endpoint=self.run.endpoint,
            wait=self._bounds.wait,
            answer_s=self._bounds.answer,
            tell=self._tell,
        )

    async def perform(self) -> Run:
        """Listen, run the cases, keep the run; OSError when the address cannot be listened on."""
        server, grace = await self._listen_on(), _CUT_S
        try:
            trouble = await self._work_within_bounds()
            grace = _CUT_S if trouble else _FINISH_S
        finally:
            await server.stop(grace)
            await self._bench.client.close()
            self._recorder.close()
        self.run = replace(
            self.run,
            institution=self._desk.institution,
            ended_at=self._now(),
            progress={**{case.id: Progress(state=NOT_RUN, text=trouble) for case in self._cases}, **self._progress},
            trouble=trouble,
        )
        save_run(self._folder, self.run)
        return self.run

    async def _listen_on(self) -> Server:
        host, port = self._listen
        server = await start_server(self._face.handle, host=host, port=port)
        self.run = replace(self.run, url=f"http://{host}:{server.port}")
        self._tell(Listening(url=self.run.url, key_file=self._key_file))
        return server

    async def _work_within_bounds(self) -> str:
        """What went wrong with the run as a whole, empty for nothing."""
        work, stopped = asyncio.create_task(self._work()), asyncio.create_task(self.stop.wait())
        await asyncio.wait({work, stopped}, timeout=self._bounds.total, return_when=asyncio.FIRST_COMPLETED)
        trouble = "" if work.done() else "已被取消" if stopped.done() else f"超过总时限 {self._bounds.total:.0f} 秒"
        stopped.cancel()
        if trouble:
            work.cancel()
        (result, _) = await asyncio.gather(work, stopped, return_exceptions=True)
        if isinstance(result, Exception):
            raise result
        return trouble or (result if isinstance(result, str) else "")

    async def _work(self) -> str:
        trouble = await self._meet()
        if trouble:
            return trouble
        gate = asyncio.Semaphore(self._bounds.parallel)
        rest = [case for case in self._cases if case.id != HANDSHAKE]
        await asyncio.gather(*(self._perform_case(case, gate) for case in rest if not case.alone))
        for case in rest:
            if case.alone:
                await self._perform_case(case, gate)
        await asyncio.sleep(self._bounds.quiet)
        return ""

    async def _meet(self) -> str:
        """Reach the institution and run the handshake; why there is no point in going on, else empty.

        An institution whose id is not known yet gets a message before: it fetches keys, and so tells its id.
        """
        trouble = await self._reach()
        handshake = next((case for case in self._cases if case.id == HANDSHAKE), None)
        if trouble or handshake is None:
            return trouble
        if not self._face.knows_institution:
            await self._take_steps(Stage(replace(handshake, id=DISCOVERY), f"DD{DISCOVERY}"))
        await self._perform_case(handshake, asyncio.Semaphore(1))
        sent = next((item for item in self._recorder.exchanges if item.case == HANDSHAKE and item.way == PUSH), None)
        silent = sent is not None and sent.status is None
        return f"机构没有作出 HTTP 应答：{sent.error}" if silent and sent else ""

    async def _reach(self) -> str:
        if self.run.endpoint is None:
            return await self._await_poll()
        parts = urlsplit(self.run.endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(_REACH_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except (OSError, TimeoutError) as error:
            reason = str(error) or "连接超时"
            return f"无法连接 {self.run.endpoint}（{reason}）。请确认机构系统已启动、地址与防火墙无误后重试。"
        writer.close()
        return ""

    async def _await_poll(self) -> str:
        seconds = self._bounds.first_poll
        self._tell(Waiting(case=HANDSHAKE, who="机构系统", todo="开始拉取信箱（GET /v1/mailbox）", seconds=seconds))
        try:
            async with asyncio.timeout(seconds):
                await self._desk.mailbox.polled.wait()
        except TimeoutError:
            return f"等了 {seconds:.0f} 秒，机构没有以有效签名拉取信箱。请核对网关地址、机构标识与所给公钥。"
        finally:
            self._tell(WaitOver(case=HANDSHAKE))
        return ""

    async def _perform_case(self, case: Case, gate: asyncio.Semaphore) -> None:
        async with gate:
            stage = Stage(case, self._number_order(case))
            self._desk.stages[stage.subject] = stage
            self._progress[case.id] = Progress(state=WAITING, text="执行中被中止")
            self._progress[case.id] = await self._take_steps(stage)
            self._tell(Ended(case=case, progress=self._progress[case.id], done=self._count(), total=len(self._cases)))

    async def _take_steps(self, stage: Stage) -> Progress:
        try:
            for step in stage.case.steps:
                stage.begun.append(step.name)
                await VERBS[step.verb](self._bench, stage, step)
        except NothingCame as error:
            return Progress(state=DONE, text=str(error), steps=tuple(stage.begun))
        except Exception as error:  # noqa: BLE001 - whatever fails in a case is the kit's own error, told as such
            text = f"工具自身出错：{type(error).__name__}：{error}"
            return Progress(state=ERROR, text=text, steps=tuple(stage.begun))
        finally:
            stage.leave()
        return Progress(state=DONE, steps=tuple(stage.begun))

    def _number_order(self, case: Case) -> str:
        """An order number that no other run uses."""
        return f"DD{self.run.started_at // 1000 % 10**_SERIAL_DIGITS:012d}{self._cases.index(case):04d}"

    def _count(self) -> int:
        return sum(progress.state != WAITING for progress in self._progress.values())


def _read_keys(run: Run) -> Mapping[str, PublicKey]:
    keys = [PublicKey.from_pem(text) for text in run.public_keys]
    return {key.serial_no: key for key in keys}
