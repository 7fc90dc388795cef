"""The HTTP client: the transport that carries deliveries, a lane of connections per institution, and a plain client.

Source: architecture "net" and point 10, facts "Wire traps": a shared connector lets one hanging bank starve the others.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yarl import URL

from gateway.core.exchange import Answer, Request
from gateway.core.party import Link, Party
from gateway.net.calls import MAX_ANSWER, Call, Session, describe, open_session, perform
from gateway.net.guard import AddressGuard, GuardRefusal, parse_networks

_PLAIN_CONCURRENCY: Final = 100


@dataclass(slots=True, kw_only=True)
class _Lane:
    """The connections to one institution; `stamp` tells when they must be made anew."""

    stamp: tuple[object, ...]
    session: Session
    users: int = 0
    retired: bool = False

    async def leave(self) -> None:
        self.users -= 1
        if self.retired and self.users == 0:
            await self.session.close()

    async def retire(self) -> None:
        self.retired = True
        if self.users == 0:
            await self.session.close()


class HttpTransport:
    """Implements ports.Transport: each institution has its own connections, bounds, certificates and proxy."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._lanes: dict[tuple[str, bool], _Lane] = {}

    async def send(self, request: Request, party: Party) -> Answer:
        """One request, one answer, within the party's link; a fault of any kind is an answer without a status."""
        try:
            lane = await self._enter(request, party)
        except (OSError, ValueError) as error:
            return Answer(status=None, error=_describe_setup(error))
        try:
            return await perform(lane.session, _call(request, party.link))
        finally:
            await lane.leave()

    async def close(self) -> None:
        """Let go of all connections, those under way too."""
        lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            await lane.session.close()

    async def _enter(self, request: Request, party: Party) -> _Lane:
        """The lane of this party, made anew when its link or one of its files changed; counted as in use."""
        url, link = URL(request.url, encoded=True), party.link
        networks = parse_networks(link.networks)
        self._guard.check_url(url, networks, proxied=link.proxy is not None)
        key, stamp = (party.id, url.scheme == "http"), _stamp(link)
        old = self._lanes.get(key)
        if old is not None and old.stamp == stamp:
            old.users += 1
            return old
        lane = self._lanes[key] = _Lane(stamp=stamp, session=self._open(link), users=1)
        if old is not None:
            await old.retire()
        return lane

    def _open(self, link: Link) -> Session:
        """A proxy's own address is the operator's word and is not guarded."""
        factory = None if link.proxy else self._guard.socket_factory(parse_networks(link.networks))
        return open_session(concurrency=link.concurrency, context=_tls_context(link), factory=factory)


class HttpClient:
    """A plain client with the same bounds, for simulators, commands and the demo; it dials what it is told."""

    def __init__(self, *, ca_file: str | None = None, limit: int = MAX_ANSWER) -> None:
        self._link = Link(ca_file=ca_file)
        self._limit = limit
        self._session: Session | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float = 10.0,  # noqa: ASYNC109 - a bound of the call, which ends in an Answer and not in an exception
    ) -> Answer:
        """One request, one answer within `timeout` seconds; never raises for the network's faults.

        Names in `headers` that differ in case alone are lines of one header.
        """
        if self._session is None:
            context = _tls_context(self._link)
            self._session = open_session(concurrency=_PLAIN_CONCURRENCY, context=context, factory=None)
        call = Call(
            method=method,
            url=url,
            headers=_write_lines(headers or {}),
            body=body,
            connect=timeout,
            total=timeout,
            limit=self._limit,
        )
        return await perform(self._session, call)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _write_lines(headers: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    written: dict[str, str] = {}
    return [(written.setdefault(name.lower(), name), value) for name, value in headers.items()]


def _call(request: Request, link: Link) -> Call:
    return Call(
        method=request.method,
        url=request.url,
        headers=request.headers,
        body=request.body,
        connect=link.connect_timeout,
        total=link.answer_timeout,
        proxy=link.proxy,
    )


def _files(link: Link) -> list[str]:
    return [name for name in (link.ca_file, link.client_certificate, link.client_key) if name]


def _stamp(link: Link) -> tuple[object, ...]:
    """Changes with the link and with its files, so that a renewed certificate is taken up."""
    return (link, *(Path(name).stat().st_mtime_ns for name in _files(link)))


def _tls_context(link: Link) -> ssl.SSLContext | None:
    """None for the system's own trust; with a CA file that CA alone is trusted."""
    if not _files(link):
        return None
    context = ssl.create_default_context(cafile=link.ca_file)
    if link.client_certificate:
        # An empty password refuses an encrypted key; without one OpenSSL would ask the terminal.
        context.load_cert_chain(link.client_certificate, link.client_key, password="")
    return context


def _describe_setup(error: Exception) -> str:
    if isinstance(error, GuardRefusal):
        return describe(error)
    return f"无法准备连接，请核对该机构的网址、CA 文件、客户端证书与密钥（{error}）。"
