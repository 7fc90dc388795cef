"""A run's manifest: whom it tested, with what, and how far each case got. `run.json` in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

FILE: Final = "run.json"

DONE: Final = "done"
WAITING: Final = "waiting"
NOT_RUN: Final = "not_run"
ERROR: Final = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a case got: done, waiting (cut short in a wait), not_run, or error (ours); `text` says more in Chinese.

    `steps` names the steps that were begun.
    """

    state: str
    text: str = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. `public_keys` are the institution's, PEM; instants microseconds UTC. `keys` is the kit's list of keys,
    `url` where it listened.

    `selected` names the cases that were to run, None for all that apply.
    """

    id: str
    institution: str
    kind: str
    mode: str
    official: bool
    endpoint: str | None
    url: str
    public_keys: tuple[str, ...]
    keys: Mapping[str, Any]
    kit_version: str
    kit_digest: str
    started_at: int
    ended_at: int = 0
    selected: tuple[str, ...] | None = None
    progress: Mapping[str, Progress] = field(default_factory=dict)
    trouble: str = ""


def save_run(folder: Path, run: Run) -> None:
    """Write the manifest; a run that is cut off leaves the last one whole."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE}.part"
    text = json.dumps(asdict(run), ensure_ascii=False, indent=1)
    draft.write_text(text, encoding="utf-8", errors="replace")  # a hostile answer may be quoted in it
    draft.replace(folder / FILE)


def load_run(folder: Path) -> Run:
    """The manifest of a run's folder. FileNotFoundError; ValueError, KeyError or TypeError for another form."""
    doc = json.loads((folder / FILE).read_text(encoding="utf-8"))
    progress = {name: Progress(**{**row, "steps": tuple(row["steps"])}) for name, row in doc.pop("progress").items()}
    selected: Sequence[str] | None = doc.pop("selected")
    run = Run(**{**doc, "public_keys": tuple(doc["public_keys"])}, progress=progress)
    return replace(run, selected=None if selected is None else tuple(selected))


def list_runs(folder: Path) -> list[Path]:
    """The folders of finished and broken runs, oldest first."""
    return sorted(file.parent for file in folder.glob(f"*/{FILE}"))
