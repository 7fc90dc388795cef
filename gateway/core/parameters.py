"""The parameters of orders that a deployment may set; each default has its reason beside it.

Source: domain section 3.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Choices of ours that the transition table consults.

    `issue_from` lists the states, besides fee_paid, in which a guarantee may be issued. All earlier ones by default:
    the access guide asks an institution to issue within ten working days, not to report each step before it.
    `return_on_suspension` hands untouched orders of a suspended institution back to the platform; off by default, for
    the service commitment (XM, point 7) keeps accepted orders with the institution.
    """

    issue_from: frozenset[str] = frozenset({"applied", "under_review", "accepted", "awaiting_fee"})
    return_on_suspension: bool = False


DEFAULTS = Parameters()
