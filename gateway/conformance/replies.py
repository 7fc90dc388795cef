"""What the kit answers as the gateway, and the named ways in which such an answer goes wrong.

Source: protocol sections 4, 5 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.conformance.seal_faults import ANSWER_SEALS
from gateway.conformance.seals import Seal
from gateway.core.errors import CODES, Problem
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.problem import encode_problem
from gateway.core.wire.strict_json import parse_object

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
_HELD_S: Final = 3.0
_WAITING: Final = frozenset({"RATE_LIMITED", "UNAVAILABLE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer before it is signed. `tamper` changes the body after that; `cut` sends nothing and ends the
    connection, `hold` waits so many seconds first. `signed` is signed in the body's place.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    seal: Seal = field(default_factory=Seal)
    signed: bytes | None = None
    tamper: Callable[[bytes], bytes] = bytes
    cut: bool = False
    hold: float = 0.0


def make_reply(status: int, document: Mapping[str, Any]) -> Reply:
    """An honest answer."""
    return Reply(status=status, body=encode_compact(document))


def refuse(problem: Problem, request_id: str) -> Reply:
    """A problem as an answer."""
    waits = {"Retry-After": str(problem.retry_after)} if problem.retry_after is not None else {}
    return Reply(status=problem.status, body=encode_problem(problem, request_id), headers={**JSON, **waits})


Change = Callable[[Reply], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFault:
    """A named way in which an answer goes wrong."""

    title: str
    apply: Change


def _turn_down(code: str) -> Change:
    problem = Problem(code, retry_after=1 if code in _WAITING else None)
    return lambda _: refuse(problem, "kit")


def _with(**changes: Any) -> Change:
    return lambda reply: replace(reply, **changes)


def _edit(**members: Any) -> Change:
    """The body with some members changed; signed as it is sent."""
    return lambda reply: replace(reply, body=encode_compact({**parse_object(reply.body), **members}))


def _redirect(status: int) -> Change:
    return _with(status=status, headers={**JSON, "Location": "/elsewhere"}, seal=Seal(absent=True))


def _seal(name: str) -> Change:
    return lambda reply: replace(reply, seal=ANSWER_SEALS[name].apply(reply.seal))


_OTHERS: Final[Mapping[str, tuple[str, Change]]] = {
    "cut": ("不作应答即断开连接", _with(cut=True)),
    "held": ("迟几秒才应答", _with(hold=_HELD_S)),
    "empty": ("应答体为空", _with(body=b"")),
    "no-json": ("应答体不是 JSON", _with(body=b"<html>gateway</html>")),
    "other-id": ("回执写着别的 id", _edit(id="some-other-message")),
    "other-digest": ("回执写着别的摘要", _edit(digest="0" * 64)),
    "altered": ("应答体签名后被改动", _with(tamper=lambda body: body.replace(b"{", b"{ ", 1))),
    "redirect": ("307 重定向到别处", _redirect(307)),
    "redirect-301": ("301 重定向到别处", _redirect(301)),
    "bare-502": ("代理的 502，没有签名", _with(status=502, body=b"Bad Gateway", headers={}, seal=Seal(absent=True))),
    "bare-404": ("代理的 404，没有签名", _with(status=404, body=b"Not Found", headers={}, seal=Seal(absent=True))),
    "bare-200": ("代理的 200，没有签名", _with(status=200, body=b"OK", headers={}, seal=Seal(absent=True))),
}

REPLY_FAULTS: Final[Mapping[str, ReplyFault]] = {
    **{f"code/{code}": ReplyFault(title=f"{row.status} {code}", apply=_turn_down(code)) for code, row in CODES.items()},
    **{f"reply/{name}": ReplyFault(title=title, apply=change) for name, (title, change) in _OTHERS.items()},
    **{f"answer/{name}": ReplyFault(title=row.title, apply=_seal(name)) for name, row in ANSWER_SEALS.items()},
}
