"""Which addresses may be dialled: checked on the address itself at dial time, whatever name led to it.

Source: architecture "net" (address guard at dial time), "What is fixed" (loopback and plain HTTP, networks by CIDR).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class GuardRefusal(OSError):  # noqa: N818 - a refusal of ours; an OSError so that dialling treats it as unreachable
    """The address guard does not let this be dialled; the text is Chinese and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressGuard:
    """Production: public addresses over HTTPS only. Development allows loopback and plain HTTP besides.

    An institution's own networks (CIDR) are allowed always; they open addresses, never plain HTTP.
    """

    allow_loopback: bool
    https_only: bool

    def check_url(self, url: URL, networks: Sequence[Network], *, proxied: bool) -> None:
        """Raise GuardRefusal for a target that can be refused undialled.

        Behind an egress proxy the target is dialled out of sight, so a literal address is checked here.
        """
        if url.scheme not in ("http", "https") or not url.host:
            raise GuardRefusal("接收地址应为 http 或 https 的完整网址，请核对登记的 endpoint。")
        if url.scheme == "http" and self.https_only:
            raise GuardRefusal("生产环境只允许 https 接收地址，请为该机构登记 https 的 endpoint。")
        literal = _literal(url.host) if proxied else None
        if literal is not None:
            self.check_address(literal, networks)

    def check_address(self, address: Address, networks: Sequence[Network]) -> None:
        """Raise GuardRefusal unless this address may be dialled."""
        bare = _unwrap(address)
        if any(bare in network for network in networks):
            return
        if not (_is_public(bare) or (self.allow_loopback and bare.is_loopback)):
            raise GuardRefusal(_FORBIDDEN)

    def socket_factory(self, networks: Sequence[Network]) -> Callable[[AddressInfo], socket.socket]:
        """Makes sockets for allowed addresses only: the hook through which every dial goes."""

        def make(info: AddressInfo) -> socket.socket:
            family, kind, protocol, _, where = info
            self.check_address(ipaddress.ip_address(str(where[0]).partition("%")[0]), networks)
            return socket.socket(family, kind, protocol)

        return make


_FORBIDDEN: Final = "接收地址解析到回环、内网或保留地址，不予连接；确属该机构的内网时，请在其 networks 中登记网段。"


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The CIDR list of an institution; GuardRefusal names the entry that is none."""
    return tuple(_parse_network(text) for text in texts)


def _parse_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise GuardRefusal(f"networks 中的 {text} 不是合法的 CIDR 网段，请改正机构设置。") from error


def _is_public(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _unwrap(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only carries it: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    teredo = address.teredo
    inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
