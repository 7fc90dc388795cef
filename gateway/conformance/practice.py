"""A run put together: keys, cases, the run's folder; and what is kept of a finished one.

Source: issue "Onboarding and the conformance kit" points 2 and 4.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

from gateway.conformance.case_reading import load_cases
from gateway.conformance.cases import Case
from gateway.conformance.exchanges import Exchange, read_exchanges
from gateway.conformance.identity import digest_kit
from gateway.conformance.judging import Verdict, judge_run
from gateway.conformance.keyring import open_ring
from gateway.conformance.runner import HANDSHAKE, Bounds, Runner, Tell
from gateway.conformance.runs import Run, list_runs, load_run
from gateway.core.wire.instants import format_beijing
from gateway.crypto.keys import PrivateKey, PublicKey

ASSUMED: Final = "xmccb"
"""The institution's id until its own requests tell it: the examples' recipient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run. `institution` None: learned from its requests. `endpoint` None: it pulls its mailbox.

    `ca_file` is the CA of an https endpoint, None for those of the system. `folder` keeps keys and runs; `cases` names
    another folder of case files, `selected` the ids to run.
    """

    kind: str
    publics: tuple[PublicKey, ...]
    folder: Path
    endpoint: str | None = None
    ca_file: str | None = None
    institution: str | None = None
    host: str = "127.0.0.1"
    port: int = 8900
    bounds: Bounds = field(default_factory=Bounds)
    official: bool = False
    gateway_key: PrivateKey | None = None
    cases: Path | None = None
    selected: tuple[str, ...] | None = None


def prepare(order: Order, *, now: Callable[[], int], tell: Tell) -> tuple[Runner, tuple[Case, ...]]:
    """A runner and its cases. CatalogueError for faulty case files, OSError, KeyFormatError."""
    cases = load_cases(order.cases)
    keys = order.folder / "keys"
    ring = open_ring(keys, now=now(), gateway=order.gateway_key)
    started = now()
    run = Run(
        id=_name_run(started),
        institution=order.institution or _recall(order) or ASSUMED,
        kind=order.kind,
        mode="pull" if order.endpoint is None else "push",
        official=order.official,
        endpoint=order.endpoint,
        url=f"http://{order.host}:{order.port}",
        public_keys=tuple(key.to_pem() for key in order.publics),
        keys=ring.list_keys(),
        kit_version=version("wage-guarantee-gateway"),
        kit_digest=digest_kit(order.cases),
        started_at=started,
        selected=None if order.selected is None else (HANDSHAKE, *order.selected),
    )
    chosen = [case for case in cases if run.selected is None or case.id in run.selected]
    runner = Runner(
        run,
        chosen,
        ring=ring,
        folder=order.folder / "runs" / run.id,
        key_file=keys / "gateway.pub.pem",
        host=order.host,
        port=order.port,
        bounds=order.bounds,
        ca_file=order.ca_file,
        now=now,
        tell=tell,
        assumed=order.institution is None,
    )
    return runner, cases


def _recall(order: Order) -> str | None:
    """The id under which an institution with these keys was tested here before."""
    own = {key.to_pem() for key in order.publics}
    runs = (_load_whole(folder) for folder in reversed(list_runs(order.folder / "runs")))
    return next((run.institution for run in runs if run and own & set(run.public_keys)), None)


def _load_whole(folder: Path) -> Run | None:
    """A run's manifest, None for one that another version wrote."""
    try:
        return load_run(folder)
    except (KeyError, TypeError, ValueError):
        return None


def _name_run(now: int) -> str:
    """A name that sorts by time: 20261121-093000-1a2b."""
    text = format_beijing(now)
    return f"{text[:10]}-{text[11:19]}".replace(":", "").replace("-", "", 2) + f"-{secrets.token_hex(2)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A run as it stands in its folder, judged by this kit."""

    folder: Path
    run: Run
    verdict: Verdict
    exchanges: Sequence[Exchange]


def judge_folder(folder: Path, cases: Sequence[Case]) -> Stored:
    """Judge a stored run, again or for the first time. FileNotFoundError where there is none."""
    run, exchanges = load_run(folder), list(read_exchanges(folder))
    return Stored(folder=folder, run=run, verdict=judge_run(run, cases, exchanges), exchanges=exchanges)


def find_failed(stored: Stored) -> tuple[str, ...]:
    """The cases of a run that did not pass, skipped ones left out."""
    return tuple(item.case.id for item in stored.verdict.judgements if item.verdict not in ("pass", "skip"))


def find_former(stored: Stored, cases: Sequence[Case]) -> Stored | None:
    """The run before this one of the same institution, kind and mode in the same folder.

    A run in which nothing passed over the wire tells nothing, and is not compared.
    """
    own = stored.run
    if not stored.exchanges:
        return None
    for folder in reversed(list_runs(stored.folder.parent)):
        run = _load_whole(folder)
        if run is None or run.started_at >= own.started_at:
            continue
        alike = (run.institution, run.kind, run.mode) == (own.institution, own.kind, own.mode)
        if alike and any(read_exchanges(folder)):
            return judge_folder(folder, cases)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A case whose verdict differs from that of the run before."""

    case: str
    before: str
    after: str


def compare(before: Verdict, after: Verdict) -> list[Change]:
    """The cases whose verdict changed, in the order of the later run."""
    old = {item.case.id: item.verdict for item in before.judgements}
    pairs = ((item.case.id, old.get(item.case.id), item.verdict) for item in after.judgements)
    return [Change(case=case, before=was, after=now) for case, was, now in pairs if was is not None and was != now]
