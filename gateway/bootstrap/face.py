"""The HTTP face of a process: the table of calls, and what readiness asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.bootstrap.parts import Parts
from gateway.core.bucket import Buckets
from gateway.forms.verify_page import VerifyPage
from gateway.http.application import Application
from gateway.http.clocks import ClockCalls
from gateway.http.contract import ContractCalls
from gateway.http.files import FileCalls
from gateway.http.guarantees import GuaranteeCalls
from gateway.http.mailbox import MailboxCalls
from gateway.http.messages import MessageCalls
from gateway.http.onboarding import ONBOARDING, OnboardingCalls
from gateway.http.operations import OperationCalls
from gateway.http.readiness import Readiness
from gateway.http.routes import FILES, MESSAGES, VERIFY, Route
from gateway.http.verify import VERIFY_BYTES, VerifyCalls

_RECEIPT_BYTES: Final = 64 * 1024
_FILE: Final = f"{FILES}{{sm3}}"
_MOVE: Final = f"{ONBOARDING}/{{move}}"


def make_application(parts: Parts, *, is_stopping: Callable[[], bool], with_calls: bool, with_bus: bool) -> Application:
    """The application; without the calls of protocol section 5 only operations are answered.

    A process that moves no wake-ups is ready without the bus: it accepts while the broker is away.
    """
    readiness = Readiness(
        books=parts.store,
        bus=parts.bus,
        clock_watch=parts.clock_watch,
        clock=parts.clock,
        is_stopping=is_stopping,
        with_bus=with_bus,
    )
    operations = OperationCalls(readiness, parts.store, parts.roster)
    routes = [*_calls(parts), *_operations(operations)] if with_calls else _operations(operations)
    return Application(
        routes=routes,
        gate=parts.gate,
        acceptor=parts.acceptor,
        crypto=parts.crypto,
        key=parts.key,
        clock=parts.clock,
        log=parts.log.info,
        is_stopping=is_stopping,
    )


def _calls(parts: Parts) -> Sequence[Route]:
    messages = MessageCalls(parts.acceptor, parts.store)
    mailbox = MailboxCalls(parts.mailroom, parts.desk, max_bytes=parts.settings.limits.mailbox_bytes)
    contract = ContractCalls(parts.roster, parts.catalogue, parts.clock)
    guarantees = GuaranteeCalls(parts.store)
    clocks = ClockCalls(parts.store, parts.clock, parts.legal_time)
    body = parts.settings.limits.body_bytes
    return (
        Route(method="POST", template=MESSAGES, handle=messages.send, limit=body, spends=False, bare=True),
        Route(method="GET", template="/v1/messages/{source}/{id}", handle=messages.show),
        Route(method="GET", template="/v1/mailbox", handle=mailbox.collect),
        Route(
            method="POST",
            template="/v1/mailbox/{deliveryId}/receipt",
            handle=mailbox.receipt,
            limit=_RECEIPT_BYTES,
        ),
        *_files(parts),
        Route(method="GET", template="/v1/guarantees/{%guaranteeNo}", handle=guarantees.show),
        Route(method="GET", template="/v1/clocks", handle=clocks.list),
        Route(method="GET", template="/v1/clocks/{clockNo}", handle=clocks.show),
        *_onboarding(parts),
        *_verify(parts),
        Route(method="GET", template="/v1/keys", handle=contract.keys, open=True),
        Route(method="GET", template="/v1/openapi.json", handle=contract.openapi, open=True),
        Route(method="GET", template="/v1/asyncapi.json", handle=contract.asyncapi, open=True),
        Route(method="GET", template="/v1/schemas", handle=contract.schemas, open=True),
        Route(method="GET", template="/v1/schemas/{type}", handle=contract.schema, open=True),
    )


def _files(parts: Parts) -> Sequence[Route]:
    limits = parts.settings.files
    files = FileCalls(parts.file_desk, max_bytes=limits.max_bytes, seconds=limits.seconds, log=parts.log.info)
    put = Route(method="PUT", template=_FILE, handle=files.put, limit=limits.max_bytes, signed=False)
    return (put, Route(method="GET", template=_FILE, handle=files.get))


def _onboarding(parts: Parts) -> Sequence[Route]:
    calls = OnboardingCalls(parts.onboarding_desk)
    return (
        Route(method="GET", template=ONBOARDING, handle=calls.show),
        Route(method="PUT", template=ONBOARDING, handle=calls.apply, bare=True),
        Route(method="POST", template=_MOVE, handle=calls.move, bare=True),
    )


def _verify(parts: Parts) -> Sequence[Route]:
    limits = parts.settings.limits
    calls = VerifyCalls(
        parts.verifier,
        parts.roster,
        parts.catalogue,
        VerifyPage(),
        parts.clock,
        pace=Buckets(rate=limits.verify_rate, burst=limits.verify_burst),
    )
    return (
        Route(method="GET", template=VERIFY, handle=calls.show, open=True),
        Route(method="POST", template=VERIFY, handle=calls.ask, open=True, limit=VERIFY_BYTES),
    )


def _operations(operations: OperationCalls) -> Sequence[Route]:
    return (
        Route(method="GET", template="/healthz", handle=operations.health, open=True),
        Route(method="GET", template="/readyz", handle=operations.ready, open=True),
        Route(method="GET", template="/metrics", handle=operations.metrics, open=True),
    )
