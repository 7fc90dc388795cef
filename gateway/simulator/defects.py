"""The named defects of a simulated institution, one table: each an honest institution with one thing done wrongly.

Source: issue "Onboarding and the conformance kit", point 7. The kit must catch every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.simulator.defect_rows import Defect
from gateway.simulator.defects_business import BUSINESS
from gateway.simulator.defects_checks import CHECKING
from gateway.simulator.defects_conduct import CONDUCT
from gateway.simulator.defects_receipts import RECEIPTS
from gateway.simulator.defects_sending import SENDING
from gateway.simulator.defects_signing import SIGNING

DEFECTS: Final[Mapping[str, Defect]] = MappingProxyType(
    {defect.name: defect for defect in (*SIGNING, *RECEIPTS, *CHECKING, *SENDING, *BUSINESS, *CONDUCT)}
)
