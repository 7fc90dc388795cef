"""What each move of onboarding changes in an application, and what it asks for before.

Source: domain section 6; access guide (XM), notes for institutions 2 and 3. Raise MoveRefused where it is not so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from gateway.core.calendar import local_date
from gateway.core.onboarding import (
    MATERIALS,
    PACT_KINDS,
    PURGED,
    Application,
    Certified,
    Hand,
    MoveRefused,
    Paper,
    Registry,
    Stage,
    Terms,
    missing_papers,
    unchecked_papers,
)
from gateway.core.standing import Decision
from gateway.core.wire.instants import format_beijing
from gateway.core.wire.syntax import DIGEST, matches

MOST_EXTENSION: Final = 20
"""Working days that one extension adds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A move asked for by `actor` at `at`. `data` is the move's own: a paper, days, a `Certified`, a `Decision`."""

    move: str
    institution: str
    actor: str
    at: int
    hand: Hand = Hand.OPERATOR
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def decision(self) -> str:
        """The authority's decision that is cited, empty where none is."""
        cited = self.data.get("decision")
        return f"{cited.number}；{cited.authority}" if isinstance(cited, Decision) else ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a move may look at."""

    before: Application
    ask: Ask
    registry: Registry
    terms: Terms

    @property
    def place(self) -> int:
        """A place behind everyone who has one: events are numbered without end."""
        return self.registry.number + 1


Change = Callable[[Scene], Application]
"""The application after the move, its stage still the old one; raises MoveRefused."""


def keep(scene: Scene) -> Application:
    """Nothing but the stage."""
    return scene.before


def attach_paper(scene: Scene) -> Application:
    """One of the six papers, by its file's digest."""
    name, digest = str(scene.ask.data.get("material", "")), scene.ask.data.get("digest")
    if name not in MATERIALS:
        raise MoveRefused(f"没有材料 {name}；可选：{'、'.join(MATERIALS)}。")
    if not isinstance(digest, str) or not matches(DIGEST, digest):
        raise MoveRefused("材料以文件的 SM3 摘要登记（64 位小写十六进制），请先上传文件。")
    return replace(scene.before, papers=MappingProxyType({**scene.before.papers, name: Paper(digest=digest)}))


def check_paper(scene: Scene) -> Application:
    """An operator has seen this paper."""
    name = str(scene.ask.data.get("material", ""))
    paper = scene.before.papers.get(name)
    if paper is None:
        raise MoveRefused(f"{scene.before.institution} 没有提交材料 {name}，无法核对。")
    checked = replace(paper, checked_by=scene.ask.actor)
    return replace(scene.before, papers=MappingProxyType({**scene.before.papers, name: checked}))


def submit(scene: Scene) -> Application:
    """All six papers are there; the place in the queue is given now."""
    before = scene.before
    if missing := missing_papers(before):
        raise MoveRefused(f"材料不齐，还缺：{'、'.join(missing)}。")
    if before.details.contact == PURGED:
        raise MoveRefused("申请表中的联系人保存期满、已经清除，请重新填报申请表后再提交。")
    if before.details.kind in PACT_KINDS and not before.details.pact:
        raise MoveRefused("保险公司、工程担保公司须先签署行业自律公约，签署后请重新填报申请（pact）。")
    return replace(before, submitted_at=scene.ask.at, place=scene.place)


def send_back(scene: Scene) -> Application:
    """Back to the applicant, who is told what is wanting; every paper is to be checked anew."""
    _need_reason(scene, "退回补正须写明缺什么、怎样改（--reason），申请机构据此补正。")
    papers = {name: replace(paper, checked_by=None) for name, paper in scene.before.papers.items()}
    return replace(scene.before, papers=MappingProxyType(papers), place=None, submitted_at=None)


def complete(scene: Scene) -> Application:
    """Every paper was checked off."""
    if unchecked := unchecked_papers(scene.before):
        raise MoveRefused(f"还有材料未核对：{'、'.join(unchecked)}。")
    by_completion = scene.terms.order_by == "complete"
    return replace(scene.before, place=scene.place) if by_completion else scene.before


