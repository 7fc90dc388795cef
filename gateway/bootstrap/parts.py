"""The parts of a process, made from its grounds and joined: nothing here runs yet."""

from __future__ import annotations

import random
from functools import cached_property
from typing import Final

from adapters import load_adapters
from gateway.bootstrap.grounds import Grounds
from gateway.bootstrap.sealing import open_files
from gateway.bootstrap.timestamps import HttpTimestamps
from gateway.catalogue import read_specimens
from gateway.core.bucket import Buckets
from gateway.core.delivery import SECOND
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PublicKey
from gateway.flow.accept import AcceptLimits, Acceptor
from gateway.flow.attempt import Courier, Policy
from gateway.flow.authenticity import Verifier
from gateway.flow.clocks import ClockKeeper
from gateway.flow.deliver import Deliverer
from gateway.flow.diagnosing import Diagnoser
from gateway.flow.files import FileDesk
from gateway.flow.gate import Gate
from gateway.flow.mailroom import Mailroom
from gateway.flow.onboarding import OnboardingDesk, Plan
from gateway.flow.pacing import Paces
from gateway.flow.proving import Clerk, ReceiptDesk
from gateway.flow.pulse import Bell
from gateway.flow.reconcile import Reconciler, Terms
from gateway.flow.relay import Relay
from gateway.flow.sealing import Sealer
from gateway.flow.service import Loop
from gateway.flow.stamping import Stamper
from gateway.flow.standings import StandingDesk
from gateway.flow.timers import Timers
from gateway.retrying import delivery_wait

_HOUR: Final = 3_600 * SECOND
_RELAY_IDLE_SECONDS: Final = 0.1
_DIAGNOSES: Final = 60
"""Failed signatures of one sender from one address that are explained in one go; then one a second."""


