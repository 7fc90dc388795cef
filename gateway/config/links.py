"""Per-institution link settings: a file of their own, checked whole, made into core's Link."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gateway.config.checking import Finding, check_document
from gateway.config.documents import read_document
from gateway.config.errors import ConfigError, Mistake
from gateway.config.models import Real, Section, Whole
from gateway.core.party import Link


def _check_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError("应为 CIDR 网段，例如 10.8.0.0/16，主机位须为 0") from error
    return text


def _check_proxy(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("应为 http(s)://主机:端口 形式的代理地址")
    return text


class LinkFile(Section):
    """How one institution is reached; the descriptions are the sample's comments."""

    connect_timeout: Real = Field(10.0, gt=0, le=300, description="建立连接的时限，秒")
    answer_timeout: Real = Field(10.0, gt=0, le=300, description="等待应答的时限，秒")
    concurrency: Whole = Field(8, ge=1, le=1000, description="同时进行的推送数")
    rate: Real | None = Field(None, gt=0, le=10_000, description="每个 worker 进程每秒最多发起的推送数；留空不限")
    ca_file: Path | None = Field(None, description="验证对方证书的 CA 文件（PEM）；留空用系统信任库")
    client_certificate: Path | None = Field(None, description="双向 TLS 的客户端证书（PEM），须与 client_key 同时填写")
    client_key: Path | None = Field(None, description="客户端证书的私钥（PEM）")
    proxy: Annotated[str, AfterValidator(_check_proxy)] | None = Field(None, description="出口代理，http://主机:端口")
    networks: tuple[Annotated[str, AfterValidator(_check_network)], ...] = Field(
        (), description="允许连接的网段（CIDR 列表），机构走专线内网时必须列出"
    )


def load_link(path: Path) -> Link:
    """The link settings in a file; ConfigError with all mistakes, each by file and field."""
    path = path.resolve()
    document = read_document(path, missing="没有这个文件")
    checked, findings = check_document(document, LinkFile, lambda link: _contradictions(link, path.parent))
    if findings:
        raise ConfigError(Mistake(file=str(path), field=".".join(place), text=text) for place, text in findings)
    return Link(**_values(checked, path.parent))


def _contradictions(link: LinkFile, folder: Path) -> Sequence[Finding]:
    findings: list[Finding] = [
        ((name,), f"没有这个文件：{folder / file}")
        for name in ("ca_file", "client_certificate", "client_key")
        if (file := getattr(link, name)) is not None and not (folder / file).is_file()
    ]
    for one, other in (("client_certificate", "client_key"), ("client_key", "client_certificate")):
        if getattr(link, one) is not None and getattr(link, other) is None:
            findings.append(((other,), f"已填写 {one}，也须填写该项"))
    return findings


def _values(link: LinkFile, folder: Path) -> dict[str, Any]:
    values = {name: getattr(link, name) for name in LinkFile.model_fields}
    return {name: str(folder / value) if isinstance(value, Path) else value for name, value in values.items()}
