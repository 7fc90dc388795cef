"""What guarantees and cash deposits have in common: claims on them, their release, and service by other means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.domain.year.story import Data, Story, write
from tests.domain.year.terms import DAY, quarter_end

HOUR = timedelta(hours=1)


def serve(story: Story, subject: str, message: Mapping[str, Any], served: datetime) -> None:
    """A record that a message was served by other means."""
    named = {"businessNo": subject, "messageSource": message["source"], "messageId": message["id"]}
    story.send("service.record.v1", subject, **named, deliveredTime=write(served))


def claim(story: Story, order: str, used: list[int] | None = None) -> int | None:
    """A payment notice, with a date of its own or not: withdrawn, or paid after a refusal; the topup that follows.

    `used` takes the reports that a bank owes of cash that it paid out.
    """
    story.wait(1, 60)
    special = None
    if story.likely(0.3):
        due = story.now + DAY * story.rng.uniform(3, 9)
        special = {"ground": story.rng.choice(("festival", "mass_incident")), "due": write(due)}
    delivered = story.deliver("payment.notice.v1", order, specialPayment=special)
    pay = story.expect("pay", order, delivered, over=due if special else None)
    story.wait(0.2, 6)
    if story.likely(0.2):
        story.send("payment.notice_withdrawal.v1", order)
        story.end(pay, withdrawn=True)
        return None
    if story.likely(0.3):
        story.send("payment.result.v1", order, variant="refused")
        story.wait(0.2, 6)
    topup = settle_claim(story, order, pay, used)
    if story.likely(0.3):
        story.wait(0.1, 4)
        story.send("payment.result.v1", order, results=results(story, "returned"))
        story.end(topup)
        pay = story.expect("pay", order, story.now)
        story.wait(0.2, 9)
        topup = settle_claim(story, order, pay, used)
    return topup


def settle_claim(story: Story, order: str, pay: int, used: list[int] | None) -> int:
    """Everybody is paid: the use must be made good, and that of cash be reported."""
    story.send("payment.result.v1", order, results=results(story, "paid"))
    story.end(pay)
    if used is not None:
        used.append(story.expect("usage-report", order, story.now))
    return story.expect("topup", order, story.now)


def results(story: Story, result: str) -> list[Data]:
    """The result for both payees of the example's notice."""
    more = {"transactionNo": "ZZ1"} if result == "paid" else {"reason": "账户不符"}
    return [{"payeeId": payee, "result": result, "time": write(story.now), **more} for payee in ("1", "2")]


def release(story: Story, order: str, case: str, **kind: Any) -> None:
    """An application for release, perhaps deferred first by a letter that is to be served; then confirmed."""
    story.wait(1, 40)
    if story.likely(0.5):
        review = ask_for_release(story, case)
        deferral = story.send("release.deferral.v1", case, signatory=None)
        story.end(review)
        letter = story.expect("release-letter", case, story.now)
        story.wait(0.5, 8)
        if story.likely(0.7):
            serve(story, case, deferral, story.now - HOUR)
            story.end(letter)
        story.wait(1, 20)
    review = ask_for_release(story, case)
    while not 40 < (story.now.date() - quarter_end(story.now.date() - DAY * 92)).days < 88:
        story.wait(1, 2)  # no quarter's statement is under way
    story.send("release.confirmation.v1", order, **kind)
    story.end(review)


def ask_for_release(story: Story, case: str) -> int:
    """An application, and some days of review."""
    story.send("release.application.v1", case)
    review = story.expect("release-review", case, story.now)
    story.wait(0.5, 12)
    return review
