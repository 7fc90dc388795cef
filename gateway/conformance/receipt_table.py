"""The checks of receipts, one row each: title, clause, what is expected, what to do where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.conformance import receipt_checks as receipt
from gateway.conformance.findings import Check

RECEIPT_CHECKS: Final[Mapping[str, Check]] = {
    "accepted": Check(
        title="回以受理回执",
        clause="",
        expected='{"id","digest","status":"ACCEPTED"}，指明本报文',
        advice="收妥并落库后回以 ACCEPTED 回执；合法的报文不得拒收。",
        look=receipt.on_reaction(receipt.look_accepted),
    ),
    "receipt-signed": Check(
        title="回执的签名有效",
        clause="协议 4、6",
        expected="以登记的密钥签名，四个 Gzbzj- 头（推送）或 Authorization（拉取）齐备",
        advice="待签名串为 时间戳\\n请求的随机串\\n应答体\\n，末行也有换行；签名为 ASN.1 DER 再做标准 Base64。",
        look=receipt.on_reaction(receipt.look_signed),
    ),
    "receipt-nonce": Check(
        title="应答回送请求的随机串",
        clause="协议 4",
        expected="Gzbzj-Nonce 与请求的 nonce_str 相同",
        advice="应答签名用请求 Authorization 中的 nonce_str，不要自造。",
        look=receipt.on_reaction(receipt.look_nonce),
    ),
    "receipt-time": Check(
        title="回执的时间戳在窗口内",
        clause="协议 3、4",
        expected="与接收方时钟相差不超过 300 秒",
        advice="校准服务器时钟（NTP），时间戳取签名时的 Unix 秒。",
        look=receipt.on_reaction(receipt.look_time),
    ),
    "receipt-id": Check(
        title="回执写明本报文的 id",
        clause="协议 6",
        expected="报文的 id",
        advice="回执的 id 逐字照抄报文的 id。",
        look=receipt.on_reaction(receipt.look_receipt("id")),
    ),
    "receipt-digest": Check(
        title="回执写明原始字节的 SM3",
        clause="协议 6",
        expected="报文原始字节的 SM3，64 位小写十六进制",
        advice="对收到的原始字节取 SM3，不要先解析再序列化。",
        look=receipt.on_reaction(receipt.look_receipt("digest")),
    ),
    "receipt-success": Check(
        title="受理时应答 2xx",
        clause="协议 6",
        expected="HTTP 2xx",
        advice="受理以 200 应答。",
        look=receipt.on_reaction(receipt.look_success),
    ),
    "answered-quickly": Check(
        title="在时限内应答",
        clause="协议 6",
        expected="10 秒以内",
        advice="先落库、签回执，业务放到后台办理。",
        look=receipt.on_reaction(receipt.look_quick),
    ),
    "refused": Check(
        title="拒收",
        clause="协议 6",
        expected="REFUSED 回执，或不含回执的 4xx 应答",
        advice="验签、核对 recipient 与原始签名之后才受理；任何一项不符都不得回 ACCEPTED。",
        look=receipt.look_refused,
    ),
    "not-accepted": Check(
        title="不予受理",
        clause="协议 6",
        expected="没有 ACCEPTED 回执",
        advice="无法核验的请求不得回 ACCEPTED。",
        look=receipt.look_not_accepted,
    ),
    "refusal-code": Check(
        title="错误码说明原因",
        clause="协议 7",
        expected="与原因相符的错误码",
        advice="使用协议第 7 节的错误码，便于对方定位。",
        look=receipt.on_reaction(receipt.look_code),
        needs=("is",),
    ),
    "refusal-status": Check(
        title="HTTP 状态与原因相符",
        clause="协议 7",
        expected="协议第 7 节的 HTTP 状态",
        advice="使用协议第 7 节的 HTTP 状态。",
        look=receipt.on_reaction(receipt.look_status),
        needs=("is",),
    ),
    "refusal-reason": Check(
        title="拒收写明 code 与 message",
        clause="协议 6",
        expected="code 与 message 都有内容",
        advice="REFUSED 回执写明错误码与中文原因。",
        look=receipt.on_reaction(receipt.look_reason),
    ),
    "receipt-again": Check(
        title="未得到可信的应答时再交一次回执",
        clause="协议 4、5",
        expected="再交一次相同的回执，直到应答可信",
        advice="交回执的应答未到、签名不符或为 503 时，重新拉取并再交一次。",
        look=receipt.look_again,
    ),
    "same-receipt": Check(
        title="重复报文得到相同的回执",
        clause="协议 6",
        expected="与首次相同的 id、digest、status",
        advice="以 source + id 查重，字节相同则回以当初的回执。",
        look=receipt.look_same,
        needs=("is",),
    ),
}
