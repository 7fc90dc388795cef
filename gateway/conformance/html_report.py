"""A judged run as one HTML file: no outside asset, no script, printable.

Source: issue "Onboarding and the conformance kit" point 6.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from gateway.conformance.cases import OPTIONAL
from gateway.conformance.words import KIND_WORDS, LEVEL_WORDS, MODE_WORDS, VERDICT_WORDS, WAY_WORDS

_MOST: Final = 4000
_STYLE: Final = """
body{font:15px/1.6 "Noto Sans CJK SC","Microsoft YaHei","PingFang SC",sans-serif;max-width:70em;margin:2em auto;
padding:0 1em;color:#1a1a1a;background:#fff}
h1{font-size:1.6em}h2{font-size:1.15em;margin:2em 0 .4em;border-top:1px solid #ccc;padding-top:.8em}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccc;padding:.3em .5em;text-align:left;
vertical-align:top}th{background:#f3f3f3;font-weight:600}
pre{background:#f7f7f7;border:1px solid #ddd;padding:.5em;white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px}
.v{font-weight:700;white-space:nowrap}.pass{color:#116329}.fail,.error{color:#b00020}.waiting{color:#8a5200}
.skip,.not_run{color:#666}details{margin:.3em 0}summary{cursor:pointer}
@media print{body{max-width:none;margin:0;font-size:10pt}h2{break-after:avoid}tr{break-inside:avoid}}
"""


def write_html(report: Mapping[str, Any]) -> str:
    """The page of a whole report (`report.describe_whole`)."""
    exchanges: dict[str, list[Mapping[str, Any]]] = {}
    for exchange in report["exchanges"]:
        exchanges.setdefault(exchange["case"], []).append(exchange)
    parts = [*_write_head(report), *_write_summary(report)]
    for case in report["cases"]:
        parts += _write_case(case, exchanges.pop(case["id"], []))
    parts += ["<h2>其他往来</h2>"] if exchanges else []
    parts += [part for rest in exchanges.values() for exchange in rest for part in _write_exchange(exchange)]
    return "\n".join([*parts, "</body></html>", ""])


def _write_head(report: Mapping[str, Any]) -> Iterator[str]:
    title = f"一致性测试报告 {report['institution']} {report['run']}"
    yield '<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    yield f'<p>结论：<span class="v {report["verdict"]}">{VERDICT_WORDS[report["verdict"]]}</span></p>'
    if report["trouble"]:
        yield f'<p class="fail">{escape(report["trouble"])}</p>'
    yield "<table>" + "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in _facts(report))
    yield "</table>"


def _facts(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "机构", f"{report['institution']}（{KIND_WORDS[report['kind']]}，{MODE_WORDS[report['mode']]}）"
    yield "接收地址", report["endpoint"] or "无，由机构拉取信箱"
    yield "性质", "正式测试" if report["official"] else "练习，不作为上线依据"
    yield "时间", f"{report['startedTime']} 至 {report['endedTime']}"
    yield "工具版本", f"{report['kitVersion']}，工具摘要 {report['kitDigest']}"
    yield "用例", _count(report["counts"])
    yield "断言", _count(report["assertionCounts"])
    for item in report["refusals"]:
        yield "被拒绝的调用", tell_refusal(item)
    if report["comparedWith"]:
        changes = [
            f"{change['id']}：{VERDICT_WORDS[change['before']]} → {VERDICT_WORDS[change['after']]}"
            for change in report["changes"]
        ]
        yield f"与 {report['comparedWith']} 相比", "；".join(changes) or "没有变化"


def tell_refusal(item: Mapping[str, Any]) -> str:
    """One of the report's refusals in a line."""
    return f"{item['code']} {item['count']} 次，首次见第 {item['exchange']} 次往来：{item['text']}"


def _count(counts: Mapping[str, int]) -> str:
    return "，".join(f"{VERDICT_WORDS[name]} {count}" for name, count in counts.items()) or "无"


def _write_summary(report: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>用例一览</h2><table><tr><th>用例</th><th>名称</th><th>条款</th><th>级别</th><th>结果</th></tr>"
    for case in report["cases"]:
        yield (
            f'<tr><td><a href="#{case["id"]}">{case["id"]}</a></td><td>{escape(case["title"])}</td>'
            f"<td>{escape(case['clause'])}</td><td>{LEVEL_WORDS[case['level']]}</td>"
            f"<td>{_mark(case['verdict'])}</td></tr>"
        )
    yield "</table>"


def _mark(verdict: str) -> str:
    return f'<span class="v {verdict}">{VERDICT_WORDS[verdict]}</span>'


def _write_case(case: Mapping[str, Any], exchanges: list[Mapping[str, Any]]) -> Iterator[str]:
    yield f'<h2 id="{case["id"]}">{case["id"]} {escape(case["title"])} {_mark(case["verdict"])}</h2>'
    if case["text"]:
        yield f"<p>{escape(case['text'])}</p>"
    if case["assertions"]:
        heads = "".join(f"<th>{name}</th>" for name in ("断言", "条款", "结果", "应为", "实为", "往来", "建议"))
        yield f"<table><tr>{heads}</tr>"
        yield from (_write_assertion(item) for item in case["assertions"])
        yield "</table>"
    for exchange in exchanges:
        yield from _write_exchange(exchange)


def _write_assertion(item: Mapping[str, Any]) -> str:
    number = item["exchange"]
    link = "-" if number is None else f'<a href="#x{number}">{number}</a>'
    advice = "" if item["verdict"] == "pass" else escape(item["suggestion"])
    level = f"（{LEVEL_WORDS[item['level']]}）" if item["level"] == OPTIONAL else ""
    return (
        f"<tr><td>{escape(item['title'])}{level}</td><td>{escape(item['clause'])}</td><td>{_mark(item['verdict'])}</td>"
        f"<td>{escape(item['expected'])}</td><td>{escape(item['got'])}</td><td>{link}</td><td>{advice}</td></tr>"
    )


def _write_exchange(exchange: Mapping[str, Any]) -> Iterator[str]:
    request, answer = exchange["request"], exchange["answer"]
    faults = f"，故意的故障：{'、'.join(exchange['faults'])}" if exchange["faults"] else ""
    status = answer["error"] or (f"HTTP {answer['status']}" if answer["status"] else "")
    head = f"往来 {exchange['number']}（{WAY_WORDS[exchange['way']]}，{exchange['tookMs']} 毫秒{faults}）{status}"
    yield f'<details id="x{exchange["number"]}"><summary>{escape(head)}</summary>'
    yield _block("请求", f"{request['method']} {request['target']}\n{_headers(request)}\n\n{_text(request['body'])}")
    if request["signedString"]:
        yield _block("请求的待签名串（每行以 LF 结尾）", _text(request["signedString"]))
    yield _block("应答", f"{status}\n{_headers(answer)}\n\n{_text(answer['body'])}")
    yield _block("重现：curl（时间戳与随机串须更新后重新签名）", exchange["curl"])
    yield _block("重现：openssl", exchange["openssl"])
    yield "</details>"


def _headers(side: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in side["headers"].items())


def _text(value: str | Mapping[str, str]) -> str:
    text = value if isinstance(value, str) else f"（非 UTF-8）{json.dumps(dict(value))}"
    return text if len(text) <= _MOST else f"{text[:_MOST]}…（共 {len(text)} 字，全文见 exchanges.jsonl）"


def _block(title: str, text: str) -> str:
    return f"<p>{title}</p><pre>{escape(text)}</pre>"
