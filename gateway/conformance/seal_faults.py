"""The named mistakes of signing: strings, encodings, headers, keys, times. Each is one that a real sender made, or one
that an attacker would try.

Source: protocol sections 3 and 4, facts "Interop traps".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.conformance.seals import Lines, Seal, join_lines
from gateway.core.wire.der import encode_signature
from gateway.crypto.digest import sm3, sm3_hex
from gateway.crypto.wrong_digests import MIXTURES

HALF: Final = 32


def _with_body(change: Callable[[bytes], bytes]) -> Callable[[Lines], bytes]:
    return lambda lines: join_lines([*lines[:-1], change(lines[-1])])


def _with_target(target: bytes) -> Callable[[Lines], bytes]:
    return lambda lines: join_lines([lines[0], target, *lines[2:]])


def reserialise(body: bytes) -> bytes:
    """The same JSON as another library would write it: names sorted, blanks after separators, Chinese escaped."""
    return json.dumps(json.loads(body), sort_keys=True).encode()


def _integers(der: bytes) -> tuple[bytes, bytes]:
    first = der[4 : 4 + der[3]]
    return first, der[6 + der[3] :]


def raw_pair(der: bytes) -> bytes:
    """r‖s of a DER signature, 32 bytes each."""
    return b"".join(int.from_bytes(part).to_bytes(HALF) for part in _integers(der))


def _sequence(*integers: bytes) -> bytes:
    content = b"".join(bytes([2, len(part)]) + part for part in integers)
    return bytes([0x30, len(content)]) + content


def _base64(change: Callable[[bytes], bytes]) -> Callable[[bytes], str]:
    return lambda der: encode_signature(change(der))


def _pad_integer(der: bytes) -> bytes:
    first, second = _integers(der)
    return _sequence(b"\x00" + first, second)


def _lengthen(der: bytes) -> bytes:
    return b"\x30\x81" + der[1:]


def _negate(der: bytes) -> bytes:
    first, second = _integers(der)
    return _sequence(bytes([0xFF]) + first.lstrip(b"\x00")[1:], second)


def _swap(der: bytes) -> bytes:
    return _sequence(*reversed(_integers(der)))


def _flip(der: bytes) -> bytes:
    return der[:-1] + bytes([der[-1] ^ 1])


def _drop(name: str) -> Callable[[str], str]:
    """Leave one parameter of the Authorization out."""
    return lambda value: ",".join(part for part in value.split(",") if f"{name}=" not in part)


def _make_urlsafe(der: bytes) -> str:
    """The URL-safe alphabet, wherever it shows: a text with neither sign gets one."""
    text = base64.urlsafe_b64encode(der).decode("ascii")
    return text if "-" in text or "_" in text else text[:10] + "-" + text[11:]


def _unpad(der: bytes) -> str:
    """Without its padding; where there is none, one sign short."""
    text = encode_signature(der)
    return text.rstrip("=") if text.endswith("=") else text[:-1]


def _reorder(value: str) -> str:
    scheme, _, rest = value.partition(" ")
    return f"{scheme} " + ",".join(reversed(rest.split(",")))


STRINGS: Final[Mapping[str, tuple[str, Callable[[Lines], bytes]]]] = {
    "no-final-lf": ("末行缺换行", b"\n".join),
    "crlf": ("以 CRLF 换行", lambda lines: b"".join(line + b"\r\n" for line in lines)),
    "body-reserialised": ("报文体重新序列化后签名", _with_body(reserialise)),
    "body-left-out": ("报文体未参与签名", _with_body(lambda _: b"")),
    "body-digest": ("以报文体的摘要代替报文体", _with_body(lambda body: sm3_hex(body).encode())),
    "double-sm3": ("先取 SM3 再签名（摘要两次）", lambda lines: sm3(join_lines(lines))),
    "hex-digest": ("对 SM3 的十六进制文本签名", lambda lines: sm3_hex(join_lines(lines)).encode()),
    "gbk": ("以 GBK 编码参与签名", _with_body(lambda body: body.decode().encode("gbk", "replace"))),
    "body-only": ("只对报文体签名", lambda lines: lines[-1]),
}
WRONG_TARGETS: Final[Mapping[str, tuple[str, Callable[[Lines], bytes]]]] = {
    "wrong-path": ("路径与请求行不符", _with_target(b"/wrong/path")),
    "wrong-method": ("方法与请求行不符", lambda lines: join_lines([b"PUT", *lines[1:]])),
}
SPELLINGS: Final[Mapping[str, tuple[str, Callable[[bytes], str]]]] = {
    "raw": ("裸的 r‖s", _base64(raw_pair)),
    "raw-hex": ("r‖s 的十六进制", lambda der: raw_pair(der).hex()),
    "der-hex": ("DER 的十六进制", lambda der: der.hex()),
    "base64url": ("URL 安全的 Base64", _make_urlsafe),
    "unpadded": ("Base64 去掉填充", _unpad),
    "der-long-length": ("DER 长度未用最短形式", _base64(_lengthen)),
    "der-padded-integer": ("DER 整数有多余的前导 00", _base64(_pad_integer)),
    "der-negative": ("DER 整数为负", _base64(_negate)),
    "der-trailing": ("DER 之后有多余字节", _base64(lambda der: der + b"\x00")),
    "der-truncated": ("DER 缺末字节", _base64(lambda der: der[:-1])),
    "swapped": ("r 与 s 对调", _base64(_swap)),
    "bit-flipped": ("签名改动一位", _base64(_flip)),
    "zero": ("r 与 s 都为零", lambda _: encode_signature(_sequence(b"\x00", b"\x00"))),
    "garbage": ("签名值不是 Base64", lambda _: "not-a-signature!!"),
}
WRITINGS: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "scheme-unknown": ("签名方案不对", lambda value: "WECHATPAY2" + value[value.index("-") :]),
    "no-nonce": ("缺少 nonce_str", _drop("nonce_str")),
    "no-serial": ("缺少 serial_no", _drop("serial_no")),
    "no-signature": ("缺少 signature", _drop("signature")),
    "nonce-twice": ("nonce_str 写了两次", lambda value: value + ',nonce_str="0000000000000000"'),
    "unknown-parameter": ("多出未知参数", lambda value: value + ',version="1"'),
}
TOLERABLE: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "reordered": ("参数换了次序", _reorder),
    "blanks": ("逗号两侧有空白", lambda value: value.replace('",', '" , ')),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFault:
    """A named way to sign: its Chinese title and what it changes in an honest seal."""

    title: str
    changes: Mapping[str, Any]

    def apply(self, seal: Seal) -> Seal:
        """The seal with this fault."""
        return replace(seal, **self.changes)


def _rows(field: str, table: Mapping[str, tuple[str, Any]]) -> dict[str, SealFault]:
    return {name: SealFault(title=title, changes={field: change}) for name, (title, change) in table.items()}


def _mix(code: str) -> Callable[[bytes, bytes], bytes]:
    return next(mixture.digest for mixture in MIXTURES if mixture.code == code)


_OTHERS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "absent": ("没有签名", {"absent": True}),
    "late": ("时间戳早于接收方 400 秒", {"skew_s": -400}),
    "early": ("时间戳晚于接收方 400 秒", {"skew_s": 400}),
    "nearly-late": ("时间戳早 270 秒，仍在窗口内", {"skew_s": -270}),
    "nearly-early": ("时间戳晚 270 秒，仍在窗口内", {"skew_s": 270}),
    "long-ago": ("签于 70 小时之前", {"skew_s": -70 * 3600}),
    "second-key": ("用轮换期内并存的另一把密钥", {"standing": "second"}),
    "next-key": ("用尚未启用的密钥", {"standing": "next"}),
    "retired-key": ("用已停用的密钥", {"standing": "retired"}),
    "retired-key-in-time": (
        "用已停用的密钥签于其有效期内",
        {"standing": "retired", "dated": "retired", "skew_s": -86400},
    ),
    "revoked-key": ("用已吊销的密钥", {"standing": "revoked"}),
    "unlisted-key": ("用不在公钥清单上的密钥", {"standing": "unlisted"}),
    "planted-key": ("用伪造的公钥清单才有的密钥", {"standing": "planted"}),
    "as-platform": ("sender_id 写成 platform", {"sender_id": "platform"}),
    "as-gateway": ("sender_id 写成 gateway", {"sender_id": "gateway"}),
    "by-platform": ("由平台以其自己的密钥签名", {"signer": "platform"}),
    "by-gateway": ("由网关以其自己的密钥签名", {"signer": "gateway"}),
    "as-stranger": ("sender_id 写成无关机构", {"sender_id": "stranger"}),
    "other-nonce": ("应答中的随机串不是请求的", {"nonce": lambda nonce: nonce[::-1]}),
    "short-nonce": ("随机串太短", {"nonce": lambda nonce: nonce[:8]}),
    "brief-nonce": ("16 位的随机串", {"nonce": lambda nonce: nonce[:16]}),
    "long-nonce": ("64 位的随机串", {"nonce": lambda nonce: (nonce + nonce[::-1])[:64]}),
    "no-za": ("签名没有加入 ZA", {"digest": _mix("NO_ZA")}),
    "empty-user-id": ("用户标识为空", {"digest": _mix("EMPTY_USER_ID")}),
    "other-user-id": ("用户标识不是 1234567812345678", {"digest": _mix("OTHER_USER_ID")}),
}

ANSWER_SEALS: Final[Mapping[str, SealFault]] = {
    **{name: SealFault(title=title, changes=changes) for name, (title, changes) in _OTHERS.items()},
    **_rows("string", STRINGS),
    **_rows("spell", SPELLINGS),
}
"""What may be wrong with the signature of an answer."""

REQUEST_SEALS: Final[Mapping[str, SealFault]] = {
    **ANSWER_SEALS,
    **_rows("string", WRONG_TARGETS),
    **_rows("write", {**WRITINGS, **TOLERABLE}),
}
"""What may be wrong with an Authorization, the request's own or the origin's."""
