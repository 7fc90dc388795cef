"""Counterparts of the gateway: real HTTP clients and servers with append-only ledgers."""

from gateway.simulator.client import GatewayClient, Reply
from gateway.simulator.clock import SystemClock
from gateway.simulator.counterpart import Options
from gateway.simulator.identity import Identity, KeyIdentity
from gateway.simulator.institution import Institution, InstitutionOptions, run_institution
from gateway.simulator.ledger import Ledger, read_ledger
from gateway.simulator.platform import PlatformSimulator, run_platform

__all__ = [
    "GatewayClient",
    "Identity",
    "Institution",
    "InstitutionOptions",
    "KeyIdentity",
    "Ledger",
    "Options",
    "PlatformSimulator",
    "Reply",
    "SystemClock",
    "read_ledger",
    "run_institution",
    "run_platform",
]
