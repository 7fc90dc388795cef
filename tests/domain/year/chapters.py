"""Years of business made up at random, a chapter for each kind of case.

Beside each thing that happens stands what it means by domain section 5. Nothing here asks the product what a message
does.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta

from gateway.catalogue import example
from tests.domain.year.cash import cash
from tests.domain.year.claims import claim, release, serve
from tests.domain.year.story import Story, case_of, us, write
from tests.domain.year.terms import DAY, midnight, month_before

DEPOSIT_FEN, CLAIM_FEN = 100_000_000, 4_000_000
RAISED = {"currency": "CNY", "fen": DEPOSIT_FEN + CLAIM_FEN, "words": "人民币壹佰零肆万元整"}
WHOLE = {"currency": "CNY", "fen": DEPOSIT_FEN, "words": "人民币壹佰万元整"}


def declare(story: Story, case: str) -> list[int]:
    """A reminder, the declaration with its review, the deposit notice signed or served: the terms still open."""
    begins = (story.now + DAY * story.rng.choice((-3, 0, 2))).date()
    story.send("deposit.reminder.v1", case, startDate=begins.isoformat())
    owed = [story.expect("declare", case, midnight(begins))]
    story.wait(0.1, 6)
    story.send("deposit.declaration.v1", case)
    review = story.expect("declaration-review", case, story.now)
    story.wait(0.5, 12)
    story.send("deposit.review.v1", case)
    story.end(review)
    story.wait(0.1, 3)
    return [*owed, notify(story, case)]


def notify(story: Story, case: str) -> int:
    """The deposit notice, signed for before it is filed, or served later on."""
    signature = {"name": "林示例", "post": "财务经理", "phone": "13800000001"}
    if story.likely(0.7):
        signed = story.now - DAY * story.rng.uniform(0, 2)
        story.send("deposit.notice.v1", case, signatory=signature | {"time": write(signed)})
        return story.expect("deposit", case, signed)
    filed = story.now
    notice = story.send("deposit.notice.v1", case, signatory=None)
    story.wait(0.5, 4)
    served = filed + (story.now - filed) * story.rng.random()
    serve(story, case, notice, served)
    return story.expect("deposit", case, served)


def apply_for(story: Story, order: str, case: str, ends: date) -> None:
    """An application whose project ends on a day, delivered, and its term to issue."""
    draft = example("guarantee.application.v1", subject=order, now_us=us(story.now))["data"]
    notice = draft["notice"] | {"noticeNo": f"CC350200{case[-12:]}"}
    project = draft["project"] | {"plannedEnd": ends.isoformat()}
    delivered = story.deliver(
        "guarantee.application.v1", order, caseNo=case, notice=notice, project=project, requiredValidTo=ends.isoformat()
    )
    story.expect("issue", order, delivered)


def guarantee(story: Story, number: int) -> None:
    """A guarantee from the reminder to its return, its expiry or the end of what is told."""
    order = f"DD-{number}"
    case = case_of(order)
    owed = declare(story, case)
    last = (story.now + DAY * 420).date() if story.likely(0.5) else (story.now + DAY * 800).date()
    story.wait(0.1, 8)
    apply_for(story, order, case, last - DAY * 30)
    story.wait(0.2, 18)
    if story.likely(0.3):
        order = try_again(story, order, case, last)
    story.send("guarantee.issued.v1", order, validTo=last.isoformat())
    for place in (*owed, len(story.terms) - 1):
        story.end(place)
    expiry = limit(story, order, last)
    verify(story, order)
    if story.likely(0.4):
        last += DAY * 90
        story.wait(5, 60)
        story.send("guarantee.amended.v1", order, validTo=last.isoformat(), amount=WHOLE)
        story.end(expiry)
        expiry = limit(story, order, last)
    topup = claim(story, order) if story.likely(0.7) else None
    if topup is not None and story.likely(0.6):
        story.wait(0.5, 20)
        story.send("guarantee.amended.v1", order, variant="topup", validTo=last.isoformat(), amount=RAISED)
        story.end(topup)
    if story.likely(0.5):
        release(story, order, case)
        story.end(expiry)
        if topup is not None:
            story.end(topup, withdrawn=True)
    else:
        story.now = midnight(last + DAY)
        story.expect("lapse-notice", order, story.now)


def try_again(story: Story, order: str, case: str, last: date) -> str:
    """The order is rejected or cancelled, and another one takes its place: the duty to deposit goes on."""
    rejected = story.likely(0.5)
    if rejected:
        story.send("order.status.v1", order, status="rejected", reason="材料不齐")
    else:
        story.send("guarantee.cancellation.v1", order)
    story.end(len(story.terms) - 1, withdrawn=not rejected)
    story.wait(0.1, 5)
    other = f"{order}-2"
    apply_for(story, other, case, last - DAY * 30)
    story.wait(0.2, 18)
    return other


def limit(story: Story, order: str, last: date) -> int:
    """The end of a guarantee, of which its parties are reminded a month before."""
    return story.expect("expiry", order, midnight(month_before(last)), over=midnight(last + DAY))


def verify(story: Story, order: str) -> None:
    """An authenticity query, answered in time, late, or never."""
    story.wait(0.1, 3)
    story.deliver("authenticity.query.v1", order)
    asked = story.expect("authenticity", order, story.now)
    if story.likely(0.8):
        story.now += timedelta(seconds=story.rng.uniform(1, 60))
        story.send("authenticity.result.v1", order)
        story.end(asked)


def exempt(story: Story, number: int) -> None:
    """A contractor who is reminded and noticed, and then exempted."""
    case = case_of(f"MJ-{number}")
    owed, noticed = declare(story, case)
    story.wait(0.5, 20)
    if story.likely(0.5):
        story.send("deposit.exemption.v1", case)
    else:
        story.send("deposit.review.v1", case, variant="exempted")
    story.end(owed)
    story.end(noticed, withdrawn=True)


def onboard(story: Story, number: int) -> None:
    """A test window: passed, failed, extended, or left; one that leaves stays bound for three years."""
    name = f"bank-{number}"
    story.happen("onboarding.opened", name)
    window = story.expect("onboarding-test", name, story.now)
    story.wait(0.5, 9)
    if story.likely(0.3):
        due = midnight(story.now.date() + DAY * 12)
        story.end(window, withdrawn=True)
        story.happen("onboarding.extended", name, windowDue=us(due))
        window = story.expect("onboarding-test", name, story.now, over=due)
        story.wait(1, 15)
    how = story.rng.choice(("onboarding.passed", "onboarding.failed", "onboarding.left"))
    story.happen(how, name)
    story.end(window, withdrawn=how == "onboarding.left")
    if how == "onboarding.passed":
        story.wait(0.1, 3)
        story.happen("institution.live", name)
        bound = story.expect("confidentiality-term", name, story.now, endless=True)
        story.wait(10, 200)
        story.happen("institution.left", name)
        story.end(bound)
        story.expect("confidentiality-term", name, story.now)


CHAPTERS: tuple[tuple[Callable[[Story, int], None], int, float], ...] = (
    (guarantee, 60, 0.6),
    (cash, 40, 0.68),
    (exempt, 15, 0.75),
    (onboard, 25, 0.0),
)
"""What may happen, how often, and in which share of the years it begins at the earliest."""


def tell_story(rng: random.Random, first: datetime, until: datetime, *, share: float = 1.0) -> Story:
    """All chapters, each begun at its own moment; a share of them for a shorter story."""
    story = Story(rng)
    for chapter, count, earliest in CHAPTERS:
        for number in range(max(2, round(count * share))):
            story.now = first + (until - first) * rng.uniform(earliest, 0.97)
            chapter(story, number)
    story.steps.sort(key=lambda step: step.at)
    return story
