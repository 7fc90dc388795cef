"""What passed over the wire, kept whole: each exchange is one line of a run's `exchanges.jsonl`.

Judging reads nothing else, so that a stored run can be judged again by a mended kit.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from gateway.core.errors import Problem
from gateway.core.wire.authorization import Authorization, parse_authorization

FILE: Final = "exchanges.jsonl"
PUSH: Final = "push"
CALL: Final = "call"
STAND: Final = "stand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer. `way` is push (the kit asked), call (the institution asked) or
    stand (a message stood in the mailbox; its receipt is a call of the same step).

    `at` is microseconds UTC, `took_ms` how long the answer took. `signed` is the string that the request's signature
    belongs over. `status` None: no answer came, `error` says why. `about` holds what the kit knows of it: message, its
    digest, nonce, delivery. `faults` names what the kit did wrong on purpose.
    """

    number: int
    case: str
    step: str
    way: str
    at: int
    took_ms: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    signed: bytes = b""
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer_body: bytes = b""
    error: str = ""
    faults: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


_BYTES: Final = ("body", "signed", "answer_body")


def write_exchange(exchange: Exchange) -> str:
    """One line of JSON; bytes that are not UTF-8 as Base64."""
    names = Exchange.__slots__
    members = {name: _show(getattr(exchange, name)) for name in names}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def read_exchange(line: str) -> Exchange:
    """An exchange of its line; ValueError or KeyError for another form."""
    members = json.loads(line)
    values: dict[str, Any] = {
        name: _load(members[name]) if name in _BYTES else members[name] for name in Exchange.__slots__
    }
    return Exchange(**{**values, "faults": tuple(members["faults"])})


def _show(value: Any) -> Any:
    if isinstance(value, bytes):
        return show_bytes(value)
    return dict(value) if isinstance(value, Mapping) else value


def show_bytes(value: bytes) -> str | dict[str, str]:
    """Text where it is UTF-8, else Base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}


def _load(value: str | dict[str, str]) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


class Recorder:
    """Keeps exchanges in memory and in the run's folder; numbers count from 1.

    Header bytes that are no text become `?`: a hostile answer must not break the run.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = (folder / FILE).open("a", encoding="utf-8", errors="replace")
        self.exchanges: list[Exchange] = []
        self._number = 0

    def reserve(self) -> int:
        """The number of an exchange that begins now."""
        self._number += 1
        return self._number

    def keep(self, exchange: Exchange) -> None:
        """Write an exchange down."""
        self.exchanges.append(exchange)
        self._file.write(write_exchange(exchange) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read_exchanges(folder: Path) -> Iterator[Exchange]:
    """A run's exchanges by number; FileNotFoundError where there are none."""
    with (folder / FILE).open(encoding="utf-8") as lines:
        yield from sorted((read_exchange(line) for line in lines), key=lambda exchange: exchange.number)


def read_authorization(exchange: Exchange) -> Authorization | None:
    """The Authorization of a call, None where it cannot be read."""
    try:
        return parse_authorization(exchange.headers.get("authorization", ""))
    except Problem:
        return None
