from __future__ import annotations

import json

import pytest

from gateway.cli.application import run


@pytest.fixture
def wgg(capsys, monkeypatch):
    """Runs one command line without a home: its exit code and its result (JSON where it is)."""
    monkeypatch.delenv("WGG_HOME", raising=False)

    def call(*arguments):
        code = run(arguments)
        out = capsys.readouterr().out
        return code, json.loads(out) if "--json" in arguments and out else out

    return call
