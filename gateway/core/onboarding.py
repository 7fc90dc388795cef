"""An institution's way to going live: its application, its papers, its place in the queue, its test window.

Source: access guide (XM), notes for institutions 2 and the list of materials; domain section 6. Instants are
microseconds UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from gateway.core.area import Length
from gateway.core.calendar import Calendar, local_date


class Stage(StrEnum):
    """How far an application has come."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    COMPLETE = "complete"
    QUEUED = "queued"
    TESTING = "testing"
    PASSED = "passed"
    LIVE = "live"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    TERMINATED = "terminated"


STAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "draft": "填报中",
        "submitted": "已提交，材料核对中",
        "complete": "材料齐全",
        "queued": "排队待测试",
        "testing": "测试中",
        "passed": "测试通过，待上线",
        "live": "已上线",
        "suspended": "已暂停",
        "withdrawn": "已撤回",
        "terminated": "已终止",
    }
)

MATERIALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application-form": "对接申请表",
        "business-licence": "营业执照",
        "mlps-report": "信息系统安全等级保护测评报告和备案证书",
        "service-commitment": "服务承诺书",
        "confidentiality-commitment": "保密承诺书",
        "authorisation": "授权委托书及被委托人身份证件",
    }
)
"""The six papers, by name: their titles (XM, list of materials)."""

PACT_KINDS: Final = frozenset({"insurer", "guarantor"})
"""Who signs the industry's self-discipline pact (XM, notes for institutions 3)."""


class MoveRefused(ValueError):  # noqa: N818 - an answer to whoever asked, not a fault of the program
    """A move that cannot be made now; the text is Chinese and says why and what to do."""


class TooManyMoves(MoveRefused):
    """An applicant has made all the moves of its day; `retry_after` is in whole seconds."""

    def __init__(self, text: str, *, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Hand(StrEnum):
    """Whose a move is."""

    APPLICANT = "applicant"
    OPERATOR = "operator"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to call; personal data, masked wherever it is shown, sealed at rest, and purged in its time."""

    name: str
    phone: str


PURGED: Final = Contact(name="", phone="")
"""A contact whose term of keeping is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """The application form. `third_party` names the company that connects for it, None when it does so itself.

    `pact` says that the industry's self-discipline pact was signed.
    """

    name: str
    uscc: str
    kind: str
    address: str
    contact: Contact
    third_party: str | None = None
    third_contact: Contact | None = None
    pact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper: the SM3 digest of its file, and who checked it off, None before."""

    digest: str
    checked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A certificate by the SM3 digest of its file: the file's text, and the public key (PEM) that verifies it.

    Both are empty for one that was recorded when only digests were kept.
    """

    digest: str
    text: str = ""
    signer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A move that waits for a second operator, who must mean the same `grounds`: the decision or certificate cited."""

    move: str
    actor: str
    at: int
    grounds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Where one institution stands. `place` orders the queue, the smaller first; a failure gives a new, later one.

    `window_due` ends the test window, `attempts` counts windows that were opened, `passed_place` orders the going live,
    `lost_place` is the place that the last failure cost. `form` is the number of the event that filed the form.
    `moves_today` counts what the applicant itself did on `day` (a proleptic ordinal).
    """

    institution: str
    details: Details
    stage: Stage
    since: int
    papers: Mapping[str, Paper] = field(default_factory=lambda: MappingProxyType({}))
    place: int | None = None
    submitted_at: int | None = None
    opened_at: int | None = None
    window_due: int | None = None
    attempts: int = 0
    passed_place: int | None = None
    certificate: Certified | None = None
    proposal: Proposal | None = None
    lost_place: int | None = None
    form: int = 0
    day: int = 0
    moves_today: int = 0

    @property
    def people(self) -> dict[str, Any]:
        """The persons whom the form names, as a JSON object of its own: they are sealed and purged, the rest is not."""
        third = self.details.third_contact
        return {"contact": asdict(self.details.contact), "third_contact": asdict(third) if third else None}

    def to_json(self) -> dict[str, Any]:
        """A JSON object without `people`; `from_json` reads both back."""
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name in _PLAIN}
        details = asdict(self.details)
        return plain | {
            "details": {name: value for name, value in details.items() if name not in _PEOPLE},
            "papers": {name: asdict(paper) for name, paper in self.papers.items()},
            "certificate": asdict(self.certificate) if self.certificate else None,
            "proposal": asdict(self.proposal) if self.proposal else None,
        }

    @classmethod
    def from_json(cls, doc: Mapping[str, Any], people: Mapping[str, Any] | None) -> Application:
        """The application that `to_json` wrote, also in an earlier version; `people` is None once they are purged."""
        plain = {name: doc[name] for name in _PLAIN if name != "stage" and name in doc}
        return cls(
            **plain,
            stage=Stage(doc["stage"]),
            details=Details(**doc["details"], **_read_people(people)),
            papers=MappingProxyType({name: Paper(**paper) for name, paper in doc["papers"].items()}),
            certificate=_read_certified(doc["certificate"]),
            proposal=Proposal(**doc["proposal"]) if doc["proposal"] else None,
        )


