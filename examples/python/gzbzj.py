"""The wire protocol in 200 lines: Python's standard library for HTTP and JSON, the `openssl` command for SM2 and SM3.

Read this beside the protocol: sections 3 (request signature), 4 (response signature), 5 (keys) and 6 (receipts).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import secrets
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SCHEME = "GZBZJ1-SM2-WITH-SM3"
WINDOW = 300
MAX_SIGNATURE = 72
_USER_ID = ("-sigopt", "distid:1234567812345678")
_PARAMETER = re.compile(r'[ \t]*([a-z_]+)="([^"]*)"[ \t]*(?:,|$)')
_SHAPES = {
    "sender_id": re.compile(r"[a-z][a-z0-9-]{1,31}"),
    "serial_no": re.compile(r"[0-9A-F]{40}"),
    "timestamp": re.compile(r"[0-9]{10}"),
    "nonce_str": re.compile(r"[A-Za-z0-9]{16,64}"),
    "signature": re.compile(r"[ -\[\]-~]+"),
}


class Refused(Exception):  # noqa: N818 - an answer, not a fault of the program
    """What came in is refused: a code of protocol section 7 and a Chinese text."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"{code}: {text}")


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    """The standard output of the openssl command."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def sm3(data: bytes) -> str:
    """SM3 as 64 lower-case hex digits."""
    return openssl("dgst", "-sm3", "-r", data=data).split()[0].decode()


def serial_no(public_pem: str) -> str:
    """Protocol section 3: the first 20 bytes of SM3 over the standard SubjectPublicKeyInfo, in upper-case hex."""
    der = openssl("pkey", "-pubin", "-outform", "DER", data=public_pem.encode())
    return sm3(der)[:40].upper()


def sign(key_file: Path, text: bytes) -> str:
    """SM2 with SM3 and the user id 1234567812345678, DER, Base64."""
    return base64.b64encode(openssl("dgst", "-sm3", "-sign", str(key_file), *_USER_ID, data=text)).decode()


def verify(public_pem: str, signature: str, text: bytes) -> None:
    """Raise Refused unless the signature is this key's over `text`; openssl is strict about DER, we about Base64."""
    try:
        der = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("SIGNATURE_MALFORMED", "签名不是标准 Base64。") from error
    # The command reads 72 bytes of a signature file and no more: what follows them would go unseen.
    if base64.b64encode(der).decode() != signature or len(der) > MAX_SIGNATURE:
        raise Refused("SIGNATURE_MALFORMED", "签名不是标准 Base64，或长于 72 字节。")
    with tempfile.TemporaryDirectory() as folder:
        pem, sig = Path(folder, "key.pem"), Path(folder, "signature")
        pem.write_text(public_pem)
        sig.write_bytes(der)
        command = ["openssl", "dgst", "-sm3", "-verify", str(pem), *_USER_ID, "-signature", str(sig)]
        done = subprocess.run(command, input=text, capture_output=True, check=False)
    if done.returncode != 0:
        raise Refused("SIGNATURE_INVALID", "验签未通过。")


