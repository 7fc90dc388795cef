"""Verdicts from stored exchanges: of assertions, of cases, of the run. Pure, so that a run can be judged again.

Source: issue "Onboarding and the conformance kit" point 4: no traffic is never a pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.conformance.cases import OPTIONAL, Case, Expectation
from gateway.conformance.checks import CHECKS
from gateway.conformance.evidence import Book, Evidence
from gateway.conformance.exchanges import Exchange
from gateway.conformance.runs import ERROR, NOT_RUN, WAITING, Progress, Run

PASS: Final = "pass"  # noqa: S105 - a verdict
FAIL: Final = "fail"
SKIP: Final = "skip"
VERDICTS: Final = (PASS, FAIL, ERROR, SKIP, NOT_RUN, WAITING)
_NEVER: Final = Progress(state=NOT_RUN, text="没有执行")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One expectation judged. `exchange` is the number of the exchange that shows it."""

    id: str
    title: str
    clause: str
    level: str
    verdict: str
    expected: str
    got: str
    advice: str
    exchange: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One case judged; `text` says why where nothing was judged."""

    case: Case
    verdict: str
    text: str = ""
    assertions: Sequence[Assertion] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A whole run judged."""

    verdict: str
    judgements: Sequence[Judgement]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many cases got each verdict."""
        return _count([judgement.verdict for judgement in self.judgements])

    @property
    def binding_counts(self) -> Mapping[str, int]:
        """The same of the cases that bind: optional ones are left out."""
        return _count([judgement.verdict for judgement in self.judgements if judgement.case.level != OPTIONAL])

    @property
    def assertion_counts(self) -> Mapping[str, int]:
        """How many assertions got each verdict."""
        return _count([item.verdict for judgement in self.judgements for item in judgement.assertions])


def _count(verdicts: Sequence[str]) -> Mapping[str, int]:
    counts = Counter(verdicts)
    return {name: counts[name] for name in VERDICTS if counts[name]}


def judge_run(run: Run, cases: Sequence[Case], exchanges: Sequence[Exchange]) -> Verdict:
    """The verdict of a run: error where the kit itself failed, pass only where something passed and all had to."""
    book = Book(run=run, exchanges=exchanges)
    chosen = [case for case in cases if run.selected is None or case.id in run.selected]
    judgements = [judge_case(Evidence(book=book, case=case)) for case in chosen]
    return Verdict(verdict=_sum_up(run, judgements), judgements=judgements)


def _sum_up(run: Run, judgements: Sequence[Judgement]) -> str:
    binding = [item.verdict for item in judgements if item.case.level != OPTIONAL]
    if ERROR in binding:
        return ERROR
    good = PASS in binding and all(verdict in (PASS, SKIP) for verdict in binding)
    return PASS if good and not run.trouble else FAIL


def judge_case(evidence: Evidence) -> Judgement:
    """The verdict of one case."""
    case, run = evidence.case, evidence.run
    if not case.applies_to(run.mode, run.kind):
        return Judgement(case=case, verdict=SKIP, text="不适用于本机构的类别或接收方式")
    progress = run.progress.get(case.id, _NEVER)
    if progress.state in (ERROR, NOT_RUN):
        return Judgement(case=case, verdict=progress.state, text=progress.text)
    assertions = [_judge(evidence, expectation) for expectation in case.expectations]
    if progress.state == WAITING:
        return Judgement(case=case, verdict=WAITING, text=progress.text, assertions=assertions)
    return Judgement(case=case, verdict=_weigh(assertions), text=progress.text, assertions=assertions)


def _weigh(assertions: Sequence[Assertion]) -> str:
    """A case fails by any binding assertion; one of optional assertions alone by any of them."""
    binding = [item for item in assertions if item.level != OPTIONAL] or assertions
    return PASS if all(item.verdict == PASS for item in binding) else FAIL


def _judge(evidence: Evidence, expectation: Expectation) -> Assertion:
    check = CHECKS[expectation.check]
    finding = check.look(evidence, expectation.of, expectation.arguments)
    return Assertion(
        id=expectation.id,
        title=check.title,
        clause=expectation.clause,
        level=expectation.level,
        verdict=PASS if finding.holds else FAIL,
        expected=f"{check.expected}：{finding.wanted}" if finding.wanted else check.expected,
        got=finding.got,
        advice=check.advice,
        exchange=finding.exchange,
    )
