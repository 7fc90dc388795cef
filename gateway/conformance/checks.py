"""Every check that a case may name, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.conformance.findings import Check
from gateway.conformance.message_table import MESSAGE_CHECKS
from gateway.conformance.receipt_table import RECEIPT_CHECKS

CHECKS: Final[Mapping[str, Check]] = {**RECEIPT_CHECKS, **MESSAGE_CHECKS}
