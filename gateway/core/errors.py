"""Every error that the gateway may put on the wire, as one table, and the exception that carries one.

Source: protocol section 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """One row of protocol section 7's table: the HTTP status and the default Chinese text."""

    status: int
    text: str


_TABLE: Final = {
    "MALFORMED_REQUEST": (400, "请求格式有误，请对照接口文档检查请求头、JSON 与信封字段。"),
    "AUTH_MISSING": (401, "缺少 Authorization 请求头，请按 GZBZJ1-SM2-WITH-SM3 方案签名后重试。"),
    "AUTH_SCHEME_UNSUPPORTED": (401, "不支持的签名方案，请使用 GZBZJ1-SM2-WITH-SM3。"),
    "KEY_UNKNOWN": (401, "找不到该 sender_id 与 serial_no 对应的公钥，请核对证书序列号或先登记公钥。"),
    "KEY_NOT_ACTIVE": (401, "该密钥当前不可用于签名（未生效、已停用、已吊销或已过期），请改用有效密钥。"),
    "SIGNATURE_MALFORMED": (401, "签名值格式有误，应为 ASN.1 DER 编码的 SM2 签名再做标准 Base64。"),
    "SIGNATURE_INVALID": (401, "验签未通过，请逐行核对待签名串（五行、每行以换行结尾）与所用密钥。"),
    "TIMESTAMP_OUT_OF_WINDOW": (401, "时间戳与网关时钟相差超过 300 秒，请校准时钟后重新签名。"),
    "NONCE_REPLAYED": (401, "随机串已使用过，请更换 nonce_str 后重新签名再发。"),
    "SOURCE_MISMATCH": (403, "报文 source 与签名密钥的所有者不一致，请以本机构标识填写 source。"),
    "TYPE_NOT_PERMITTED": (403, "本方无权发送该类型的报文，请核对报文目录中的收发方。"),
    "RECIPIENT_NOT_PERMITTED": (403, "该类型的报文不能发给此接收方，请核对 recipient。"),
    "INSTITUTION_NOT_LIVE": (403, "机构尚未上线，请完成接入测试并上线后再办理业务。"),
    "INSTITUTION_SUSPENDED": (403, "机构已被暂停，不得承接新业务；已受理订单的报文不受影响。"),
    "NOT_FOUND": (404, "所请求的资源不存在，或本方无权查看。"),
    "MESSAGE_ID_CONFLICT": (409, "同一 id 已用于另一份内容不同的报文，请更换 id，或按原字节重发。"),
    "STATE_CONFLICT": (409, "当前业务状态不允许此操作，请先查询订单状态。"),
    "BODY_TOO_LARGE": (413, "报文体超过上限，请缩减后重发。"),
    "UNSUPPORTED_MEDIA_TYPE": (
        415,
        "不支持的媒体类型，请使用 application/cloudevents+json 或 application/json，且不要压缩报文体。",
    ),
    "TYPE_UNKNOWN": (422, "未知的报文类型，请核对 type 及其版本号。"),
    "SCHEMA_INVALID": (422, "报文内容不符合该类型的 JSON Schema，请按 errors 逐项修改。"),
    "RULE_VIOLATED": (422, "报文内容违反业务规则，请按 errors 所列规则修改。"),
    "RECEIPT_INVALID": (422, "回执与该报文不符，请核对回执中的 id、digest、status 与签名。"),
    "RATE_LIMITED": (429, "请求过于频繁，请按 Retry-After 指示的秒数等待后重试。"),
    "INTERNAL": (500, "网关内部错误，报文未被受理，请稍后用同一报文重试，并把 requestId 告知运维。"),
    "UNAVAILABLE": (503, "网关暂时不可用，请按 Retry-After 等待后用同一报文重试。"),
}

CODES: Final[Mapping[str, CodeRow]] = MappingProxyType(
    {code: CodeRow(status=status, text=text) for code, (status, text) in _TABLE.items()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One entry of a problem's `errors`: where (JSON pointer into the message), which rule, what to do (Chinese)."""

    pointer: str
    rule: str
    message: str
    basis: str | None = None


@dataclass(slots=True, eq=False)
class Problem(Exception):  # noqa: N818 - the field's own term (RFC 9457); it is a refusal, not always a fault
    """A refusal with a code of protocol section 7.

    `message` is Chinese and says what to do; the code's default text stands when it is empty.
    `retry_after` is in whole seconds, for 429 and 503. `extra` holds further members of the body (sandbox `diagnosis`).
    """

    code: str
    message: str = ""
    errors: Sequence[FieldError] = ()
    retry_after: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the table's text when none is given; KeyError for a code that is not in the table."""
        self.message = self.message or CODES[self.code].text

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return CODES[self.code].status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
