"""An application as people and programs are shown it: names and phones masked (domain section 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from gateway.core.masking import mask_field
from gateway.core.onboarding import (
    MATERIALS,
    PURGED,
    STAGES,
    Application,
    Contact,
    Outlook,
    Stage,
    missing_papers,
    unchecked_papers,
)
from gateway.core.onboarding_moves import Event
from gateway.core.onboarding_table import MOVES
from gateway.core.wire.instants import format_beijing


def show_application(application: Application, outlook: Outlook | None, *, unmask: bool = False) -> dict[str, Any]:
    """A JSON object; `position` and `latestOpening` stand only for one that waits in the queue.

    Contacts are masked unless `unmask`, which is a right of its own.
    """
    show = _tell_contact if unmask else _show_contact
    details, proposal = application.details, application.proposal
    waiting = {"position": outlook.position, "latestOpening": str(outlook.latest)} if outlook else {}
    return {
        "institution": application.institution,
        "name": details.name,
        "uscc": details.uscc,
        "kind": details.kind,
        "address": details.address,
        "contact": show(details.contact),
        "thirdParty": details.third_party,
        "thirdContact": show(details.third_contact) if details.third_contact else None,
        "pact": details.pact,
        "stage": application.stage.value,
        "stageTitle": STAGES[application.stage],
        "nextStep": _NEXT[application.stage](application),
        "since": format_beijing(application.since),
        "submittedTime": _instant(application.submitted_at),
        "materials": [_show_paper(application, name) for name in MATERIALS],
        **waiting,
        "windowOpened": _instant(application.opened_at),
        "windowDue": _instant(application.window_due),
        "attempts": application.attempts,
        "certificate": application.certificate.digest if application.certificate else None,
        "awaitsSecond": None
        if proposal is None
        else {"move": proposal.move, "proposedBy": proposal.actor, "grounds": proposal.grounds},
    }


def show_history(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The events, the oldest first; `detail` says which papers a move was about, or until when a window lasts."""
    befores = [None, *(event.application for event in events)]
    return [
        {
            "number": event.number,
            "time": format_beijing(event.at),
            "move": event.move,
            "title": name_move(event.move),
            "detail": _detail(before, event.application),
            "actor": event.actor,
            "reason": event.reason,
            "stage": event.application.stage.value,
        }
        for before, event in zip(befores, events, strict=False)
    ]


def _detail(before: Application | None, after: Application) -> str:
    if before is None:
        return ""
    if after.window_due is not None and after.window_due != before.window_due:
        return f"至 {_minute(after.window_due)}"
    titles = (title for name, title in MATERIALS.items() if after.papers.get(name) != before.papers.get(name))
    return "" if after.stage is not before.stage else "、".join(titles)


def name_move(move: str) -> str:
    """An event's title, in Chinese."""
    name, _, proposed = move.partition(".")
    title = MOVES[name].title if name in MOVES else _OTHERS[name]
    return f"{title}（提出，待另一名操作员确认）" if proposed else title


_OTHERS = {"apply": "填报申请", "queue": "进入队列"}
_GONE = "（保存期满，已清除）"


def _draft(application: Application) -> str:
    missing = missing_papers(application)
    if missing:
        return f"还缺材料：{'、'.join(missing)}；齐全后提交申请（submit）"
    return "六项材料已登记，请提交申请（submit），自提交起取得排位"


def _submitted(application: Application) -> str:
    unchecked = unchecked_papers(application)
    return f"等操作员核对：{'、'.join(unchecked)}" if unchecked else "材料均已核对，等操作员确认齐全（complete）"


def _testing(application: Application) -> str:
    due = _minute(application.window_due or application.since)
    return f"请在 {due} 之前通过正式测试；期满未通过的轮后排队"


def _live(application: Application) -> str:
    if application.proposal is None:
        return "等两名操作员先后确认上线（go-live），按通过的先后逐个"
    return f"已由 {application.proposal.actor} 提出，等另一名操作员确认"


def _say(text: str) -> Callable[[Application], str]:
    return lambda _: text


_NEXT: Final[Mapping[Stage, Callable[[Application], str]]] = MappingProxyType(
    {
        Stage.DRAFT: _draft,
        Stage.SUBMITTED: _submitted,
        Stage.COMPLETE: _say("自动进入队列"),
        Stage.QUEUED: _say("等前面的机构测完，届时自动开启测试窗口；其间可用练习模式自测"),
        Stage.TESTING: _testing,
        Stage.PASSED: _live,
        Stage.LIVE: _say("已可办理业务"),
        Stage.SUSPENDED: _say("不承接新业务；已受理的订单照常办理"),
        Stage.WITHDRAWN: _say("可重新填报申请"),
        Stage.TERMINATED: _say("已受理的订单办结之前照常办理；可重新填报申请"),
    }
)


def _tell_contact(contact: Contact) -> dict[str, str]:
    return {"name": contact.name or _GONE, "phone": contact.phone or _GONE}


def _show_contact(contact: Contact) -> dict[str, str]:
    if contact == PURGED:
        return _tell_contact(contact)
    return {"name": f"{contact.name[:1]}**", "phone": str(mask_field("phone", contact.phone))}


def _show_paper(application: Application, name: str) -> dict[str, Any]:
    paper = application.papers.get(name)
    return {
        "material": name,
        "title": MATERIALS[name],
        "digest": paper.digest if paper else None,
        "checkedBy": paper.checked_by if paper else None,
    }


def _minute(at: int) -> str:
    return format_beijing(at)[:16].replace("T", " ")


def _instant(at: int | None) -> str | None:
    return None if at is None else format_beijing(at)
