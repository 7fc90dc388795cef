"""The same messages give the same bytes, in any process, whatever its clock, zone or hash seed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

from gateway.forms.printing import Medium
from tests.forms.sheets import FILLED, make_views, print_one

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import hashlib, pickle, sys
from gateway.forms.printing import Medium
from tests.forms.sheets import FILLED, print_one
views = pickle.load(sys.stdin.buffer)
for form in FILLED:
    for medium in Medium:
        print(form, medium, hashlib.sha256(print_one(form, medium, views[form]).content).hexdigest())
"""


def run(views, **env):
    program = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        program, input=views, cwd=ROOT, env={**os.environ, **env}, capture_output=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_two_processes_print_the_same_bytes():
    """Signatures are random, so both print the same stored messages; nothing else of the process shows."""
    views = pickle.dumps({form: make_views(form) for form in FILLED})
    one = run(views, PYTHONHASHSEED="1", TZ="Asia/Shanghai")
    two = run(views, PYTHONHASHSEED="2", TZ="America/New_York", SOURCE_DATE_EPOCH="1")
    assert one.count(b"\n") == 2 * len(FILLED)
    assert one == two


def test_another_message_prints_other_bytes():
    """So that the test above can fail."""
    assert print_one("8", Medium.PDF).content != print_one("7", Medium.PDF).content
