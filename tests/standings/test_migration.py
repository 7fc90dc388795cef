from __future__ import annotations

import json

import pytest
from alembic import command
from sqlalchemy import insert, select

from gateway.core.case import Case
from gateway.store.schema import SUBJECTS
from gateway.store.upgrade import _config, upgrade
from tests.store.builders import make_order
from tests.store.conftest import make_engine


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_orders_of_before_are_known_to_their_institution(kind, tmp_path, request):
    """An order that is not over is held by its institution after the revision; one that is over and a case are not."""
    url = f"sqlite:///{tmp_path / 'old.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine = make_engine(url)
    rows = {"A": make_order("A", state="applied"), "B": make_order("B", state="lapsed"), "C": Case(case_no="C")}
    old = insert(SUBJECTS).values(position=1)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0002")
        for key, row in rows.items():
            connection.execute(old.values(subject=key, order_json=json.dumps(row.to_json())))
        connection.execute(old.values(subject="D"))
    upgrade(url)
    with engine.begin() as connection:
        held = connection.execute(select(SUBJECTS.c.subject, SUBJECTS.c.held_by).order_by(SUBJECTS.c.subject)).all()
    assert held == [("A", "xmccb"), ("B", None), ("C", None), ("D", None)]
    engine.dispose()
