"""Whether the signatures behind a message hold: the sender's over the message, the recipient's over its receipt.

Source: protocol sections 3, 4 and 6. A key is judged as of the instant of its signature, so that one retired since
still proves what it signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.core.delivery import SECOND
from gateway.core.errors import Problem
from gateway.core.party import Directory
from gateway.core.wire.authorization import Authorization, parse_authorization
from gateway.core.wire.receipt import check_receipt, parse_receipt
from gateway.core.wire.response import ResponseSignature
from gateway.crypto.digest import sm3
from gateway.crypto.faults import KeyFormatError
from gateway.crypto.keys import PublicKey
from gateway.crypto.signer import verify_request, verify_response
from gateway.ports import MessageView, Proof

_METHOD: Final = "POST"
_TARGET: Final = "/v1/messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a signature holds, the reason in Chinese where it does not, and the serial of the key named in it.

    `purged` says that the bytes are kept no longer: nothing can be said from here, the chain of evidence can.
    """

    good: bool
    text: str
    serial_no: str
    purged: bool = False

    @property
    def word(self) -> str:
        """How the verdict is called on paper."""
        return "有效" if self.good else "不再复核" if self.purged else "无效"


def judge_message(view: MessageView, directory: Directory) -> Verdict:
    """The verdict on the sender's signature over the stored bytes."""
    message, serial = view.message, ""
    try:
        authorization = parse_authorization(message.origin)
        serial = authorization.serial_no
        if not message.body:
            return Verdict(good=False, text="正文已按保存期限清除，以存证链为准", serial_no=serial, purged=True)
        if sm3(message.body).hex() != message.digest:
            return Verdict(good=False, text="正文与受理时登记的 SM3 摘要不符", serial_no=serial)
        public = _key_of(directory, message.source, serial, authorization.timestamp)
        verify_request(public, authorization, method=_METHOD, target=_TARGET, body=message.body)
    except (Problem, KeyFormatError) as error:
        return Verdict(good=False, text=_tell(error), serial_no=serial)
    return Verdict(good=True, text="验签通过", serial_no=serial)


def judge_receipt(view: MessageView, directory: Directory) -> Verdict | None:
    """The verdict on the recipient's receipt; None while there is none."""
    proof = view.proof
    if proof is None:
        return None
    try:
        public = _key_of(directory, view.message.recipient, proof.serial_no, proof.timestamp)
        _verify_proof(public, proof, view.message.recipient)
        check_receipt(parse_receipt(proof.body), id=view.message.id, digest=view.message.digest)
    except (Problem, KeyFormatError) as error:
        return Verdict(good=False, text=_tell(error), serial_no=proof.serial_no)
    return Verdict(good=True, text="验签通过", serial_no=proof.serial_no)


def _verify_proof(public: PublicKey, proof: Proof, recipient: str) -> None:
    if proof.method is None or proof.path is None:
        signature = ResponseSignature(
            serial_no=proof.serial_no, timestamp=proof.timestamp, nonce=proof.nonce, signature=proof.signature
        )
        verify_response(public, signature, body=proof.body)
        return
    authorization = Authorization(
        sender_id=recipient,
        serial_no=proof.serial_no,
        timestamp=proof.timestamp,
        nonce=proof.nonce,
        signature=proof.signature,
    )
    verify_request(public, authorization, method=proof.method, target=proof.path, body=proof.body)


def _key_of(directory: Directory, owner: str, serial_no: str, timestamp: int) -> PublicKey:
    key = directory.keys.get((owner, serial_no))
    if key is None:
        raise Problem("KEY_UNKNOWN", f"{owner} 没有登记序列号为 {serial_no} 的公钥")
    key.check_valid_at(timestamp * SECOND)
    return PublicKey.from_pem(key.public_pem)


def _tell(error: Problem | KeyFormatError) -> str:
    return error.message if isinstance(error, Problem) else str(error)