class Parts(Grounds):
    """Each part is made once, when it is first asked for."""

    @cached_property
    def arrivals(self) -> Bell:
        """Rings for long polls when something was accepted."""
        return Bell(self.clock)

    @cached_property
    def gate(self) -> Gate:
        """Who is asking."""
        limits = self.settings.limits
        return Gate(
            self.roster,
            self.crypto,
            self.clock,
            by_address=Buckets(rate=limits.address_rate, burst=limits.address_burst),
            by_sender=Buckets(rate=limits.sender_rate, burst=limits.sender_burst),
            diagnoser=self.diagnoser,
        )

    @cached_property
    def diagnoser(self) -> Diagnoser | None:
        """What explains failed signatures: in the sandbox only, never in production (protocol section 7)."""
        if self.settings.environment != "sandbox":
            return None
        return Diagnoser(self.roster, self.clock, pace=Buckets(rate=1.0, burst=_DIAGNOSES))

    @cached_property
    def acceptor(self) -> Acceptor:
        """Durable, or refused."""
        limits = self.settings.limits
        return Acceptor(
            self.store,
            self.roster,
            self.catalogue,
            self.areas,
            self.legal_time,
            limits=AcceptLimits(batch=limits.batch, queue=limits.accept_queue),
            on_accepted=self._on_accepted,
            log=self.log.info,
            find_files=self.file_desk.readable if self.settings.files.documents_required else None,
        )

    @cached_property
    def file_desk(self) -> FileDesk:
        """Documents and attachments; in a development home the examples' own are there for everybody."""
        specimens = read_specimens() if self.settings.development else []
        store = open_files(self.settings, self.store)
        return FileDesk(
            self.store, store, self.store, self.clock, specimens={sm3_hex(data): data for data in specimens}
        )

    @cached_property
    def verifier(self) -> Verifier:
        """The public authenticity check."""
        return Verifier(
            papers=self.store,
            books=self.store,
            roster=self.roster,
            crypto=self.crypto,
            clock=self.clock,
            legal_time=self.legal_time,
        )

    @cached_property
    def mailroom(self) -> Mailroom:
        """The pull side."""
        return Mailroom(self.store, self.arrivals, self.clock)

    @cached_property
    def clerk(self) -> Clerk:
        """Receipts written up."""
        return Clerk(self.scribe, self.clock, self.legal_time)

    @cached_property
    def standing_desk(self) -> StandingDesk:
        """Institutions that are suspended, stopped or leave."""
        return StandingDesk(
            registry=self.store,
            scribe=self.scribe,
            areas=self.areas,
            clock=self.clock,
            legal_time=self.legal_time,
            delivery_kept=int(self.settings.delivery.give_up_hours * _HOUR),
            log=self.log.info,
        )

    @cached_property
    def onboarding_desk(self) -> OnboardingDesk:
        """Institutions on their way to going live."""
        wanted = self.settings.onboarding
        signer = wanted.signer_key_file
        return OnboardingDesk(
            books=self.store,
            standings=self.standing_desk,
            areas=self.areas,
            clock=self.clock,
            legal_time=self.legal_time,
            plan=Plan(
                windows=wanted.windows,
                order_by=wanted.order_by,
                automatic=wanted.automatic,
                daily=wanted.applicant_moves_a_day,
            ),
            log=self.log.info,
            signer=None if signer is None else PublicKey.from_pem(signer.read_bytes()),
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        """The daily reconciliation."""
        plan = self.settings.reconciliation
        return Reconciler(
            books=self.store,
            roster=self.roster,
            scribe=self.scribe,
            calendar=self.legal_time.calendar,
            clock=self.clock,
            terms=Terms(hour=plan.hour, answer_days=plan.answer_days, catch_up_days=plan.catch_up_days),
            on_drawn=self._on_accepted,
            log=self.log.info,
        )

    @cached_property
    def desk(self) -> ReceiptDesk:
        """Pulled receipts."""
        return ReceiptDesk(self.store, self.store, self.clerk)

    @cached_property
    def relay(self) -> Loop:
        """Outbox to bus."""
        relay = Relay(self.store, self.bus, self.roster, self.clock, holder=self.holder, in_time=self._in_time)
        return Loop("relay", relay.step, clock=self.clock, seconds=_RELAY_IDLE_SECONDS, log=self.log.error)

    @cached_property
    def paces(self) -> Paces:
        """Turns at institutions, by their health."""
        return Paces(self.store, self.clock, log=self.log.warning)

    @cached_property
    def deliverer(self) -> Deliverer:
        """Bus to recipients."""
        return Deliverer(
            deliveries=self.store,
            parties=self.store,
            bus=self.bus,
            roster=self.roster,
            courier=self._courier(),
            clock=self.clock,
            paces=self.paces,
            on_ended=self.relay.pulse.beat,
            log=self.log.info,
            prefetch=self.settings.bus_options.prefetch,
        )

    @cached_property
    def timers(self) -> Timers:
        """What happens because time passes."""
        return Timers(
            deliveries=self.store,
            books=self.store,
            bus=self.bus,
            clock=self.clock,
            nonce_kept=int(self.settings.nonce_hours * _HOUR),
            on_due=self.relay.pulse.beat,
            in_time=self._in_time,
            log=self.log.info,
        )

    @cached_property
    def sealer(self) -> Sealer:
        """The chain of evidence."""
        return Sealer(
            ledger=self.store,
            outbox=self.store,
            books=self.store,
            roster=self.roster,
            crypto=self.crypto,
            key=self.key,
            clock=self.clock,
            holder=self.holder,
            late=int(self.settings.evidence.late_seconds * SECOND),
            log=self.log.info,
        )

    @cached_property
    def clock_keeper(self) -> ClockKeeper:
        """Legal clocks that warn and run out."""
        return ClockKeeper(
            clocks=self.store,
            scribe=self.scribe,
            areas=self.areas,
            clock=self.clock,
            legal_time=self.legal_time,
            in_time=self._in_time,
            on_due=self.relay.pulse.beat,
            log=self.log.info,
        )

    @cached_property
    def stamper(self) -> Stamper | None:
        """Timestamps over the chain, where the settings name an authority."""
        options = self.settings.evidence
        if options.timestamp_url is None or options.timestamp_ca_file is None:
            return None
        authority = HttpTimestamps(url=options.timestamp_url, roots=options.timestamp_ca_file.read_bytes())
        store = self.store
        return Stamper(ledger=store, books=store, authority=authority, clock=self.clock, log=self.log.info)

    def _courier(self) -> Courier:
        plan = self.settings.delivery
        wait = delivery_wait(plan.schedule_seconds, plan.repeat_seconds, plan.jitter, random.SystemRandom().random)
        return Courier(
            roster=self.roster,
            adapters=load_adapters(),
            transport=self.transport,
            crypto=self.crypto,
            key=self.key,
            clerk=self.clerk,
            clock=self.clock,
            policy=Policy(wait=wait, give_up_after=int(plan.give_up_hours * _HOUR)),
            worker=self.holder,
            on_answer=self.paces.observe,
            diagnoser=self.diagnoser,
        )

    def _on_accepted(self) -> None:
        self.arrivals.ring()
        self.relay.pulse.beat()
