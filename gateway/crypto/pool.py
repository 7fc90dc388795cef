"""Signing and verifying off the event loop, in as many threads as there are to spare.

libcrypto releases the GIL, so that two threads do twice the work; the hop itself is paid once per call or batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.core.wire.authorization import Authorization
from gateway.core.wire.response import ResponseSignature
from gateway.crypto import signer
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.provider import Provider

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to be signed: `timestamp` in Unix seconds, the request's `nonce`, the body's bytes."""

    private: PrivateKey
    timestamp: int
    nonce: str
    body: bytes


class CryptoPool:
    """The asynchronous face of `signer`, over a bounded number of threads; raises what `signer` raises."""

    def __init__(self, provider: Provider, threads: int) -> None:
        self._provider = provider
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="crypto")

    async def verify_request(
        self, public: PublicKey, authorization: Authorization, *, method: str, target: str, body: bytes
    ) -> None:
        """Raise Problem SIGNATURE_MALFORMED or SIGNATURE_INVALID unless the request is signed by this key."""
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

    async def sign_many(self, answers: Sequence[Answer]) -> list[ResponseSignature]:
        """The signatures of a batch in its order, one hop per thread."""
        size = -(-len(answers) // self._threads)
        chunks = [answers[start : start + size] for start in range(0, len(answers), size)] if answers else []
        signed = await asyncio.gather(*(self._run(partial(self._sign_each, chunk)) for chunk in chunks))
        return [signature for chunk in signed for signature in chunk]

    def close(self) -> None:
        """Let the work in hand end and the threads go."""
        self._executor.shutdown(wait=True)

    def _sign_each(self, answers: Sequence[Answer]) -> list[ResponseSignature]:
        return [self._sign(answer) for answer in answers]

    def _sign(self, answer: Answer) -> ResponseSignature:
        return signer.sign_response(
            answer.private,
            timestamp=answer.timestamp,
            nonce=answer.nonce,
            body=answer.body,
            provider=self._provider,
        )

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
