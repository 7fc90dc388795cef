"""The envelope: the CloudEvents attributes of a message, all faults named at once.

Source: protocol section 2 (CloudEvents 1.0, structured JSON mode).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gateway.core.errors import FieldError
from gateway.core.value_class import value_class
from gateway.core.wire.instants import parse_rfc3339
from gateway.core.wire.refusal import at, malformed
from gateway.core.wire.syntax import MESSAGE_ID, PARTY_ID, PLAIN_TEXT, matches

_MAX_TEXT: Final = 128


@value_class
class Envelope:
    """A message's attributes; `time` stays the sender's text, for no clock reads it."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    recipient: str
    correlation_id: str | None = None
    data: dict[str, Any]


def parse_envelope(doc: dict[str, Any]) -> Envelope:
    """Read the attributes of a message; Problem MALFORMED_REQUEST with one field error per bad attribute.

    Attributes not named in protocol section 2 are carried, not interpreted. Whether the type is known is asked later.
    """
    errors = [_fault(name, doc) for name, (good, _) in _RULES.items() if not good(doc.get(name))]
    if "data_base64" in doc:
        errors.append(at("/data_base64", "forbidden", "不接受 data_base64，请把业务数据以 JSON 对象写在 data 中。"))
    if errors:
        raise malformed("信封字段有误，请按 errors 逐项修改。", *errors)
    return Envelope(
        id=doc["id"],
        source=doc["source"],
        type=doc["type"],
        subject=doc["subject"],
        time=doc["time"],
        recipient=doc["recipient"],
        correlation_id=doc.get("correlationid"),
        data=doc["data"],
    )


def _is_plain_text(value: object) -> bool:
    return matches(PLAIN_TEXT, value) and len(str(value)) <= _MAX_TEXT


def _is_instant(value: object) -> bool:
    try:
        parse_rfc3339(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


# One row an attribute: the test of its value (None where it is absent) and what to write there.
_RULES: Final[dict[str, tuple[Callable[[object], bool], str]]] = {
    "specversion": (lambda value: value == "1.0", '应为 "1.0"'),
    "id": (
        lambda value: matches(MESSAGE_ID, value),
        "应为 1 至 64 位字母、数字、点、下划线或连字符，首位为字母或数字",
    ),
    "source": (lambda value: matches(PARTY_ID, value), "应为发送方机构标识"),
    "type": (_is_plain_text, "应为报文目录中的类型，例如 guarantee.issued.v1"),
    "subject": (_is_plain_text, "应为 1 至 128 个字符的业务编号，不含控制字符"),
    "time": (_is_instant, "应为带时区的 RFC 3339 时间，例如 2026-11-21T09:30:00+08:00"),
    "datacontenttype": (lambda value: value == "application/json", "应为 application/json"),
    "recipient": (lambda value: matches(PARTY_ID, value), "应为接收方机构标识"),
    "correlationid": (lambda value: value is None or matches(MESSAGE_ID, value), "应为所答复报文的 id"),
    "data": (lambda value: isinstance(value, dict), "应为 JSON 对象"),
}


def _fault(name: str, doc: dict[str, Any]) -> FieldError:
    hint = _RULES[name][1]
    if name not in doc:
        return at(f"/{name}", "required", f"缺少 {name}，{hint}。")
    return at(f"/{name}", "format", f"{name} 有误，{hint}。")
