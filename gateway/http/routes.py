"""The calls of protocol section 5 as one table: method, path, whether Authorization is needed, the body's limit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.core.value_class import value_class
from gateway.http.exchange import Handle

MESSAGES: Final = "/v1/messages"
FILES: Final = "/v1/files/"
VERIFY: Final = "/verify"

_SEGMENT: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+"

NO_BODY: Final = 64 * 1024
"""Bytes: for calls that need none; one that is sent is still under the signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call. `open` needs no Authorization; `bare` refuses a query; `limit` bounds the body, in bytes.

    `spends` is False where the handler settles the nonce itself; `signed` is False where the body is not in the signed
    string and the handler reads it by itself.
    """

    method: str
    template: str
    handle: Handle
    open: bool = False
    spends: bool = True
    signed: bool = True
    bare: bool = False
    limit: int = NO_BODY
    path: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compile the template: `{name}` is one segment of the raw path, taken as it stands, without unescaping.

        `{%name}` may hold escapes and whatever else a segment may (RFC 3986, pchar).
        """
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[A-Za-z0-9._~-]+)", re.escape(self.template))
        pattern = re.sub(r"\\\{%(\w+)\\\}", rf"(?P<\1>{_SEGMENT})", pattern)
        object.__setattr__(self, "path", re.compile(pattern))


_PROBES: Final[Mapping[str, str]] = {"/healthz": "HEAD", "/readyz": "HEAD"}
"""Load balancers may ask without wanting the body."""


@value_class
class Found:
    """A route with what its path named."""

    route: Route
    names: dict[str, str]
    query: str


def find_route(routes: Sequence[Route], method: str, target: str) -> Found | None:
    """The route of a raw request target, or None: other methods, escapes and absolute forms find nothing."""
    where, mark, query = target.partition("?")
    for route in routes:
        match = route.path.fullmatch(where) if method in (route.method, _PROBES.get(route.template)) else None
        if match is not None and not (route.bare and mark):
            return Found(route=route, names=match.groupdict(), query=query)
    return None


def is_signed(method: str, target: str) -> bool:
    """Whether the body of a request stands in its signed string: file bytes never do (protocol section 3)."""
    return method != "PUT" or not target.startswith(FILES)


def hide_question(target: str) -> str:
    """A target for the log: what a stranger asks about is nobody's business, and the code in it opens an answer."""
    where, mark, _ = target.partition("?")
    return f"{where}?…" if mark and where.startswith(VERIFY) else target
