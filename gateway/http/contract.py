"""Public keys and schemas (protocol section 5): no Authorization needed; one that is sent is checked."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from gateway.catalogue import Catalogue
from gateway.catalogue.contract import describe_asyncapi, describe_openapi, describe_types, find_schema
from gateway.core.party import GATEWAY, PLATFORM, Key
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.instants import format_beijing
from gateway.flow.roster import Roster
from gateway.http.exchange import Call, Reply, reply_json
from gateway.ports import Clock


class ContractCalls:
    """What an engineer needs to connect."""

    def __init__(self, roster: Roster, catalogue: Catalogue, clock: Clock) -> None:
        self._roster = roster
        self._catalogue = catalogue
        self._clock = clock

    async def keys(self, call: Call) -> Reply:
        """Keys of the gateway and the platform; to the platform, the institutions' too; ended ones stay listed."""
        all_seen = call.caller is not None and call.caller.party.id == PLATFORM
        keys = sorted(self._roster.directory.keys.values(), key=lambda key: (key.owner_id, key.not_before))
        shown = [show_key(key, self._clock.now()) for key in keys if all_seen or key.owner_id in (GATEWAY, PLATFORM)]
        return reply_json({"keys": shown})

    async def openapi(self, _call: Call) -> Reply:
        """The calls, as OpenAPI 3.1."""
        return self._openapi

    async def asyncapi(self, _call: Call) -> Reply:
        """Who sends what to whom, as AsyncAPI 3.0."""
        return self._asyncapi

    @cached_property
    def _openapi(self) -> Reply:
        """Made once: anybody may ask for it."""
        return reply_json(describe_openapi(self._catalogue))

    @cached_property
    def _asyncapi(self) -> Reply:
        return reply_json(describe_asyncapi(self._catalogue))

    async def schemas(self, _call: Call) -> Reply:
        """The message types with their Chinese titles."""
        return reply_json(describe_types(self._catalogue))

    async def schema(self, call: Call) -> Reply:
        """One type's JSON Schema; an unknown type is NOT_FOUND, for the path names nothing."""
        schema = find_schema(self._catalogue, call.names["type"])
        return Reply(status=200, body=encode_compact(schema), content_type="application/schema+json; charset=utf-8")


def show_key(key: Key, now: int) -> dict[str, Any]:
    """One entry of `GET /v1/keys`; a key that was ended is shown as valid until then."""
    end = key.not_after if key.ended_at is None else min(key.not_after, key.ended_at)
    return {
        "ownerId": key.owner_id,
        "serialNo": key.serial_no,
        "use": "sign",
        "algorithm": "SM2",
        "publicKey": key.public_pem,
        "notBefore": format_beijing(key.not_before),
        "notAfter": format_beijing(end),
        "status": str(key.status_at(now)),
    }
