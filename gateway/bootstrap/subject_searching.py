"""A person's data found in all that is kept, in slices: messages and application forms, many of them sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gateway.core.subject_search import Found, Sighting, find_name, find_places, normalise, normalise_name
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.keyring import Keyring
from gateway.crypto.sm4 import hmac_sm3
from gateway.ports import Filed, Head, Store

SLICE: Final = 200
SUBJECT_CLASS: Final = "subject"
"""The class of the key that names a person in the audit log: it seals nothing."""
_SHOWN: Final = 16

Look = Callable[[Mapping[str, Any]], Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom to look for: `plain` is what is compared and named in the audit log, `look` finds it in a document."""

    plain: str
    look: Look


def want_number(number: str) -> Wanted:
    """An id number, account or phone."""
    plain = normalise(number)
    return Wanted(plain=plain, look=partial(find_places, number=plain))


def want_name(name: str) -> Wanted:
    """A name."""
    plain = normalise_name(name)
    return Wanted(plain=plain, look=partial(find_name, name=plain))


async def find_subject(store: Store, wanted: Wanted) -> Sequence[Sighting]:
    """Every message, the oldest first, that holds what is wanted, however it is written there."""
    after, found = 0, list[Sighting]()
    while page := await store.page(after=after, limit=SLICE):
        after = page[-1].delivery_id
        found += [sighting for head in page if (sighting := _look(head, wanted)) is not None]
    return found


async def find_applicants(store: Store, wanted: Wanted) -> Sequence[tuple[Filed, Found]]:
    """Every application form, the oldest first, that names whom is wanted; superseded ones too."""
    after, found = 0, list[tuple[Filed, Found]]()
    while page := await store.filed(after=after, limit=SLICE):
        after = page[-1].number
        found += [(filed, places) for filed in page if (places := wanted.look(filed.people))]
    return found


def name_subject(ring: Keyring | None, wanted: Wanted) -> str:
    """A keyed digest that names the person without telling the number; nothing where there is no key."""
    return "" if ring is None else hmac_sm3(ring.key_of(SUBJECT_CLASS), wanted.plain.encode())[:_SHOWN]


def _look(head: Head, wanted: Wanted) -> Sighting | None:
    message = head.message
    found = wanted.look(parse_object(message.body)) if message.body else None
    if not found:
        return None
    return Sighting(
        delivery_id=head.delivery_id,
        source=message.source,
        id=message.id,
        type=message.type,
        subject=message.subject,
        recipient=message.recipient,
        received_at=message.received_at,
        places=found.places,
        masked=found.masked,
    )
