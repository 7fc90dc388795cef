"""A minimal honest institution: sends a message, pulls its mailbox or takes pushes, and answers with signed receipts.

python3 institution.py send  MESSAGE.json --id xmccb --key xmccb.pem --gateway URL --gateway-key gateway.pub.pem
python3 institution.py pull  [--once]      --id …
python3 institution.py serve --port 9001   --id …
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

from gzbzj import (
    Gateway,
    Refused,
    check_age,
    check_envelope,
    check_valid_at,
    read_authorization,
    read_json,
    request_string,
    sm3,
    verify,
)

MAX_BODY = 1024 * 1024


class Institution:
    """Judges messages. What it has taken stands in `held`, by source and id; a real one keeps it in its database."""

    def __init__(self, gateway: Gateway, ledger: Path) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], tuple[str, bytes]] = {}
        self._nonces: dict[str, float] = {}
        for line in ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else ():
            entry = json.loads(line)
            self._held[entry["source"], entry["id"]] = (entry["digest"], entry["receipt"].encode())

    def take(self, body: bytes, origin: str | None) -> tuple[bool, bytes]:
        """Whether a message is accepted, and the receipt; the same message again earns the same receipt."""
        message, digest = read_json(body), sm3(body)
        if not isinstance(message.get("id"), str) or not isinstance(message.get("source"), str):
            raise Refused("MALFORMED_REQUEST", "报文没有 id 或 source，无从回执。")
        try:
            self._check(message, body, origin)
            return True, self._hold(message, digest)
        except Refused as refused:
            receipt = {"id": message["id"], "digest": digest, "status": "REFUSED"}
            return False, _write({**receipt, "code": refused.code, "message": refused.text})

    def _check(self, message: dict, body: bytes, origin: str | None) -> None:
        """Protocol section 6: it is for us, and its sender signed these very bytes."""
        check_envelope(message)
        if message["recipient"] != self._gateway.party_id:
            raise Refused("RECIPIENT_NOT_PERMITTED", "报文的接收方不是本机构。")
        if origin is None:
            raise Refused("AUTH_MISSING", "缺少 Gzbzj-Origin。")
        fields = read_authorization(origin)
        if fields["sender_id"] != message["source"]:
            raise Refused("SOURCE_MISMATCH", "Gzbzj-Origin 的签名方不是报文的 source。")
        key = self._gateway.find_key(fields["sender_id"], fields["serial_no"])
        check_valid_at(key, fields["timestamp"])
        signed = request_string("POST", "/v1/messages", fields["timestamp"], fields["nonce_str"], body)
        verify(key["publicKey"], fields["signature"], signed)

    def _hold(self, message: dict, digest: str) -> bytes:
        with self._lock:
            name = (message["source"], message["id"])
            held = self._held.get(name)
            if held is not None and held[0] != digest:
                raise Refused("MESSAGE_ID_CONFLICT", "同一 id 已用于另一份内容不同的报文。")
            if held is not None:
                return held[1]
            receipt = _write({"id": message["id"], "digest": digest, "status": "ACCEPTED"})
            self._write_down(message, digest, receipt)
            self._held[name] = (digest, receipt)
        print(f"收到 {message['type']} {message['id']}：{message['subject']}", file=sys.stderr, flush=True)
        return receipt

    def _write_down(self, message: dict, digest: str, receipt: bytes) -> None:
        """On the disk before the receipt leaves: a receipt is a promise. Your own business begins here."""
        entry = {"source": message["source"], "id": message["id"], "digest": digest, "receipt": receipt.decode()}
        with self._ledger.open("a", encoding="utf-8") as ledger:
            ledger.write(json.dumps({**entry, "message": message}, ensure_ascii=False) + "\n")
            ledger.flush()

    def check_push(self, method: str, target: str, authorizations: list[str], body: bytes) -> str:
        """The nonce of a push that the gateway signed, used for the first time."""
        if len(authorizations) != 1:
            raise Refused("AUTH_MISSING", "推送应有且只有一个 Authorization。")
        fields = read_authorization(authorizations[0])
        if fields["sender_id"] != "gateway":
            raise Refused("KEY_UNKNOWN", "推送应由网关签名。")
        key = self._gateway.find_key("gateway", fields["serial_no"])
        if key["status"] != "active":
            raise Refused("KEY_NOT_ACTIVE", "网关的这把密钥已停用。")
        check_age(fields["timestamp"])
        signed = request_string(method, target, fields["timestamp"], fields["nonce_str"], body)
        verify(key["publicKey"], fields["signature"], signed)
        self._spend(f"{fields['serial_no']} {fields['nonce_str']}")
        return fields["nonce_str"]

    def _spend(self, nonce: str) -> None:
        with self._lock:
            if nonce in self._nonces:
                raise Refused("NONCE_REPLAYED", "随机串已使用过。")
            self._nonces[nonce] = time.time()


def _write(members: dict) -> bytes:
    return json.dumps(members, ensure_ascii=False).encode()


def send(gateway: Gateway, file: Path) -> int:
    """Post a message; the answer was verified, its status tells the rest. No answer: send the same bytes again."""
    answer = gateway.call("POST", "/v1/messages", file.read_bytes())
    print(json.dumps({"httpStatus": answer.status, **answer.document}, ensure_ascii=False))
    return 0 if answer.status in (200, 202) else 1


def pull(gateway: Gateway, institution: Institution, *, once: bool) -> int:
    """Ask the mailbox with a long poll and receipt each message; what fails is listed again next time."""
    wait = 0 if once else 20
    while True:
        try:
            for message in gateway.call("GET", f"/v1/mailbox?limit=20&wait={wait}", wait=wait).document["messages"]:
                _, receipt = institution.take(message["body"].encode(), message["origin"])
                gateway.call("POST", f"/v1/mailbox/{message['deliveryId']}/receipt", receipt)
        except (Refused, URLError, OSError, KeyError) as error:
            print(f"本轮未完成，稍后再取：{error}", file=sys.stderr, flush=True)
            time.sleep(0.5)
        if once:
            return 0


def serve(gateway: Gateway, institution: Institution, port: int) -> int:
    """Take pushes. What does not prove to come from the gateway gets a problem and no receipt."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MAX_BODY:
                self.close_connection = True
                return self._answer(413, _write({"code": "BODY_TOO_LARGE", "message": "报文体过大或未声明长度。"}), {})
            body, nonce = self.rfile.read(int(length)), None
            try:
                nonce = institution.check_push("POST", self.path, self.headers.get_all("Authorization", []), body)
                origins = self.headers.get_all("Gzbzj-Origin", [])
                accepted, answer = institution.take(body, origins[0] if len(origins) == 1 else None)
                status = 200 if accepted else 422
            except Refused as refused:
                status = 401 if nonce is None else 400
                answer = _write({"code": refused.code, "message": refused.text})
            except (URLError, OSError) as error:
                status, answer = 503, _write({"code": "UNAVAILABLE", "message": f"暂时无法核验：{error}"})
            return self._answer(status, answer, {} if nonce is None else gateway.seal(nonce, answer))

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing for each request."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"就绪：http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
    return 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="最小的接入机构：发送、拉取或接收推送，并签回执")
    parser.add_argument("command", choices=["send", "pull", "serve"])
    parser.add_argument("file", nargs="?", type=Path, help="send：报文文件")
    parser.add_argument("--id", required=True, help="机构标识")
    parser.add_argument("--key", required=True, type=Path, help="签名私钥 PEM")
    parser.add_argument("--gateway", required=True, help="网关地址")
    parser.add_argument("--gateway-key", required=True, type=Path, help="网关公钥 PEM，接入时取得")
    parser.add_argument("--ledger", type=Path, default=Path("ledger.jsonl"), help="已收报文的账本")
    parser.add_argument("--port", type=int, default=9001, help="serve：监听端口")
    parser.add_argument("--once", action="store_true", help="pull：只取一次")
    options = parser.parse_args()
    gateway = Gateway(options.gateway, options.id, options.key, options.gateway_key.read_text())
    if options.command == "send":
        return send(gateway, options.file)
    institution = Institution(gateway, options.ledger)
    if options.command == "pull":
        return pull(gateway, institution, once=options.once)
    return serve(gateway, institution, options.port)


if __name__ == "__main__":
    sys.exit(main())
