"""A round of the kill harness tidies up after itself, whatever becomes of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.chaos.roles import Member, clean_environment
from tests.chaos.rounds import Theatre
from tests.chaos.stage import Stage

_FOR_EVER = "import signal; print(flush=True); signal.pause()"


def test_a_round_that_cannot_be_played_leaves_no_sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """When a fault cannot be struck the error is told, and the senders that were started are gone."""
    words = (sys.executable, "-c", _FOR_EVER)
    sender = Member("senders", words, clean_environment(), tmp_path / "senders.log")

    def start(*_: object, **__: object) -> Member:
        sender.start()
        return sender

    monkeypatch.setattr(Theatre, "_start_senders", start)
    monkeypatch.setattr(Theatre, "_await_traffic", lambda *_: None)
    theatre = Theatre(Stage(tmp_path, {}), "one")
    with pytest.raises(KeyError):
        theatre.play([["a fault that nobody knows"]])
    assert not sender.lives
