"""A judged run as a document: what `--json` prints and `report.json` holds; schemas/conformance has its JSON Schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from gateway.conformance.evidence import read_json
from gateway.conformance.exchanges import Exchange, show_bytes
from gateway.conformance.judging import Assertion, Judgement
from gateway.conformance.practice import Stored, compare
from gateway.conformance.reproduce import write_curl, write_openssl
from gateway.core.wire.instants import format_beijing

FORMAT: Final = "gzbzj-conformance-report/1"
_MOST: Final = 64 * 1024


def describe_run(stored: Stored, former: Stored | None = None) -> dict[str, Any]:
    """The whole report without the exchanges; `former` is the run that it is compared with."""
    run, verdict = stored.run, stored.verdict
    return {
        "format": FORMAT,
        "verdict": verdict.verdict,
        "run": run.id,
        "official": run.official,
        "institution": run.institution,
        "kind": run.kind,
        "mode": run.mode,
        "endpoint": run.endpoint,
        "kitVersion": run.kit_version,
        "kitDigest": run.kit_digest,
        "startedTime": format_beijing(run.started_at),
        "endedTime": format_beijing(run.ended_at),
        "trouble": run.trouble,
        "counts": dict(verdict.counts),
        "assertionCounts": dict(verdict.assertion_counts),
        "cases": [_describe_case(item) for item in verdict.judgements],
        "refusals": list_refusals(stored),
        "comparedWith": former.run.id if former else None,
        "changes": [
            {"id": change.case, "before": change.before, "after": change.after}
            for change in (compare(former.verdict, verdict) if former else ())
        ],
    }


def list_refusals(stored: Stored) -> list[dict[str, Any]]:
    """The calls of the institution's that were refused, by code: how many, the first of them, and what it was told.

    What went wrong in one call (a signature under `GET /v1/keys`, say) is often why all else fails.
    """
    refused = [item for item in stored.exchanges if "refused" in item.about]
    counts = Counter(item.about["refused"] for item in refused)
    firsts = {code: next(item for item in refused if item.about["refused"] == code) for code in counts}
    return [
        {"code": code, "count": count, "exchange": firsts[code].number, "text": _read_refusal(firsts[code])}
        for code, count in counts.most_common()
    ]


def _read_refusal(exchange: Exchange) -> str:
    told = read_json(exchange.answer_body)
    diagnosis = told.get("diagnosis", {}).get("message", "")
    return f"{exchange.method} {exchange.target}：{told.get('message', '')}{diagnosis}"


def _describe_case(judgement: Judgement) -> dict[str, Any]:
    case = judgement.case
    return {
        "id": case.id,
        "verdict": judgement.verdict,
        "title": case.title,
        "clause": case.clause,
        "level": case.level,
        "direction": case.direction,
        "text": judgement.text,
        "assertions": [_describe_assertion(item) for item in judgement.assertions],
    }


def _describe_assertion(assertion: Assertion) -> dict[str, Any]:
    return {
        "id": assertion.id,
        "title": assertion.title,
        "clause": assertion.clause,
        "level": assertion.level,
        "verdict": assertion.verdict,
        "expected": assertion.expected,
        "got": assertion.got,
        "suggestion": assertion.advice,
        "exchange": assertion.exchange,
    }


def describe_exchange(exchange: Exchange, base_url: str) -> dict[str, Any]:
    """One exchange: who asked, what was signed, what was answered, and the lines that show it again."""
    return {
        "number": exchange.number,
        "case": exchange.case,
        "step": exchange.step,
        "way": exchange.way,
        "time": format_beijing(exchange.at),
        "tookMs": exchange.took_ms,
        "faults": list(exchange.faults),
        "request": {
            "method": exchange.method,
            "target": exchange.target,
            "headers": dict(exchange.headers),
            "body": _show(exchange.body),
            "signedString": _show(exchange.signed),
        },
        "answer": _describe_answer(exchange),
        "curl": write_curl(exchange, base_url),
        "openssl": write_openssl(exchange),
    }


def _describe_answer(exchange: Exchange) -> Mapping[str, Any]:
    return {
        "status": exchange.status,
        "headers": dict(exchange.answer_headers),
        "body": _show(exchange.answer_body),
        "error": exchange.error,
    }


def _show(data: bytes) -> str | dict[str, str]:
    """The whole, or the beginning of what is long: all of it stands in the run's exchanges."""
    return show_bytes(data) if len(data) <= _MOST else data[:_MOST].decode("utf-8", "replace") + "…"


def describe_whole(stored: Stored, former: Stored | None) -> dict[str, Any]:
    """The report with every exchange that belongs to a case or shows an assertion."""
    shown = list_shown(stored)
    exchanges = [describe_exchange(item, stored.run.url) for item in shown]
    return {**describe_run(stored, former), "exchanges": exchanges}


def list_shown(stored: Stored) -> list[Exchange]:
    """The exchanges that a report shows."""
    pointed = {item.exchange for judgement in stored.verdict.judgements for item in judgement.assertions}
    pointed |= {item["exchange"] for item in list_refusals(stored)}
    return [item for item in stored.exchanges if item.case or item.number in pointed]
