"""Addresses of the database and the broker, as settings write them."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

SQLITE: Final = "sqlite:///"
_SQLITE_FORM: Final = "应为 sqlite:///文件路径（相对路径以本目录为起点）或 postgresql://用户@主机/库名"
_PUBLIC_FORM: Final = "应为 http(s)://主机，可带端口与路径，不带参数，例如 https://gz.example.gov.cn"
_BUS_FORM: Final = "应为 local 或 amqp(s)://用户@主机:端口/虚拟主机"


def check_database_url(text: str) -> str:
    """The URL itself; ValueError (Chinese) unless it names a SQLite file or a PostgreSQL database."""
    if text.startswith(SQLITE):
        if text[len(SQLITE) :] in ("", ":memory:"):
            raise ValueError(f"{_SQLITE_FORM}；报文必须落盘，不支持内存库")
        return text
    if _split(text, _SQLITE_FORM) not in ("postgresql", "postgres"):
        raise ValueError(_SQLITE_FORM)
    return text


def check_bus_url(text: str) -> str:
    """The URL itself; ValueError (Chinese) unless it is `local` or an AMQP address."""
    if text != "local" and _split(text, _BUS_FORM) not in ("amqp", "amqps"):
        raise ValueError(_BUS_FORM)
    return text


def check_public_url(text: str) -> str:
    """The URL itself; ValueError (Chinese) unless it is an HTTP address without a query or a fragment."""
    parts = urlsplit(text)
    if _split(text, _PUBLIC_FORM) not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(_PUBLIC_FORM)
    return text


def resolve_database_url(text: str, home: Path) -> str:
    """A SQLite file's path made absolute, relative ones against the home; other URLs unchanged."""
    if not text.startswith(SQLITE):
        return text
    return SQLITE + str(home / text[len(SQLITE) :])


def hide_password(url: str) -> str:
    """The URL with its password replaced by ***, for people and logs."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()


def _split(text: str, form: str) -> str:
    """The scheme of a URL whose port is a number; ValueError with `form` otherwise."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(form) from error
    return parts.scheme
