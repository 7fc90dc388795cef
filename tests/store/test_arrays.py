"""What is packed here arrives at PostgreSQL as it was."""

from __future__ import annotations

import pytest
from sqlalchemy import BigInteger, Boolean, Double, Integer, LargeBinary, Text, select

from gateway.store.arrays import packer_of
from gateway.store.dialect import POSTGRESQL, as_columns, given_columns
from gateway.store.engine import parse_url, postgres_engine
from gateway.store.sealed import SealedBytes
from gateway.store.together import Call, run_together

TYPES = {
    "text": Text(),
    "big": BigInteger(),
    "small": Integer(),
    "flag": Boolean(),
    "raw": LargeBinary(),
    "sealed": SealedBytes(),
}
ROWS = [
    {
        "text": "保函 ✓ \\ \" ' {a,b} \n",
        "big": 2**63 - 1,
        "small": -(2**31),
        "flag": True,
        "raw": b"\x00\xff",
        "sealed": b"s",
    },
    {"text": "", "big": -(2**63), "small": 0, "flag": False, "raw": b"", "sealed": b"\x00" * 5000},
    dict.fromkeys(TYPES),
]


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[2:], []], ids=["all", "one", "nulls", "none"])
def test_columns_of_each_type_arrive_as_they_were(postgres_home: str, rows: list[dict[str, object]]) -> None:
    """Bounds, signs, nulls, bytes, Chinese, and what would end a text form of an array."""
    engine = postgres_engine(parse_url(postgres_home), size=1)
    with engine.begin() as connection:
        asked = select(given_columns(POSTGRESQL, TYPES))
        (found,) = run_together(connection, [Call(asked, as_columns(POSTGRESQL, TYPES, rows))])
    engine.dispose()
    assert [dict(zip(TYPES, row, strict=True)) for row in found] == rows


def test_a_type_that_nobody_packs_is_refused() -> None:
    """Better told when the statement is built than sent as something else."""
    with pytest.raises(KeyError):
        packer_of(Double())
