"""pika's callbacks as awaitables: a connection and a channel whose calls return, or raise `BrokerError`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pika import URLParameters
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker, StreamLostError

_GOODBYE = 2.0
"""Seconds that a broker gets to agree to an end."""

# The broker's absences are told by events of our own; pika's loggers would repeat each with a traceback.
logging.getLogger("pika").setLevel(logging.CRITICAL + 1)


class BrokerError(Exception):
    """The broker refused, or is not there; `code` is its reply code (404, 406, …) where it gave one."""

    def __init__(self, text: str, *, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


def _wrapped(reason: BaseException) -> BrokerError:
    code = reason.reply_code if isinstance(reason, ChannelClosedByBroker) else None
    error = BrokerError(f"{type(reason).__name__}: {reason}", code=code)
    error.__cause__ = reason
    return error


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], reason: BaseException) -> None:
    if not future.done():
        future.set_exception(_wrapped(reason))
        future.exception()  # an outcome that nobody waits for any more is not worth a warning


class BrokerChannel:
    """One channel. `closed` tells why it ended, once it has."""

    def __init__(self, raw: Channel, *, call_timeout: float) -> None:
        self.raw = raw
        self.closed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._call_timeout = call_timeout
        self._waiting: set[asyncio.Future[Any]] = set()
        raw.add_on_close_callback(self._on_close)

    @property
    def is_open(self) -> bool:
        """Tell whether methods can be sent on it now."""
        return bool(self.raw.is_open)

    async def call(self, method: Callable[..., Any], /, **arguments: Any) -> Any:
        """Call one of the channel's methods that take a callback and return the broker's answer.

        Raises BrokerError when the broker closes the channel over it, is gone, or does not answer in time. The last
        leaves the channel closing, for one with an unanswered call takes no other.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.add(answer)
        try:
            method(callback=partial(_resolve, answer), **arguments)
            async with asyncio.timeout(self._call_timeout):
                return await answer
        except AMQPError as error:
            raise _wrapped(error) from error
        except TimeoutError as error:
            self.leave()
            raise BrokerError("the broker did not answer in time") from error
        finally:
            self._waiting.discard(answer)

    def leave(self) -> None:
        """Close the channel without waiting for the broker; what was not acknowledged on it goes back to its queue."""
        if self.is_open:
            self.raw.close()

    def _on_close(self, _channel: Channel, reason: BaseException) -> None:
        for answer in list(self._waiting):
            _fail(answer, reason)
        _resolve(self.closed, reason)


class BrokerConnection:
    """One open connection. `closed` tells why it ended, once it has; `blocked` that the broker reads nothing of it."""

    def __init__(self, raw: AsyncioConnection, *, call_timeout: float) -> None:
        self.raw = raw
        self.blocked = False
        self.closed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._call_timeout = call_timeout
        self._aborted = False
        raw.add_on_close_callback(lambda _raw, reason: _resolve(self.closed, reason))
        raw.add_on_connection_blocked_callback(lambda _raw, _frame: self._set_blocked(blocked=True))
        raw.add_on_connection_unblocked_callback(lambda _raw, _frame: self._set_blocked(blocked=False))

    @property
    def is_open(self) -> bool:
        """Tell whether channels can be opened on it now."""
        return bool(self.raw.is_open) and not self._aborted

    async def channel(self, *, call_timeout: float | None = None) -> BrokerChannel:
        """Open a channel, whose calls have `call_timeout` seconds where it is given.

        Raises BrokerError when the broker is gone or does not answer in time.
        """
        opened: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        try:
            raw = self.raw.channel(on_open_callback=partial(_resolve, opened))
        except AMQPError as error:
            raise _wrapped(error) from error
        channel = BrokerChannel(raw, call_timeout=call_timeout or self._call_timeout)
        raw.add_on_close_callback(lambda _channel, reason: _fail(opened, reason))
        try:
            async with asyncio.timeout(self._call_timeout):
                await opened
        except TimeoutError as error:
            raise BrokerError("the broker did not open a channel in time") from error
        return channel

    def abort(self, reason: str) -> None:
        """Drop the connection at once, without the broker's consent."""
        if not (self.closed.done() or self._aborted):
            self._aborted = True
            # pika has no public abort; its own heartbeat checker ends a dead stream in this way.
            self.raw._terminate_stream(StreamLostError(reason))  # noqa: SLF001

    async def close(self) -> None:
        """Close the connection, politely as long as the broker takes part in it."""
        if self.raw.is_open and not self._aborted:
            self.raw.close()
        await asyncio.wait([self.closed], timeout=_GOODBYE)
        self.abort("the broker did not agree to a close in time")
        await self.closed

    def _set_blocked(self, *, blocked: bool) -> None:
        self.blocked = blocked


async def connect(url: str, *, heartbeat: int, connect_timeout: float, call_timeout: float) -> BrokerConnection:
    """Open a connection. Raises BrokerError when the broker is not there, refuses, or is too slow."""
    opened: asyncio.Future[AsyncioConnection] = asyncio.get_running_loop().create_future()
    raw = AsyncioConnection(
        _parameters(url, heartbeat=heartbeat, timeout=connect_timeout),
        on_open_callback=partial(_resolve, opened),
        on_open_error_callback=lambda _raw, reason: _fail(opened, reason),
        custom_ioloop=asyncio.get_running_loop(),
    )
    try:
        return BrokerConnection(await asyncio.shield(opened), call_timeout=call_timeout)
    except asyncio.CancelledError:
        if not (raw.is_closed or raw.is_closing):
            raw.close()
            await asyncio.wait([opened], timeout=connect_timeout)
        raise


def check_url(url: str) -> None:
    """Raise ValueError for a URL that no broker can be reached by; pika itself would also take `http`."""
    if urlsplit(url).scheme not in {"amqp", "amqps"}:
        raise ValueError("a bus URL begins with amqp:// or amqps://")
    _parameters(url, heartbeat=1, timeout=1)


def _parameters(url: str, *, heartbeat: int, timeout: float) -> URLParameters:
    parameters = URLParameters(url)
    parameters.heartbeat = heartbeat
    parameters.socket_timeout = timeout
    parameters.stack_timeout = timeout  # bounds all of it: TCP, TLS and the AMQP handshake
    parameters.connection_attempts = 1
    parameters.blocked_connection_timeout = None
    parameters.client_properties = {"connection_name": "wage-guarantee-gateway"}
    return parameters
