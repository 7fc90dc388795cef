"""Which endpoints a home may register.

Source: architecture "What is fixed": loopback and plain HTTP only in a development home.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPolicy:
    """What a home allows; resolved addresses are guarded again at dial time."""

    plain_http: bool
    loopback: bool

    def check(self, url: str) -> str:
        """The URL itself; ValueError (Chinese) says why it may not be an endpoint here."""
        parts = _split(url)
        if parts.scheme == "http" and not self.plain_http:
            raise ValueError("明文 http 只允许用于开发目录，请改用 https 地址")
        if not self.loopback and _is_loopback(parts.hostname or ""):
            raise ValueError("回环地址只允许用于开发目录，请填写机构的对外地址")
        return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError("不是合法的地址，请检查主机名与端口") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("应为以 http:// 或 https:// 开头并带主机名的完整地址")
    if parts.username is not None or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError("地址中不得有用户名、口令、# 片段、空格或控制字符")
    return parts


def _is_loopback(host: str) -> bool:
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
