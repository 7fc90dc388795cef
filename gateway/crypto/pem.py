"""PEM blocks (RFC 7468): one block of the wanted label, or a refusal that says what stands there instead."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from gateway.crypto.faults import KeyFormatError

PRIVATE: Final = "PRIVATE KEY"
PUBLIC: Final = "PUBLIC KEY"

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)-----END \1-----", re.DOTALL)
_LINE: Final = 64
_SEC1: Final = "私钥是 SEC1 格式，请用 openssl pkcs8 -topk8 -nocrypt 转为 PKCS#8。"
_INSTEAD: Final = {
    "ENCRYPTED PRIVATE KEY": "私钥已加密，请先用 openssl pkcs8 -topk8 -nocrypt 转为未加密的 PKCS#8，并限制文件权限。",
    "EC PRIVATE KEY": _SEC1,
    "SM2 PRIVATE KEY": _SEC1,  # what OpenSSL 3's own `ec` and `ecparam` write for this curve
    "RSA PRIVATE KEY": "这是 RSA 私钥，请改用 SM2 密钥（wgg keys generate）。",
    "CERTIFICATE": "这是证书，请用 openssl x509 -pubkey -noout 取出公钥。",
    PRIVATE: "这是私钥，此处应为公钥；私钥不要外传。",
    PUBLIC: "这是公钥，此处应为私钥。",
}


def read_block(text: str | bytes, label: str) -> bytes:
    """The DER bytes of the one block with this label; KeyFormatError otherwise."""
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    blocks = _BLOCK.findall(text)
    wanted = [content for found, content in blocks if found == label]
    if len(wanted) != 1:
        raise KeyFormatError(_what_stands_there([found for found, _ in blocks], label))
    try:
        return base64.b64decode("".join(wanted[0].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyFormatError("PEM 内容不是合法的 Base64，请核对文件是否完整。") from error


def write_block(der: bytes, label: str) -> str:
    """A PEM block, lines of 64, ended by LF."""
    content = base64.b64encode(der).decode("ascii")
    lines = [content[start : start + _LINE] for start in range(0, len(content), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _what_stands_there(labels: list[str], label: str) -> str:
    if labels.count(label) > 1:
        return f"文件中有多个 {label} 块，请只保留一个。"
    known = [_INSTEAD[found] for found in labels if found in _INSTEAD]
    return known[0] if known else f"不是 PEM 格式的密钥，应含 -----BEGIN {label}----- 块。"
