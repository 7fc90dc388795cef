"""A receipt for any message: what was accepted, from whom, when, and the whole payload under its Chinese titles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.catalogue import Catalogue
from gateway.core.delivery import State
from gateway.forms.members import find_member, write_time, write_value
from gateway.forms.sheets import Block, put_rows
from gateway.ports import MessageView

TITLE: Final = "报文受理凭证"
_STATES: Final[Mapping[State, str]] = {
    State.ACCEPTED: "已受理，待投递",
    State.DELIVERING: "投递中",
    State.DELIVERED: "已送达",
    State.HELD: "暂缓投递",
    State.FAILED: "投递失败",
    State.CANCELLED: "已作废",
}
_FILED: Final = "已归档（只报送网关，不另投递）"


def lay_out_receipt(view: MessageView, data: Mapping[str, Any] | None, catalogue: Catalogue) -> list[Block]:
    """The blocks of a receipt; `data` None where the payload is kept no longer."""
    content = (
        [("报文内容", "正文已按保存期限清除，仅存摘要与凭证")] if data is None else _flatten(view, data, catalogue)
    )
    return [put_rows(_describe(view, catalogue)), {"kind": "head", "text": "报文内容"}, put_rows(list(content))]


def _describe(view: MessageView, catalogue: Catalogue) -> list[tuple[str, str]]:
    message = view.message
    return [
        ("报文类型", f"{catalogue.row(message.type).title}（{message.type}）"),
        ("发送方", message.source),
        ("接收方", message.recipient),
        ("业务编号", message.subject),
        ("受理时间", write_time(message.received_at)),
        ("当前状态", _FILED if message.recipient == "gateway" else _STATES[view.state]),
        *([("所答复报文", message.correlation_id)] if message.correlation_id else []),
    ]


def _flatten(view: MessageView, data: Mapping[str, Any], catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    schema = catalogue.schema(view.message.type)
    for titles, pointer, value in _leaves(schema, schema, data):
        try:
            text = write_value(find_member(schema, pointer), value)
        except KeyError:
            text = str(value)
        yield " · ".join(titles), text


def _leaves(
    whole: Mapping[str, Any], node: Mapping[str, Any], value: Any, pointer: str = "", titles: Sequence[str] = ()
) -> Iterator[tuple[Sequence[str], str, Any]]:
    """Every plain value with the titles that lead to it; items of a list are numbered."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            child = node.get("properties", {}).get(name, {})
            title = child.get("title") or name
            yield from _leaves(whole, _resolve(whole, child), inner, f"{pointer}/{name}", (*titles, title))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for number, inner in enumerate(value, start=1):
            named = (*titles[:-1], f"{titles[-1]} {number}")
            yield from _leaves(whole, _resolve(whole, node.get("items", {})), inner, f"{pointer}/0", named)
    else:
        yield titles, pointer, value


def _resolve(whole: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = whole["$defs"][node["$ref"].rpartition("/")[2]]
    return node
