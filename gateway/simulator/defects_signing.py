"""Defects of signing: requests and answers alike, but where a row says otherwise (protocol sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.core.wire.wrong_bodies import WRONG_BODIES
from gateway.core.wire.wrong_strings import LAYOUTS, Lines, Signing, join_lines
from gateway.crypto.asn1 import INTEGER, SEQUENCE, encode
from gateway.crypto.wrong_digests import MIXTURES, Mixture
from gateway.simulator.defect_rows import PULL, PUSH, Defect, signing_defect
from gateway.simulator.faulty_identity import Fields, SigningFault, write_base64, write_der, write_right

_HALF: Final = 32
_TEN_MINUTES: Final = 600


def _layout(code: str) -> Callable[[Signing], bytes]:
    join = next(layout.join for layout in LAYOUTS if layout.code == code)
    return lambda signing: join(signing.lines)


def _body(code: str, place: int = 0) -> Callable[[Signing], bytes]:
    """The lines with a body mistaken by a row of WRONG_BODIES; a body that it does not fit is signed as it is."""
    row = [row for row in WRONG_BODIES if row.code == code][place]

    def make(signing: Signing) -> bytes:
        *head, body = signing.lines
        return join_lines((*head, row.make(body) if body else body))

    return make


def _mixture(code: str, place: int = 0) -> Callable[[bytes, bytes], bytes]:
    found: list[Mixture] = [mixture for mixture in MIXTURES if mixture.code == code]
    return found[place].digest


def _lines(change: Callable[[Lines], Lines]) -> Callable[[Signing], bytes]:
    return lambda signing: join_lines(change(signing.lines))


def _raw(r: int, s: int) -> str:
    return write_base64(r.to_bytes(_HALF) + s.to_bytes(_HALF))


def _fixed(r: int, s: int) -> str:
    """Each INTEGER in 34 bytes: with leading zeros that DER forbids."""
    return write_base64(encode(SEQUENCE, *(encode(INTEGER, number.to_bytes(_HALF + 2)) for number in (r, s))))


def _unsigned(r: int, s: int) -> str:
    """INTEGERs as plain bytes: those with the highest bit set read as negative numbers."""
    return write_base64(encode(SEQUENCE, *(encode(INTEGER, number.to_bytes(_HALF).lstrip(b"\0")) for number in (r, s))))


def _swap_last(lines: Lines) -> Lines:
    *head, timestamp, nonce, body = lines
    return (*head, nonce, timestamp, body)


def _without(name: str) -> Callable[[Fields], Fields]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


def _with(name: str, make: Callable[[str], str]) -> Callable[[Fields], Fields]:
    return lambda fields: {key: make(value) if key == name else value for key, value in fields.items()}


def _request_instead(signing: Signing) -> bytes:
    return signing.expected if signing.method else b"POST\n/\n" + signing.expected


def _path_only(signing: Signing) -> bytes:
    if signing.target is None:
        return signing.expected
    method, target, *rest = signing.lines
    return join_lines((method, target.partition(b"?")[0], *rest))


_STRINGS: Final = (
    ("sign-missing-last-lf", "待签名串最后一行缺少换行", _layout("MISSING_LAST_LF")),
    ("sign-crlf", "待签名串各行以 CRLF 结尾", _layout("CRLF")),
    ("sign-no-lf", "待签名串各行直接相连", _layout("NO_LF")),
    ("sign-escaped-lf", "待签名串的换行写成反斜杠加 n", _layout("ESCAPED_LF")),
    ("sign-body-only", "只对报文体签名", _layout("BODY_ONLY")),
    ("sign-spaced-json", "签名用的 JSON 重新序列化（逗号、冒号后带空格）", _body("BODY_RESERIALISED", 4)),
    ("sign-sorted-json", "签名用的 JSON 字段重新排序", _body("BODY_RESERIALISED", 1)),
    ("sign-body-lf", "签名时报文体末尾多一个换行", _body("BODY_WHITESPACE")),
    ("sign-empty-body", "签名时没有放入报文体", _body("BODY_EMPTY")),
    ("sign-line-order", "随机串写在时间戳之前", _lines(_swap_last)),
)
_DIGESTS: Final = (
    ("sign-no-za", "签名没有加入 ZA", _mixture("NO_ZA")),
    ("sign-empty-user-id", "SM2 用户标识为空", _mixture("EMPTY_USER_ID")),
    ("sign-sample-user-id", "SM2 用户标识用了标准样例 ALICE123@YAHOO.COM", _mixture("OTHER_USER_ID")),
    ("sign-double-sm3", "做了两次 SM3", _mixture("DOUBLE_SM3")),
    ("sign-digest-hex", "签的是摘要的十六进制文本", _mixture("DIGEST_HEX")),
    ("sign-sha256", "摘要算法用了 SHA-256", _mixture("OTHER_DIGEST")),
)
_WRITINGS: Final[tuple[tuple[str, str, Callable[[int, int], str]], ...]] = (
    ("signature-raw-rs", "签名是裸的 r‖s", _raw),
    ("signature-loose-der", "签名的 DER 有多余的前导零", _fixed),
    ("signature-negative", "签名的 DER 整数最高位为 1 时没有补零", _unsigned),
    ("signature-long-length", "签名的 DER 长度用了长形式", lambda r, s: write_base64(_lengthen(write_der(r, s)))),
    ("signature-trailing-byte", "签名的 DER 之后有多余字节", lambda r, s: write_base64(write_der(r, s) + b"\x00")),
    ("signature-swapped", "签名的 r 与 s 次序颠倒", lambda r, s: write_right(s, r)),
    ("signature-hex", "签名写成十六进制", lambda r, s: write_der(r, s).hex()),
    ("signature-unpadded", "签名的 Base64 缺少填充", lambda r, s: write_right(r, s).rstrip("=")),
    ("signature-url-safe", "签名用了 URL 安全的 Base64", lambda r, s: _url_safe(write_right(r, s))),
    (
        "signature-line-break",
        "签名的 Base64 中有空格",
        lambda r, s: write_right(r, s)[:40] + " " + write_right(r, s)[40:],
    ),
)


def _lengthen(der: bytes) -> bytes:
    return der[:1] + b"\x81" + der[1:]


def _url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


SIGNING: Final[tuple[Defect, ...]] = (
    *(signing_defect(name, title, SigningFault(string=string)) for name, title, string in _STRINGS),
    *(signing_defect(name, title, SigningFault(digest=digest)) for name, title, digest in _DIGESTS),
    *(signing_defect(name, title, SigningFault(write=write)) for name, title, write in _WRITINGS),
    signing_defect("sign-other-key", "用未登记的私钥签名，却写登记的序列号", SigningFault(other_key=True)),
    signing_defect(
        "sign-request-lines", "应答用了请求的五行待签名串", SigningFault(string=_request_instead), modes=(PUSH,)
    ),
    signing_defect(
        "sign-path-without-query", "待签名串的路径不含查询串", SigningFault(string=_path_only), modes=(PULL,)
    ),
    signing_defect("clock-slow", "时钟慢十分钟", SigningFault(time=lambda seconds: seconds - _TEN_MINUTES)),
    signing_defect("clock-fast", "时钟快十分钟", SigningFault(time=lambda seconds: seconds + _TEN_MINUTES)),
    signing_defect("timestamp-milliseconds", "时间戳以毫秒计", SigningFault(time=lambda seconds: seconds * 1000)),
    signing_defect(
        "serial-lower-case",
        "公钥序列号写成小写",
        SigningFault(headers=_with("Gzbzj-Serial", str.lower), parameters=_with("serial_no", str.lower)),
    ),
    signing_defect(
        "serial-of-certificate",
        "序列号用了证书的序列号，不是由公钥算出的",
        SigningFault(
            headers=_with("Gzbzj-Serial", lambda serial: serial[::-1]),
            parameters=_with("serial_no", lambda serial: serial[::-1]),
        ),
    ),
    signing_defect("scheme-unknown", "签名方案名写错", SigningFault(scheme="WECHATPAY2-SM2-WITH-SM3")),
    signing_defect("parameter-missing", "Authorization 缺少 nonce_str", SigningFault(parameters=_without("nonce_str"))),
    signing_defect("answer-unsigned", "应答没有签名头", SigningFault(headers=lambda _: {}), modes=(PUSH,)),
    signing_defect(
        "answer-serial-missing", "应答缺少 Gzbzj-Serial", SigningFault(headers=_without("Gzbzj-Serial")), modes=(PUSH,)
    ),
    signing_defect(
        "answer-own-nonce",
        "应答用了自己的随机串，没有回填请求的",
        SigningFault(echo=lambda nonce: nonce[::-1]),
        modes=(PUSH,),
    ),
    signing_defect(
        "answer-fixed-nonce", "应答的随机串是固定值", SigningFault(echo=lambda _: "0123456789abcdef"), modes=(PUSH,)
    ),
)
