from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.bus.window import Batch, ConfirmWindow
from tests.bus.support import publication

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 5), st.just(True)),
        st.tuples(st.sampled_from(["one", "multiple"]), st.integers(0, 30), st.booleans()),
        st.tuples(st.just("return"), st.integers(1, 5), st.just(True)),
        st.tuples(st.just("lose"), st.just(0), st.just(True)),
    ),
    max_size=40,
)


class _Model:
    """The same rules over a plain list of [tag, delivery id, returned]."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self.tag = 0
        self.confirmed: set[int] = set()
        self.returned: list[int] = []

    def publish(self, delivery: int) -> None:
        self.tag += 1
        self.rows.append([self.tag, delivery, 0])

    def one(self, tag: int, *, acked: bool) -> None:
        self._end([row for row in self.rows if row[0] == tag], acked=acked)

    def multiple(self, tag: int, *, acked: bool) -> None:
        self._end([row for row in self.rows if row[0] <= tag or tag == 0], acked=acked)

    def lose(self) -> None:
        self._end(list(self.rows), acked=False)

    def mark(self, delivery: int) -> None:
        for row in [row for row in self.rows if row[1] == delivery and not row[2]][:1]:
            row[2] = 1

    def _end(self, rows: list[list[int]], *, acked: bool) -> None:
        for row in rows:
            self.rows.remove(row)
            if row[2]:
                self.returned.append(row[1])
            elif acked:
                self.confirmed.add(row[1])


@given(steps=_STEPS)
def test_the_window_follows_the_rules_of_confirms(steps: list[tuple[str, int, bool]]) -> None:
    """Tags from 1, multiple acks, returns before acks and a lost channel settle as in a model of a few lines."""
    window, batch, model = ConfirmWindow(limit=1000, limit_bytes=1 << 30), Batch(), _Model()
    for kind, number, acked in steps:
        if kind == "publish":
            model.publish(number)
            window.add(publication(number), batch)
        elif kind == "return":
            model.mark(number)
            window.mark_returned(number)
        elif kind == "lose":
            model.lose()
            window.lose()
        else:
            getattr(model, kind)(number, acked=acked)
            window.settle(number, multiple=kind == "multiple", acked=acked)
        assert batch.in_flight == len(model.rows)
    assert batch.confirmed == model.confirmed
    assert [each.delivery_id for each in batch.returned] == model.returned


def test_the_window_is_full_at_its_count() -> None:
    """The window lets in as many publishes as its limit, and one more for each that is settled."""
    window, batch = ConfirmWindow(limit=2, limit_bytes=1 << 30), Batch()
    window.add(publication(1), batch)
    assert not window.is_full
    window.add(publication(2), batch)
    assert window.is_full
    window.settle(1, multiple=False, acked=True)
    assert not window.is_full


def test_the_window_is_full_at_its_bytes() -> None:
    """Large bodies fill the window before its count does, and one body always fits."""
    window, batch = ConfirmWindow(limit=100, limit_bytes=1000), Batch()
    assert not window.is_full
    window.add(publication(1, size=5000), batch)
    assert window.is_full
    window.settle(1, multiple=True, acked=True)
    assert not window.is_full
