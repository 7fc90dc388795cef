"""Who may send what to whom."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from gateway.core.errors import Problem
from gateway.core.permissions import check_permission
from tests.domain.flow import CATALOGUE

PARTIES = [("platform", None), ("institution", "bank"), ("institution", "insurer"), ("gateway", None), (None, None)]
DOWN = ({"platform"}, {"institution"})
UP = ({"institution"}, {"platform"})
FILED = ({"platform"}, {"gateway"})
TOLD = ({"gateway"}, {"platform", "institution"})
DIRECTIONS = {
    "guarantee.application.v1": DOWN,
    "guarantee.supplement.v1": DOWN,
    "guarantee.cancellation.v1": DOWN,
    "guarantee.extension_request.v1": DOWN,
    "guarantee.query.v1": DOWN,
    "invoice.requested.v1": DOWN,
    "authenticity.query.v1": DOWN,
    "account.reservation.v1": DOWN,
    "payment.notice.v1": DOWN,
    "payment.payee_correction.v1": DOWN,
    "payment.notice_withdrawal.v1": DOWN,
    "release.confirmation.v1": DOWN,
    "inspection.request.v1": DOWN,
    "deposit.declaration.v1": FILED,
    "deposit.review.v1": FILED,
    "deposit.notice.v1": FILED,
    "deposit.reminder.v1": FILED,
    "deposit.agreement.v1": FILED,
    "wage.commitment.v1": FILED,
    "deposit.exemption.v1": FILED,
    "deposit.exemption_revoked.v1": FILED,
    "payment.application.v1": FILED,
    "deposit.topup_request.v1": FILED,
    "release.application.v1": FILED,
    "release.deferral.v1": FILED,
    "service.record.v1": FILED,
    "order.status.v1": ({"institution", "gateway"}, {"platform", "institution"}),
    "guarantee.lapsed.v1": TOLD,
    "institution.standing.v1": TOLD,
    "message.failed.v1": TOLD,
    "sla.warning.v1": TOLD,
    "sla.breached.v1": TOLD,
    "reconciliation.daily.v1": TOLD,
    "reconciliation.answer.v1": ({"platform", "institution"}, {"gateway"}),
}


def verdict(row, source, recipient):
    try:
        check_permission(
            row, source_role=source[0], source_kind=source[1], recipient_role=recipient[0], recipient_kind=recipient[1]
        )
    except Problem as problem:
        return problem.code
    return None


def permitted(party, roles, kinds):
    return party[0] in roles and (party[0] != "institution" or party[1] in kinds)


@pytest.mark.parametrize("type_", CATALOGUE.types)
def test_each_type_has_its_direction(type_):
    """Every pair of parties gets the verdict of the type's direction; the sender is looked at first."""
    sources, recipients = DIRECTIONS.get(type_, UP)
    kinds = CATALOGUE.row(type_).kinds
    for source, recipient in itertools.product(PARTIES[:4], PARTIES):
        expected = (
            "TYPE_NOT_PERMITTED"
            if not permitted(source, sources, kinds)
            else "RECIPIENT_NOT_PERMITTED"
            if not permitted(recipient, recipients - {source[0]}, kinds)
            else None
        )
        assert verdict(CATALOGUE.row(type_), source, recipient) == expected


def test_only_a_bank_gets_account_and_cash_messages():
    """Accounts, deposits, usage and statements concern banks alone, every other type all three kinds."""
    banks = {row.type for row in CATALOGUE.types.values() if row.kinds == {"bank"}}
    assert banks == {
        "account.reservation.v1",
        "account.opened.v1",
        "deposit.agreement.v1",
        "deposit.stored.v1",
        "deposit.usage.v1",
        "deposit.statement.v1",
    }
    assert all(
        row.kinds == {"bank", "insurer", "guarantor"} for row in CATALOGUE.types.values() if row.type not in banks
    )


def test_kinds_bind_both_ends():
    """A type for banks only is refused from an insurer and to an insurer, and names the kinds."""
    down = dataclasses.replace(CATALOGUE.row("payment.notice.v1"), kinds=frozenset({"bank"}))
    up = dataclasses.replace(CATALOGUE.row("payment.result.v1"), kinds=frozenset({"bank"}))
    platform, bank, insurer = PARTIES[:3]
    assert (verdict(down, platform, bank), verdict(up, bank, platform)) == (None, None)
    assert verdict(down, platform, insurer) == "RECIPIENT_NOT_PERMITTED"
    assert verdict(up, insurer, platform) == "TYPE_NOT_PERMITTED"
    with pytest.raises(Problem, match="银行"):
        check_permission(
            down,
            source_role="platform",
            source_kind=None,
            recipient_role="institution",
            recipient_kind="insurer",
        )
