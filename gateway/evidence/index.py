"""The index of a bundle: what it is and what happened, for people who know no program. One file, nothing outside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, Final

from gateway.core.evidence.bundle import name_leaf
from gateway.core.evidence.holdings import SCOPES, Held, Holdings, Scope
from gateway.core.evidence.leaves import AUDIT, CLOCK, CLOCK_EVENT, KEY, MESSAGE, RECEIPT, REFUSAL, TITLES
from gateway.core.sla_table import RULES
from gateway.core.wire.instants import format_beijing

_STYLE: Final = (
    "body{font-family:'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei',sans-serif;max-width:64rem;"
    "margin:2rem auto;padding:0 1rem;line-height:1.7}table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "td,th{border:1px solid #999;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eee}code{font-size:.85em;overflow-wrap:anywhere}"
)
_EVENTS: Final[Mapping[str, str]] = {"registered": "登记", "retired": "停用", "revoked": "吊销", "active": "登记"}
_CHANGES: Final[Mapping[str, str]] = {
    "begun": "开始计时",
    "warned": "已过 {percent}%，发出预警",
    "breached": "超期",
    "reckoned": "按新的日历重新计算",
    "ended": "办结",
    "withdrawn": "撤销",
    "changed": "改动",
}
_WORDS: Final = """\
<p>这一个文件装着上述业务在网关上留下的全部证据：各方发来的原文（逐字节未动）、发送方的签名、网关的受理回执、
接收方的签名回执、被拒收的请求、有关公钥的登记与变更、法定期限的设立与每次变动，以及证明这些事项未被增删改动的存证链。</p>
<p>每一事项的摘要（SM3）都封在某个区块里，区块由网关以 SM2 签名，后一块记着前面各块的摘要。改动任何一个字节、
抽走一份报文、调换区块或公钥，核验都会指出是哪个文件、错在哪里。</p>
<p>核验不需要网关，也不需要联网：在任何一台装有本程序的机器上执行
<code>wgg evidence verify 本文件.zip --gateway-key 网关公钥.pem</code>。
不用本程序、只用 openssl 的手工核验方法见随程序的 docs/evidence.zh-CN.md。</p>
"""

Row = tuple[int, str, str, str]


def render_index(
    holdings: Holdings,
    scope: Scope,
    *,
    deployment: str,
    titles: Mapping[str, str],
    papers: Iterable[str],
    extras: Iterable[str],
) -> bytes:
    """The page; `titles` are the Chinese names of message types, `papers` paths of documents that messages name,
    `extras` those of files besides the evidence.
    """
    rows = sorted(_row(leaf, titles) for leaf in holdings.leaves)
    about = f"{SCOPES[scope.kind]} {scope.value}"
    parts = [
        f"<h1>证据包：{escape(about)}</h1><p>出具网关：{escape(deployment)}</p>",
        _WORDS,
        f"<h2>范围</h2><ul>{_subjects(holdings)}</ul>",
        "<h2>经过</h2><p>时间为北京时间。</p>",
        _table(("时间", "事项", "内容", "文件"), rows),
        f"<h2>区块</h2><p>共 {len(holdings.blocks)} 块：{_heights(holdings)}。</p>",
        _list("报文所附文件（保函正本等，文件名即其 SM3 摘要）", sorted(papers)),
        _list("打印件", sorted(extras)),
    ]
    head = f'<meta charset="utf-8"><title>证据包：{escape(about)}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="zh-CN"><head>{head}</head><body>{"".join(parts)}</body></html>\n'.encode()


def _subjects(holdings: Holdings) -> str:
    told = (f"<li>{escape(subject)}：共 {last} 份报文</li>" for subject, last in sorted(holdings.subjects.items()))
    return "".join(told) or "<li>单份报文</li>"


def _heights(holdings: Holdings) -> str:
    return "、".join(str(block.height) for block in holdings.blocks)


def _list(title: str, paths: list[str]) -> str:
    items = "".join(f'<li><a href="{escape(path)}">{escape(path)}</a></li>' for path in paths)
    return f"<h2>{title}</h2><ul>{items}</ul>" if items else ""


def _row(leaf: Held, titles: Mapping[str, str]) -> Row:
    at, text, path = _TELL[leaf.kind](leaf.members, titles)
    return at, TITLES[leaf.kind], text, path.format(number=leaf.number) or name_leaf(leaf.kind, leaf.number)


def _message(members: Mapping[str, Any], titles: Mapping[str, str]) -> tuple[int, str, str]:
    title = titles.get(members["type"], members["type"])
    again = "（重投）" if members["replayOf"] is not None else ""
    way = f"{members['source']} → {members['recipient']}：{title}{again}"
    place = f"{members['subject']} 第 {members['position']} 份，编号 {members['id']}，受理号 {members['receiptNo']}"
    return members["acceptedAt"], f"{way}，{place}", "messages/{number}.json"


def _receipt(members: Mapping[str, Any], _titles: Mapping[str, str]) -> tuple[int, str, str]:
    word = "接收" if members["status"] == "ACCEPTED" else "拒收"
    return members["at"], f"接收方签名{word}：{members['source']} 的 {members['id']}", "receipts/{number}.json"


def _refusal(members: Mapping[str, Any], titles: Mapping[str, str]) -> tuple[int, str, str]:
    title = titles.get(members["type"] or "", members["type"] or "报文")
    return (
        members["at"],
        f"网关拒收 {members['sender']} 的{title}：{members['code']}，编号 {members['id'] or '不明'}",
        "",
    )


def _clock(members: Mapping[str, Any], _titles: Mapping[str, str]) -> tuple[int, str, str]:
    whose = f"（{members['institution']}）" if members["institution"] else ""
    cause = members["id"] or "到期检查"
    text = f"{_title(members)}{whose}设立：{members['basis']}，由 {cause} 引起{_due(members)}"
    return members["at"], text, ""


def _clock_event(members: Mapping[str, Any], _titles: Mapping[str, str]) -> tuple[int, str, str]:
    word = _CHANGES.get(members["event"], members["event"]).format(percent=members["percent"])
    cause = f"，由 {members['endedBy']} 引起" if members["endedBy"] else ""
    return members["at"], f"{_title(members)}第 {members['step']} 次变动：{word}{cause}{_due(members)}", ""


def _title(members: Mapping[str, Any]) -> str:
    rule = RULES.get(members["rule"])
    return f"期限“{members['rule'] if rule is None else rule.title}”（{members['clock']}）"


def _due(members: Mapping[str, Any]) -> str:
    due_at = members.get("dueAt")
    return "" if due_at is None else f"，到期 {format_beijing(due_at)[:16].replace('T', ' ')}"


def _key(members: Mapping[str, Any], _titles: Mapping[str, str]) -> tuple[int, str, str]:
    event = _EVENTS.get(members["event"], members["event"])
    return members["at"], f"{members['ownerId']} 的公钥 {members['serialNo']} {event}：{members['reason']}", ""


def _audit(members: Mapping[str, Any], _titles: Mapping[str, str]) -> tuple[int, str, str]:
    return members["at"], f"{members['actor']}：{members['action']} {members['about']}（{members['reason']}）", ""


_TELL: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], tuple[int, str, str]]]] = {
    MESSAGE: _message,
    RECEIPT: _receipt,
    REFUSAL: _refusal,
    CLOCK: _clock,
    CLOCK_EVENT: _clock_event,
    KEY: _key,
    AUDIT: _audit,
}


def _table(heads: tuple[str, ...], rows: list[Row]) -> str:
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(
        f"<tr><td>{format_beijing(at)[:19].replace('T', ' ')}</td><td>{kind}</td><td>{escape(text)}</td>"
        f'<td><a href="{path}">{path}</a></td></tr>'
        for at, kind, text, path in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
