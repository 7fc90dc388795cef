"""Signing and verifying off the event loop, in as many threads as there are to spare.

libcrypto releases the GIL, so that two threads do twice the work. A hop to a thread costs a fifth of a signature, so
what waits while the threads are busy hops together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

from gateway.core.errors import Problem
from gateway.core.value_class import value_class
from gateway.core.wire.authorization import Authorization
from gateway.core.wire.response import ResponseSignature
from gateway.crypto import signer
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.provider import Provider

T = TypeVar("T")
Work = Callable[[], Any]
Done = tuple[Any, Exception | None]

BOUND: Final = 2000
"""Requests to verify that wait at most: a quarter of a second's work of two threads."""

_MOST: Final = 8
"""Operations a hop at most: the last one waits two milliseconds for the first."""


@value_class
class Answer:
    """An answer to be signed: `timestamp` in Unix seconds, the request's `nonce`, the body's bytes."""

    private: PrivateKey
    timestamp: int
    nonce: str
    body: bytes


class CryptoPool:
    """The asynchronous face of `signer`, over a bounded number of threads; raises what `signer` raises.

    A request to verify that finds `bound` operations waiting raises UNAVAILABLE, so that pressure reaches the sender.
    All else is work that was let in already: an answer for each such request, a push for each turn at a recipient.
    """

    def __init__(self, provider: Provider, threads: int, *, bound: int = BOUND) -> None:
        self._provider = provider
        self._threads = threads
        self._bound = bound
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="crypto")
        self._free = threads
        self._waiting: deque[tuple[Work, asyncio.Future[Any]]] = deque()

    async def verify_request(
        self, public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes
    ) -> None:
        """Raise Problem SIGNATURE_MALFORMED or SIGNATURE_INVALID unless the request is signed by this key."""
        if len(self._waiting) >= self._bound:
            raise Problem("UNAVAILABLE", retry_after=1)
        work = partial(signer.verify_request, public, authorization, method=method, target=target, body=body)
        await self._run(partial(work, provider=self._provider))

    async def verify_response(self, public: PublicKey, signature: ResponseSignature, *, body: bytes) -> None:
        """Raise Problem SIGNATURE_MALFORMED or SIGNATURE_INVALID unless the answer is signed by this key."""
        await self._run(partial(signer.verify_response, public, signature, body=body, provider=self._provider))

    async def sign_request(
        self,
        private: PrivateKey,
        *,
        sender_id: str,
        method: str,
        target: str,
        timestamp: int,
        nonce: str,
        body: bytes,
    ) -> Authorization:
        """The Authorization of a request."""
        work = partial(signer.sign_request, private, sender_id=sender_id, method=method, target=target)
        return await self._run(partial(work, timestamp=timestamp, nonce=nonce, body=body, provider=self._provider))

    async def sign_response(self, answer: Answer) -> ResponseSignature:
        """The signature of one answer."""
        return await self._run(partial(self._sign, answer))

    async def sign_document(self, private: PrivateKey, data: bytes) -> str:
        """The signature of a document's bytes, Base64."""
        return await self._run(partial(signer.sign_document, private, data, provider=self._provider))

    def close(self) -> None:
        """Let the work in hand end and the threads go."""
        self._executor.shutdown(wait=True)

    def _sign(self, answer: Answer) -> ResponseSignature:
        return signer.sign_response(
            answer.private,
            timestamp=answer.timestamp,
            nonce=answer.nonce,
            body=answer.body,
            provider=self._provider,
        )

    async def _run(self, work: Callable[[], T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self._start()
        return await future

    def _start(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            share = min(_MOST, -(-len(self._waiting) // self._threads))
            taken = [self._waiting.popleft() for _ in range(share)]
            hop = asyncio.get_running_loop().run_in_executor(self._executor, _do_each, [work for work, _ in taken])
            hop.add_done_callback(partial(self._deliver, taken))

    def _deliver(self, taken: Sequence[tuple[Work, asyncio.Future[Any]]], hop: asyncio.Future[list[Done]]) -> None:
        self._free += 1
        self._start()
        for (_, future), (result, error) in zip(taken, hop.result(), strict=True):
            if future.done():
                continue  # whoever asked has left
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def _do_each(works: Sequence[Work]) -> list[Done]:
    return [_do(work) for work in works]


def _do(work: Work) -> Done:
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked for this work
        return None, error