def request_string(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The five lines of section 3, each ended by LF, the last too; the body as its raw bytes."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def response_string(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The three lines of section 4."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def read_authorization(value: str) -> dict[str, str]:
    """The five parameters of an Authorization header, in any order, blanks allowed around the commas."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme != SCHEME:
        raise Refused("AUTH_SCHEME_UNSUPPORTED", f"签名方案应为 {SCHEME}。")
    pairs = _PARAMETER.findall(rest)
    fields = dict(pairs)
    shapes = all(shape.fullmatch(fields.get(name, "")) for name, shape in _SHAPES.items())
    if _PARAMETER.sub("", rest) or len(pairs) != len(_SHAPES) or not shapes or rest[-1:] == ",":
        raise Refused("MALFORMED_REQUEST", "Authorization 请求头的参数有误。")
    return fields


def check_age(timestamp: str) -> None:
    """Within 300 seconds of our clock, on either side."""
    if abs(int(timestamp) - time.time()) > WINDOW:
        raise Refused("TIMESTAMP_OUT_OF_WINDOW", "时间戳与本方时钟相差超过 300 秒。")


def read_json(body: bytes) -> dict:
    """Strict JSON (section 2): one object, UTF-8 without BOM, no repeated names, no NaN, no lone surrogate, no NUL."""
    try:
        text = body.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused("MALFORMED_REQUEST", "报文体不是合格的 JSON。") from error
    # Two backslashes are one in the text: what follows them is no escape.
    nul = "\\u0000" in text.replace("\\\\", "")
    if not isinstance(document, dict) or text.startswith("\ufeff") or _depth(document) > 64 or nul:
        raise Refused("MALFORMED_REQUEST", "报文体不是合格的 JSON 对象。")
    return document


def check_envelope(message: dict) -> None:
    """The attributes of section 2 are there; an institution also holds `data` against the type's JSON Schema."""
    texts = ("id", "source", "type", "subject", "time", "recipient")
    whole = all(isinstance(message.get(name), str) and message[name] for name in texts)
    if not whole or message.get("specversion") != "1.0" or not isinstance(message.get("data"), dict):
        raise Refused("MALFORMED_REQUEST", "信封不齐，请对照协议第 2 节检查各属性。")


def _unique(pairs: list) -> dict:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@dataclass
class Answer:
    """An answer of the gateway whose signature verified."""

    status: int
    body: bytes

    @property
    def document(self) -> dict:
        """The body as JSON."""
        return json.loads(self.body)


class Gateway:
    """Calls the gateway as one party and believes no answer that its key did not sign."""

    def __init__(self, url: str, party_id: str, key_file: Path, gateway_pem: str) -> None:
        self.url = url.rstrip("/")
        self.party_id = party_id
        self.key_file = key_file
        public = openssl("pkey", "-in", str(key_file), "-pubout").decode()
        self.serial_no = serial_no(public)
        self._keys = {("gateway", serial_no(gateway_pem)): {"publicKey": gateway_pem, "status": "active"}}

    def call(self, method: str, target: str, body: bytes = b"", wait: int = 0) -> Answer:
        """One signed request. Refused when the answer's signature does not verify: then nothing is known."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        headers = {"Authorization": self._authorize(method, target, timestamp, nonce, body)}
        if body:
            headers["Content-Type"] = "application/cloudevents+json"
        request = urllib.request.Request(self.url + target, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15 + wait) as answer:
                status, received, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, received, content = error.code, error.headers, error.read()
        self._check_answer(received, nonce, content)
        return Answer(status, content)

    def _authorize(self, method: str, target: str, timestamp: str, nonce: str, body: bytes) -> str:
        signature = sign(self.key_file, request_string(method, target, timestamp, nonce, body))
        return (
            f'{SCHEME} sender_id="{self.party_id}",serial_no="{self.serial_no}",'
            f'timestamp="{timestamp}",nonce_str="{nonce}",signature="{signature}"'
        )

    def _check_answer(self, headers, nonce: str, body: bytes) -> None:
        timestamp = headers.get("Gzbzj-Timestamp", "")
        if headers.get("Gzbzj-Nonce") != nonce or not timestamp.isdigit():
            raise Refused("SIGNATURE_INVALID", "应答没有签名，或随机串不是本次请求的，不足为凭。")
        check_age(timestamp)
        key = self._keys.get(("gateway", headers.get("Gzbzj-Serial", "")))
        if key is None or key["status"] != "active":
            raise Refused("KEY_UNKNOWN", "应答的签名密钥不是可信的网关密钥。")
        verify(key["publicKey"], headers.get("Gzbzj-Signature", ""), response_string(timestamp, nonce, body))

    def refresh_keys(self) -> None:
        """Take the list of keys from an answer that a trusted key signed; serials are computed, never believed."""
        for key in self.call("GET", "/v1/keys").document["keys"]:
            self._keys[key["ownerId"], serial_no(key["publicKey"])] = key

    def find_key(self, owner: str, serial: str) -> dict:
        """A key by owner and serial; the list is fetched again for one that is unknown (a rotation)."""
        if (owner, serial) not in self._keys:
            self.refresh_keys()
        if (owner, serial) not in self._keys:
            raise Refused("KEY_UNKNOWN", "找不到该签名方与序列号的公钥。")
        return self._keys[owner, serial]

    def seal(self, nonce: str, body: bytes) -> dict[str, str]:
        """The four headers that sign an answer of ours; `nonce` is the request's."""
        timestamp = str(int(time.time()))
        signature = sign(self.key_file, response_string(timestamp, nonce, body))
        return {
            "Gzbzj-Serial": self.serial_no,
            "Gzbzj-Timestamp": timestamp,
            "Gzbzj-Nonce": nonce,
            "Gzbzj-Signature": signature,
        }


def check_valid_at(key: dict, timestamp: str) -> None:
    """A retired key still verifies what it signed within its validity; a revoked one nothing after its end."""
    begin, end = key.get("notBefore"), key.get("notAfter")
    instant = float(timestamp)
    early = begin is not None and instant < datetime.fromisoformat(begin).timestamp()
    late = end is not None and instant >= datetime.fromisoformat(end).timestamp()
    if early or late or key["status"] == "next":
        raise Refused("KEY_NOT_ACTIVE", "发送方的密钥当时无效。")
