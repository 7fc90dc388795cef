"""A person's data found in all that is kept: message by message, in slices, for confidential bodies are sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.core.subject_search import Sighting, find_places, normalise
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.keyring import Keyring
from gateway.crypto.sm4 import hmac_sm3
from gateway.ports import Head, Store

SLICE: Final = 200
SUBJECT_CLASS: Final = "subject"
"""The class of the key that names a person in the audit log: it seals nothing."""
_SHOWN: Final = 16


async def find_subject(store: Store, number: str) -> Sequence[Sighting]:
    """Every message, the oldest first, that holds this id number, account or phone, however it is written there."""
    wanted, after, found = normalise(number), 0, list[Sighting]()
    while page := await store.page(after=after, limit=SLICE):
        after = page[-1].delivery_id
        found += [sighting for head in page if (sighting := _look(head, wanted)) is not None]
    return found


def name_subject(ring: Keyring | None, number: str) -> str:
    """A keyed digest that names the person without telling the number; nothing where there is no key."""
    return "" if ring is None else hmac_sm3(ring.key_of(SUBJECT_CLASS), normalise(number).encode())[:_SHOWN]


def _look(head: Head, wanted: str) -> Sighting | None:
    message = head.message
    places = find_places(parse_object(message.body), wanted) if message.body else ()
    if not places:
        return None
    return Sighting(
        delivery_id=head.delivery_id,
        source=message.source,
        id=message.id,
        type=message.type,
        subject=message.subject,
        recipient=message.recipient,
        received_at=message.received_at,
        places=places,
    )
