"""The doctor's checks: each is one row, whatever happens in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.cli.exits import CHECK, Failure, explain
from gateway.cli.homes import in_store, now_us, open_home
from gateway.cli.key_files import read_private_key, read_public_key
from gateway.config import Settings, hide_password
from gateway.core.party import GATEWAY, Directory, Key
from gateway.core.wire.instants import format_beijing

Row = dict[str, Any]

_WARN_DAYS: Final = 30
_DAY_US: Final = 86_400_000_000
_CONNECT_SECONDS: Final = 5.0
_AMQP_PORTS: Final[Mapping[str, int]] = {"amqp": 5672, "amqps": 5671}
_LOCAL: Final = frozenset({"localhost", "::1", "0.0.0.0"})  # noqa: S104 - addresses that lead nowhere, to be named
_VERIFY: Final = "/verify"
_GREETING: Final = b"AMQP\x00\x00\x09\x01"


def examine(home: Path | None) -> list[Row]:
    """All checks that can be made; without a home only the host's."""
    rows = [_try("国密库", _check_crypto)]
    if home is None:
        return rows
    settings: list[Settings] = []
    rows.append(_try("设置", lambda: _check_settings(home, settings)))
    if settings:
        rows += [_try(name, partial(check, settings[0])) for name, check in _CHECKS]
    return rows


def _try(name: str, check: Callable[[], str]) -> Row:
    try:
        return {"check": name, "ok": True, "detail": check()}
    except Exception as error:  # noqa: BLE001 - a check that fails in any way is a row of the report
        return {"check": name, "ok": False, "detail": explain(error)[1]}


def _check_crypto() -> str:
    from gateway.crypto.libcrypto import default_provider
    from gateway.crypto.selftest import self_test

    provider = default_provider()
    self_test(provider)
    return f"SM2、SM3 自检通过（{provider.name}）"


def _check_settings(home: Path, found: list[Settings]) -> str:
    settings = open_home(home)
    found.append(settings)
    return f"{settings.home}（{settings.environment}{'，开发目录' if settings.development else ''}）"


def _check_conf(settings: Settings) -> str:
    """Catalogue, areas and calendar, as serve reads them before it starts."""
    from gateway.bootstrap.conf import read_conf

    types, areas, calendar = read_conf(settings)
    return f"{types} 种报文，{areas} 份地区参数，放假安排掌握至 {calendar.known_until}"


def _check_key(settings: Settings) -> str:
    return f"{settings.key_file}（序列号 {read_private_key(settings.key_file).serial_no}）"


def _check_database(settings: Settings) -> str:
    from gateway.store import check

    check(settings.database)

    async def nothing(_store: object) -> None:
        """Opening it checked its safety settings."""

    in_store(settings, nothing)
    return hide_password(settings.database)


def _check_clock(settings: Settings) -> str:
    skew_s = in_store(settings, lambda store: store.skew(now_us())) / 1_000_000
    if abs(skew_s) > settings.clock.max_skew_seconds:
        raise Failure(CHECK, f"本机与数据库时钟相差 {skew_s:.1f} 秒，请校准（例如启用 chrony）")
    return f"与数据库相差 {skew_s:.3f} 秒"


def _check_bus(settings: Settings) -> str:
    if settings.bus == "local":
        return "local（进程内）"
    parts = urlsplit(settings.bus)
    port = parts.port or _AMQP_PORTS[parts.scheme]
    asyncio.run(_greet(parts.hostname or "localhost", port, tls=parts.scheme == "amqps"))
    return hide_password(settings.bus)


async def _greet(host: str, port: int, *, tls: bool) -> None:
    """A broker answers the protocol header with a method frame; anything else is not a broker."""
    async with asyncio.timeout(_CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(host, port, ssl=tls or None)
        writer.write(_GREETING)
        first = await reader.read(1)
        writer.close()
    if first != b"\x01":
        raise Failure(CHECK, f"{host}:{port} 不是 AMQP 0-9-1 服务，请核对 bus 设置")


def _check_keys(settings: Settings) -> str:
    """Every party has a key that is valid now and is not about to expire; the gateway's is the one of its file."""
    directory = in_store(settings, lambda store: store.directory())
    now = now_us()
    faults = [text for owner in directory.parties if (text := _key_fault(directory, owner, now))]
    own = read_private_key(settings.key_file).serial_no
    if directory.keys.get((GATEWAY, own)) is None:
        faults.append(f"网关私钥 {own} 未登记，请用 wgg institution key add gateway 登记其公钥")
    if faults:
        raise Failure(CHECK, "；".join(faults))
    return f"{len(directory.parties)} 方均有有效公钥"


def _key_fault(directory: Directory, owner: str, now: int) -> str | None:
    valid = [key for key in directory.keys.values() if key.owner_id == owner and _is_active(key, now)]
    if not valid:
        return f"{owner} 没有有效公钥"
    end = max(key.not_after for key in valid)
    if end - now < _WARN_DAYS * _DAY_US:
        return f"{owner} 的公钥将于 {format_beijing(end)} 到期，请尽快轮换"
    return None


def _is_active(key: Key, now: int) -> bool:
    return key.status == "active" and key.not_before <= now < key.not_after


def _check_chain(settings: Settings) -> str:
    """What waits to be sealed is not late; a home that is not served seals nothing."""
    status = in_store(settings, lambda store: store.chain_status())
    age_s = 0 if status.oldest_at is None else (now_us() - status.oldest_at) // 1_000_000
    told = f"高度 {status.height}，未封入区块 {status.behind} 项"
    if status.height and age_s > settings.evidence.late_seconds:
        raise Failure(CHECK, f"{told}，最早一项已等待 {age_s} 秒；请确认有 timers（或 all）进程在运行")
    return told


def _check_public(settings: Settings) -> str:
    """A printed QR code stays for years: outside a development home it must lead somewhere that the public reaches."""
    parts = urlsplit(settings.public_url)
    local = parts.hostname in _LOCAL or (parts.hostname or "").startswith("127.")
    if not settings.development and (local or parts.scheme != "https"):
        raise Failure(
            CHECK, f"{settings.public_url} 公众打不开，打印件的二维码指向它；请把 public_url 设为对外的 https 地址"
        )
    return f"{settings.public_url}{_VERIFY}"


def _check_signer(settings: Settings) -> str:
    """Whose certificates let an institution go live; a file that cannot be read would stop the next start."""
    path = settings.onboarding.signer_key_file
    if path is None:
        return "未写明签发方（onboarding.signer_key_file），按操作员所给的公钥核验；生产环境宜写明"
    return f"只认 {read_public_key(path).serial_no} 签发的证书"


_CHECKS: Final[Sequence[tuple[str, Callable[[Settings], str]]]] = (
    ("目录与参数", _check_conf),
    ("网关密钥", _check_key),
    ("数据库", _check_database),
    ("时钟", _check_clock),
    ("总线", _check_bus),
    ("公钥有效期", _check_keys),
    ("存证链", _check_chain),
    ("公众核验", _check_public),
    ("测试证书", _check_signer),
)