def open_window(scene: Scene) -> Application:
    """Only the first in the queue, and only while a window is free."""
    terms, at = scene.terms, scene.ask.at
    first = scene.registry.queue[0].institution
    if first != scene.before.institution:
        raise MoveRefused(f"按申请顺序，下一个测试的是 {first}，不是 {scene.before.institution}。")
    if len(scene.registry.at(Stage.TESTING)) >= terms.windows:
        raise MoveRefused(f"同时开启的测试窗口最多 {terms.windows} 个，请等前一家测试结束。")
    due = terms.calendar.deadline(at, terms.window, terms.close).at
    attempts = scene.before.attempts + 1
    return replace(scene.before, opened_at=at, window_due=due, attempts=attempts, lost_place=None)


def fall_back(scene: Scene) -> Application:
    """To the back of the queue: behind everyone who has a place now (XM 轮后)."""
    _need_reason(scene, "测试未通过须写明原因（--reason），例如未通过的用例编号。")
    lost = scene.before.place
    return replace(scene.before, place=scene.place, lost_place=lost, opened_at=None, window_due=None)


def take_up_place(scene: Scene) -> Application:
    """The window was lost by our own fault, found later: the place that it cost is given back."""
    _need_reason(scene, "恢复排位须写明我方的故障或原因（--reason）。")
    if scene.before.lost_place is None:
        raise MoveRefused(f"{scene.before.institution} 没有因测试失败或窗口期满而失去的排位，无须恢复。")
    return replace(scene.before, place=scene.before.lost_place, lost_place=None)


def extend_window(scene: Scene) -> Application:
    """For faults of our own: working days more, and the place is not touched."""
    days = scene.ask.data.get("days")
    if not isinstance(days, int) or not 1 <= days <= MOST_EXTENSION:
        raise MoveRefused(f"延长的工作日数应为 1 至 {MOST_EXTENSION}。")
    _need_reason(scene, "延长测试窗口须写明我方的故障或原因（--reason）。")
    terms, due = scene.terms, scene.before.window_due or scene.ask.at
    last = terms.calendar.due(local_date(due - 1), days)
    longer = terms.calendar.close(last, terms.close).at
    if longer <= scene.ask.at:
        raise MoveRefused(f"窗口已于 {_day(due)} 期满，延长 {days} 个工作日后仍已期满，请写明足够的天数。")
    return replace(scene.before, window_due=longer)


def pass_test(scene: Scene) -> Application:
    """Against the certificate of an official run, within the window."""
    certificate, due = scene.ask.data.get("certificate"), scene.before.window_due
    if due is not None and due <= scene.ask.at:
        raise MoveRefused(
            f"测试窗口已于 {_day(due)} 期满，不能再记为通过，将轮后重新排队；"
            "因我方故障耽误的，先用 wgg onboarding extend 延长窗口。"
        )
    if not isinstance(certificate, Certified):
        raise MoveRefused("测试通过须凭正式测试的证书（--certificate）。")
    return replace(scene.before, certificate=certificate, passed_place=scene.place, window_due=None)


def go_live(scene: Scene) -> Application:
    """One by one, in the order of passing, with a certificate: the one it passed with, or a newer one."""
    first = scene.registry.next_live
    if first is not None and first.institution != scene.before.institution:
        raise MoveRefused(f"按顺序逐个上线，下一个上线的是 {first.institution}。")
    certificate = scene.ask.data.get("certificate") or scene.before.certificate
    if not isinstance(certificate, Certified):
        raise MoveRefused("上线须凭正式测试的证书（--certificate）。")
    return replace(scene.before, certificate=certificate)


def with_decision(scene: Scene) -> Application:
    """The authority's decision is cited."""
    if not scene.ask.decision:
        raise MoveRefused("须写明主管部门决定的文号（--decision）。")
    return scene.before


def _need_reason(scene: Scene, text: str) -> None:
    """An empty reason would leave the applicant, and the history, without a word."""
    if not scene.ask.reason.strip():
        raise MoveRefused(text)


def _day(instant: int) -> str:
    return format_beijing(instant)[:16].replace("T", " ")
