"""A judged run as JUnit XML, for build servers: a suite, a test case a case, its failed assertions in the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from gateway.conformance.judging import PASS, Judgement
from gateway.conformance.practice import Stored

_ELEMENTS: Final = {"fail": "failure", "waiting": "failure", "error": "error", "skip": "skipped", "not_run": "skipped"}
_ALLOWED: Final = frozenset("\t\n\r")


def write_junit(stored: Stored) -> str:
    """The XML text."""
    verdict, run = stored.verdict, stored.run
    verdicts = [_ELEMENTS.get(item.verdict) for item in verdict.judgements]
    seconds = (run.ended_at - run.started_at) / 1_000_000
    head = (
        f'<testsuite name={_quote(f"conformance {run.institution} {run.kind}/{run.mode}")} tests="{len(verdicts)}" '
        f'failures="{verdicts.count("failure")}" errors="{verdicts.count("error")}" '
        f'skipped="{verdicts.count("skipped")}" time="{seconds:.3f}">'
    )
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *_write_cases(stored), "</testsuite>", ""])


def _write_cases(stored: Stored) -> Iterator[str]:
    for judgement in stored.verdict.judgements:
        case, element = judgement.case, _ELEMENTS.get(judgement.verdict)
        head = f"  <testcase classname={_quote(case.clause)} name={_quote(f'{case.id} {case.title}')}"
        if element is None:
            yield f"{head}/>"
        else:
            text = escape(_clean("\n".join(_tell(judgement))))
            message = _quote(judgement.text or judgement.verdict)
            yield f"{head}><{element} message={message}>{text}</{element}></testcase>"


def _tell(judgement: Judgement) -> Iterator[str]:
    for item in judgement.assertions:
        if item.verdict != PASS:
            yield f"{item.title}（{item.clause}）：应为 {item.expected}；实为 {item.got}。{item.advice}"


def _quote(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return "".join(character for character in text if character >= " " or character in _ALLOWED)
