"""Golden samples: what is sent for a delivery, and what each answer to it means."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from adapters.registry import GROUP
from gateway.core.exchange import Answer, Outgoing
from gateway.core.message import Message
from gateway.core.party import Party, Standing

_ROOT = Path(__file__).resolve().parents[2]


def declared_points() -> list[EntryPoint]:
    """The entry points as the project declares them, installed or not."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [EntryPoint(name, value, GROUP) for name, value in project["entry-points"][GROUP].items()]


def golden(name: str) -> dict[str, Any]:
    return json.loads((_ROOT / "adapters" / name / "golden.json").read_text(encoding="utf-8"))


def read_delivery(sample: dict[str, Any]) -> Outgoing:
    message = sample["message"]
    return Outgoing(
        delivery_id=sample["deliveryId"],
        attempt=sample["attempt"],
        message=Message(
            source=message["source"],
            id=message["id"],
            type=message["type"],
            subject=message["subject"],
            recipient=message["recipient"],
            correlation_id=None,
            digest=message["digest"],
            body=message["body"].encode(),
            origin=message["origin"],
            received_at=1_795_219_200_000_000,
            receipt_no="R1",
            receipt=b"{}",
            traceparent=message["traceparent"],
        ),
        recipient=_party(message["recipient"], sample["endpoint"]),
    )


def read_answer(sample: dict[str, Any]) -> Answer:
    return Answer(**{**sample, "body": sample["body"].encode()})


def _party(party_id: str, endpoint: str | None) -> Party:
    return Party(
        id=party_id,
        role="institution",
        kind="bank",
        name="某银行",
        standing=Standing.LIVE,
        adapter="native",
        endpoint=endpoint,
    )
