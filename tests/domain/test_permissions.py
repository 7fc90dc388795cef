"""Who may send what to whom."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from gateway.core.errors import Problem
from gateway.core.permissions import check_permission
from tests.domain.flow import CATALOGUE

PARTIES = [("platform", None), ("institution", "bank"), ("institution", "insurer"), ("gateway", None), (None, None)]
TO_INSTITUTION = {
    "guarantee.application.v1",
    "guarantee.cancellation.v1",
    "invoice.requested.v1",
    "authenticity.query.v1",
    "payment.notice.v1",
    "release.confirmation.v1",
}


def verdict(row, source, recipient):
    try:
        check_permission(
            row, source_role=source[0], source_kind=source[1], recipient_role=recipient[0], recipient_kind=recipient[1]
        )
    except Problem as problem:
        return problem.code
    return None


@pytest.mark.parametrize("type_", CATALOGUE.types)
def test_each_type_has_its_direction(type_):
    """Every pair of parties gets the verdict of the type's direction; the sender is looked at first."""
    if type_ == "message.failed.v1":
        sources, recipients = {"gateway"}, {"platform", "institution"}
    elif type_ in TO_INSTITUTION:
        sources, recipients = {"platform"}, {"institution"}
    else:
        sources, recipients = {"institution"}, {"platform"}
    for source, recipient in itertools.product(PARTIES[:4], PARTIES):
        expected = (
            "TYPE_NOT_PERMITTED"
            if source[0] not in sources
            else "RECIPIENT_NOT_PERMITTED"
            if recipient[0] not in recipients
            else None
        )
        assert verdict(CATALOGUE.row(type_), source, recipient) == expected


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
