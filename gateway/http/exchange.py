"""One call on its way through a handler: what was asked, by whom, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Final, Protocol

from gateway.core.errors import Problem
from gateway.core.value_class import value_class
from gateway.core.wire.compact_json import encode_compact
from gateway.flow.gate import Caller, Head
from gateway.ports import Chunks

JSON: Final = "application/json; charset=utf-8"


class Incoming(Protocol):
    """Reads a body as it comes, of at most `limit` bytes in all, `within` seconds."""

    def __call__(self, limit: int, *, within: float) -> Chunks:
        """The chunks; what makes a body unreadable is raised on the way."""
        ...


@value_class
class Call:
    """A call: its path's parts in `names`, its query text, and its caller where it was proved.

    Where the route's body is not signed, `body` is empty and the handler reads `incoming`.
    """

    head: Head
    body: bytes
    names: Mapping[str, str]
    query: str
    caller: Caller | None
    incoming: Incoming

    @property
    def known(self) -> Caller:
        """The proved caller; AUTH_MISSING where there is none."""
        if self.caller is None:
            raise Problem("AUTH_MISSING")
        return self.caller


@value_class
class Reply:
    """What a handler answers; it is signed on its way out when the caller was proved.

    `stream`, where there is one, follows an empty `body` and is not under the signature; its size is in the headers.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Chunks | None = None
    close: bool = False


Handle = Callable[[Call], Awaitable[Reply]]


def reply_json(value: Mapping[str, object], status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status=status, body=encode_compact(value))
