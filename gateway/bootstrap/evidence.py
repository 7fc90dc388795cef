"""Exporting a bundle from a home: seal what waits, gather, compose, sign, write down who asked."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.bootstrap.bundle_documents import collect_documents
from gateway.bootstrap.bundle_forms import print_forms
from gateway.bootstrap.homes import load_key, open_home_store
from gateway.catalogue.places import SCHEMAS
from gateway.catalogue.rows import read_rows
from gateway.config import Settings
from gateway.core.delivery import SECOND
from gateway.core.evidence.holdings import Scope
from gateway.crypto.digest import sm3_hex
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import CryptoPool
from gateway.evidence.composing import compose
from gateway.evidence.packing import pack
from gateway.flow.roster import Roster
from gateway.flow.sealing import Sealer
from gateway.forms.printing import Medium
from gateway.ports import Audit, Clock, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An export that somebody asked for: what about, written up as what, on which clock.

    `forms` is what the printed forms are printed as, None for a bundle without them.
    """

    scope: Scope
    audit: Audit
    clock: Clock
    forms: Medium | None


async def export_bundle(settings: Settings, wish: Wish) -> bytes:
    """The bytes of a bundle. Raises Missing where the scope names nothing, Problem where the key may not sign."""
    crypto = CryptoPool(default_provider(), 1)
    try:
        async with open_home_store(settings) as store:
            sealer = await make_sealer(settings, store, crypto, wish.clock)
            await sealer.catch_up()
            return await _export(settings, store, crypto, wish)
    finally:
        crypto.close()


async def _export(settings: Settings, store: Store, crypto: CryptoPool, wish: Wish) -> bytes:
    key, holdings = load_key(settings), await store.gather(wish.scope)
    unsigned = compose(
        holdings,
        wish.scope,
        deployment=settings.deployment,
        serial_no=key.serial_no,
        titles={name: row.title for name, row in read_rows(SCHEMAS)[0].items()},
        forms=await print_forms(settings, store, holdings, wish.forms) if wish.forms else {},
        documents=await collect_documents(settings, store, holdings),
    )
    signature = await crypto.sign_document(key, unsigned.manifest)
    digest = sm3_hex(unsigned.manifest)
    return pack(unsigned.sign(await store.keep_export(digest, signature, now=wish.clock.now(), audit=wish.audit)))


async def make_sealer(settings: Settings, store: Store, crypto: CryptoPool, clock: Clock) -> Sealer:
    """A sealer for one command, its directory read; it says nothing."""
    roster = Roster(store)
    await roster.refresh()
    return Sealer(
        ledger=store,
        outbox=store,
        books=store,
        roster=roster,
        crypto=crypto,
        key=load_key(settings),
        clock=clock,
        holder="command",
        late=int(settings.evidence.late_seconds * SECOND),
        log=lambda *_args, **_fields: None,
    )
