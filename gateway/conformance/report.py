"""A judged run as a document: what `--json` prints and `report.json` holds; schemas/conformance has its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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
        "comparedWith": former.run.id if former else None,
        "changes": [
            {"id": change.case, "before": change.before, "after": change.after}
            for change in (compare(former.verdict, verdict) if former else ())
        ],
    }


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
    return [item for item in stored.exchanges if item.case or item.number in pointed]
