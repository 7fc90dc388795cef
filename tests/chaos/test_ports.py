"""Ports for processes that start side by side: none is given twice."""

from __future__ import annotations

import subprocess
import sys

from tests.harness import processes
from tests.harness.processes import free_port

ASK = """
from tests.harness import processes
processes._PORTS = range(31_000, 31_020)
processes.random.sample = lambda ports, _: list(ports)
print(processes.free_port(), flush=True)
input()
"""


def test_a_port_is_given_to_one_process_alone(monkeypatch) -> None:
    """Out of twenty ports, ten processes that have not begun to listen get ten different ones, and we another."""
    monkeypatch.setattr(processes, "_PORTS", range(31_000, 31_020))
    monkeypatch.setattr(processes.random, "sample", lambda ports, _: list(ports))
    asked = [
        subprocess.Popen([sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(10)
    ]
    given = [int(process.stdout.readline()) for process in asked if process.stdout]
    given.append(free_port())
    for process in asked:
        process.communicate(b"\n")
    assert len(set(given)) == len(given) == 11
