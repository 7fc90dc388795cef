"""What a run of the conformance kit tells people while it goes on: where it listens, who must do what, a countdown."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

from gateway.cli.output import say
from gateway.conformance.face import Refused
from gateway.conformance.runner import Ended, Listening
from gateway.conformance.steps import Waiting, WaitOver

_CLEAR: Final = "\r\033[K"
_TICK_S: Final = 1.0


class Progress:
    """Told of each event of a run; on a terminal the open waits count down on the last line."""

    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint
        self._waits: dict[str, tuple[Waiting, float]] = {}
        self._on_terminal = sys.stderr.isatty()

    def tell(self, event: Listening | Waiting | WaitOver | Refused | Ended) -> None:
        """Take an event and say it."""
        if isinstance(event, WaitOver):
            self._waits.pop(event.case, None)
            return
        self._clear()
        if isinstance(event, Listening):
            self._introduce(event)
        elif isinstance(event, Waiting):
            self._waits[event.case] = (event, time.monotonic() + event.seconds)
            say(f"[{event.case}] 等待{event.who}：{event.todo}（最多 {event.seconds:.0f} 秒，Ctrl-C 取消）")
        elif isinstance(event, Refused):
            say(f"机构的调用被拒绝（{event.code}）：{event.text}")
        else:
            say(f"[{event.done}/{event.total}] {event.case.id} {event.case.title} {event.progress.text}".rstrip())

    def _introduce(self, event: Listening) -> None:
        say(f"本工具充当网关与平台，请机构系统按此设置：\n  网关地址  {event.url}\n  网关公钥  {event.key_file}")
        say("  其余公钥（平台等）由 GET /v1/keys 取得，应答已由上述公钥签名。")
        say(f"机构接收地址：{self._endpoint or '无，由机构拉取信箱'}")

    async def count_down(self) -> None:
        """Show the longest open wait and its seconds, each second, until cancelled; nothing off a terminal."""
        while self._on_terminal:
            await asyncio.sleep(_TICK_S)
            self._show()

    def _show(self) -> None:
        if not self._waits:
            self._clear()
            return
        event, deadline = min(self._waits.values(), key=lambda wait: wait[1])
        left = max(0, round(deadline - time.monotonic()))
        others = f"，另有 {len(self._waits) - 1} 项在等" if len(self._waits) > 1 else ""
        print(f"{_CLEAR}等待{event.who}：{event.todo}，还剩 {left} 秒{others}", end="", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._on_terminal:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
