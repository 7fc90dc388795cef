"""An application as people and programs are shown it: names and phones masked (domain section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.core.masking import mask_field
from gateway.core.onboarding import MATERIALS, STAGES, Application, Contact, Outlook
from gateway.core.onboarding_moves import Event
from gateway.core.onboarding_table import MOVES
from gateway.core.wire.instants import format_beijing


def show_application(application: Application, outlook: Outlook | None) -> dict[str, Any]:
    """A JSON object; `position` and `latestOpening` stand only for one that waits in the queue."""
    details, proposal = application.details, application.proposal
    waiting = {"position": outlook.position, "latestOpening": str(outlook.latest)} if outlook else {}
    return {
        "institution": application.institution,
        "name": details.name,
        "uscc": details.uscc,
        "kind": details.kind,
        "address": details.address,
        "contact": _show_contact(details.contact),
        "thirdParty": details.third_party,
        "thirdContact": _show_contact(details.third_contact) if details.third_contact else None,
        "pact": details.pact,
        "stage": application.stage.value,
        "stageTitle": STAGES[application.stage],
        "since": format_beijing(application.since),
        "submittedTime": _instant(application.submitted_at),
        "materials": [_show_paper(application, name) for name in MATERIALS],
        **waiting,
        "windowOpened": _instant(application.opened_at),
        "windowDue": _instant(application.window_due),
        "attempts": application.attempts,
        "certificate": application.certificate,
        "awaitsSecond": None if proposal is None else {"move": proposal.move, "proposedBy": proposal.actor},
    }


def show_history(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The events, the oldest first."""
    return [
        {
            "number": event.number,
            "time": format_beijing(event.at),
            "move": event.move,
            "title": name_move(event.move),
            "actor": event.actor,
            "reason": event.reason,
            "stage": event.application.stage.value,
        }
        for event in events
    ]


def name_move(move: str) -> str:
    """An event's title, in Chinese."""
    name, _, proposed = move.partition(".")
    title = MOVES[name].title if name in MOVES else _OTHERS[name]
    return f"{title}（提出，待另一名操作员确认）" if proposed else title


_OTHERS = {"apply": "填报申请", "queue": "进入队列"}


def _show_contact(contact: Contact) -> dict[str, str]:
    return {"name": f"{contact.name[:1]}**", "phone": str(mask_field("phone", contact.phone))}


def _show_paper(application: Application, name: str) -> dict[str, Any]:
    paper = application.papers.get(name)
    return {
        "material": name,
        "title": MATERIALS[name],
        "digest": paper.digest if paper else None,
        "checkedBy": paper.checked_by if paper else None,
    }


def _instant(at: int | None) -> str | None:
    return None if at is None else format_beijing(at)
