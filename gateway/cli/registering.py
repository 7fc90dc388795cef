"""Parties and keys as commands register them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.cli.exits import CHECK, NOT_FOUND, USAGE, Failure
from gateway.cli.key_files import read_public_key
from gateway.config import EndpointPolicy
from gateway.core.party import RESERVED, Directory, Key, KeyStatus, Party
from gateway.core.wire.instants import format_beijing, parse_rfc3339
from gateway.core.wire.syntax import PARTY_ID, matches

_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
DEFAULT_DAYS: Final = 1095
MAILBOX: Final = "mailbox"

# Timestamps are whole seconds of a clock that may be 300 s off: a message signed right after its key was registered
# must not be older than the key.
_GRACE: Final = 300 * _SECOND


def make_key(
    owner_id: str, public_pem: str, *, now: int, not_before: str | None = None, not_after: str | None = None
) -> Key:
    """A key as registered at `now`, valid from now for three years unless RFC 3339 instants say otherwise."""
    from gateway.crypto.keys import PublicKey

    public = PublicKey.from_pem(public_pem)
    start = _instant("--not-before", not_before) if not_before else (now - _GRACE) // _SECOND * _SECOND
    end = _instant("--not-after", not_after) if not_after else start + _GRACE + DEFAULT_DAYS * _DAY
    if end <= max(start, now):
        raise Failure(USAGE, "--not-after 须晚于现在与 --not-before。")
    return Key(
        owner_id=owner_id,
        serial_no=public.serial_no,
        public_pem=public.to_pem(),
        status=KeyStatus.ACTIVE,
        not_before=start,
        not_after=end,
    )


def key_from_file(
    owner_id: str, path: Path, *, now: int, not_before: str | None = None, not_after: str | None = None
) -> Key:
    """The key in a file, as registered at `now`."""
    return make_key(owner_id, read_public_key(path).to_pem(), now=now, not_before=not_before, not_after=not_after)


def check_id(party_id: str) -> str:
    """An institution's id; Failure for another form and for reserved ids (protocol section 1)."""
    if not matches(PARTY_ID, party_id):
        raise Failure(USAGE, f"机构标识 {party_id} 有误：应以小写字母开头，2 至 32 位小写字母、数字或连字符。")
    if party_id in RESERVED:
        raise Failure(USAGE, f"{party_id} 是保留标识，不能用于机构；平台请用 wgg platform add 登记。")
    return party_id


def check_channel(adapter: str, endpoint: str | None, policy: EndpointPolicy) -> None:
    """Failure unless the adapter exists and has the endpoint that it needs, one that this home allows."""
    known = adapter_names()
    if adapter not in known:
        raise Failure(USAGE, f"没有名为 {adapter} 的适配器，可选：{'、'.join(known)}。")
    if adapter == MAILBOX:
        if endpoint:
            raise Failure(USAGE, "mailbox 由对方来取，不需要 --endpoint；要推送请用 --adapter native。")
        return
    if not endpoint:
        raise Failure(USAGE, f"适配器 {adapter} 需要 --endpoint 接收地址；由对方来取请用 --adapter mailbox。")
    try:
        policy.check(endpoint)
    except ValueError as error:
        raise Failure(USAGE, f"--endpoint {endpoint}：{error}。") from error


def adapter_names() -> tuple[str, ...]:
    """The registered adapters."""
    from importlib.metadata import entry_points

    return tuple(sorted({entry.name for entry in entry_points(group="wgg.adapters")}))


def find_party(directory: Directory, party_id: str) -> Party:
    """The party; Failure when it is not registered."""
    party = directory.find_party(party_id)
    if party is None:
        raise Failure(NOT_FOUND, f"没有登记过 {party_id}；用 wgg institution list 查看已登记的机构。")
    return party


def refuse_known_key(directory: Directory, key: Key) -> None:
    """Failure when the key is registered, whoever owns it (protocol section 1)."""
    owner = next((known.owner_id for known in directory.keys.values() if known.serial_no == key.serial_no), None)
    if owner is not None:
        raise Failure(CHECK, f"公钥 {key.serial_no} 已由 {owner} 登记；一把公钥只能属于一方一处，请另行生成。")


def show_party(party: Party, directory: Directory) -> dict[str, object]:
    """A party as lists show it."""
    keys = [key for key in directory.keys.values() if key.owner_id == party.id]
    return {
        "id": party.id,
        "role": party.role,
        "kind": party.kind,
        "name": party.name,
        "standing": str(party.standing),
        "adapter": party.adapter,
        "endpoint": party.endpoint,
        "paused": party.paused,
        "gone": party.gone,
        "keys": [show_key(key) for key in sorted(keys, key=lambda key: key.not_before)],
    }


def show_key(key: Key) -> dict[str, object]:
    """A key as lists show it."""
    return {
        "serialNo": key.serial_no,
        "status": str(key.status),
        "notBefore": format_beijing(key.not_before),
        "notAfter": format_beijing(key.not_after),
    }


def _instant(option: str, text: str) -> int:
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise Failure(USAGE, f"{option} 应为带时区的时间，例如 2027-01-01T00:00:00+08:00。") from error
