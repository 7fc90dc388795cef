"""The reports of a run written into its folder: report.json, report.html, junit.xml, and the files that they name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.conformance.cases import Case
from gateway.conformance.html_report import write_html
from gateway.conformance.junit import write_junit
from gateway.conformance.practice import Stored, find_former
from gateway.conformance.report import describe_run, describe_whole, list_shown
from gateway.conformance.reproduce import keep_files


def keep_reports(stored: Stored, cases: Sequence[Case]) -> dict[str, Any]:
    """Write all reports of a run and give back the one without exchanges; OSError when they cannot be written."""
    former = find_former(stored, cases)
    whole = describe_whole(stored, former)
    _write(stored.folder / "report.json", json.dumps(whole, ensure_ascii=False, indent=1))
    _write(stored.folder / "report.html", write_html(whole))
    _write(stored.folder / "junit.xml", write_junit(stored))
    keep_files(stored.folder, list_shown(stored), stored.run.public_keys[0])
    return describe_run(stored, former)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace")