_PLAIN: Final = frozenset(
    {
        *("institution", "stage", "since", "place", "submitted_at", "opened_at", "window_due", "attempts"),
        *("passed_place", "lost_place", "form", "day", "moves_today"),
    }
)
_PEOPLE: Final = frozenset({"contact", "third_contact"})


def _read_people(people: Mapping[str, Any] | None) -> dict[str, Any]:
    if people is None:
        return {"contact": PURGED, "third_contact": None}
    return {name: Contact(**people[name]) if people[name] else None for name in _PEOPLE}


def _read_certified(doc: Any) -> Certified | None:
    """An earlier version kept the digest alone."""
    if not doc:
        return None
    return Certified(digest=doc) if isinstance(doc, str) else Certified(**doc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for the queue: the window's length and close of business, how many windows at once, and whether the
    place in the queue is that of the submission or that of the completed papers. `daily` is how many moves an applicant
    itself may make a day.
    """

    calendar: Calendar
    window: Length
    close: int
    windows: int = 1
    order_by: str = "submitted"
    daily: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All applications by institution; `number` is that of the last event, from which places are given."""

    applications: Mapping[str, Application]
    number: int

    def at(self, *stages: Stage) -> list[Application]:
        """The applications in these stages, by place."""
        found = [each for each in self.applications.values() if each.stage in stages]
        return sorted(found, key=lambda each: (each.place or 0, each.institution))

    @property
    def queue(self) -> Sequence[Application]:
        """Who waits for a window, the next first."""
        return self.at(Stage.QUEUED)

    @property
    def next_live(self) -> Application | None:
        """Who passed first and is not live yet: they go live one by one, in order (XM)."""
        passed = self.at(Stage.PASSED)
        return min(passed, key=lambda each: each.passed_place or 0, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The applicant's place from 1, and the day by which its window opens at the latest."""

    position: int
    latest: date


def look_ahead(registry: Registry, institution: str, now: int, terms: Terms) -> Outlook | None:
    """The outlook of one that waits, None for others: every window before it is taken to run its whole length."""
    queue = registry.queue
    ends = sorted(_end(each, now) for each in registry.at(Stage.TESTING))
    free = [local_date(now)] * max(0, terms.windows - len(ends))
    slots = sorted([*free, *ends])
    for position, waiting in enumerate(queue, start=1):
        opens = slots.pop(0)
        if waiting.institution == institution:
            return Outlook(position=position, latest=opens)
        slots = sorted([*slots, terms.calendar.due(opens, terms.window.count).date])
    return None


def _end(testing: Application, now: int) -> date:
    return local_date(max(now, testing.window_due or now))


def missing_papers(application: Application) -> list[str]:
    """Titles of the papers that are not there."""
    return [title for name, title in MATERIALS.items() if name not in application.papers]


def unchecked_papers(application: Application) -> list[str]:
    """Titles of the papers that no operator has checked off."""
    papers = application.papers
    return [title for name, title in MATERIALS.items() if name not in papers or papers[name].checked_by is None]
