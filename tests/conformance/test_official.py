"""`wgg conformance official` on a home of its own: in the institution's test window, for a certificate that counts."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import pytest

from gateway.core.onboarding import MATERIALS
from tests.cli.conftest import Ended, Wgg, home, wgg
from tests.conformance.play import KEY, Seat, honest
from tests.harness.processes import free_port
from tests.onboarding.steps import FORM

__all__ = ["home", "wgg"]

PATIENCE = 60.0


@contextmanager
def apart(manager: AbstractAsyncContextManager[Seat]) -> Iterator[Seat]:
    """An institution in a thread of its own: commands run in the test's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        seat = asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result(PATIENCE)
        try:
            yield seat
        finally:
            asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


@pytest.fixture
def register(wgg: Wgg, home: Path, tmp_path: Path) -> Callable[[str], None]:
    """Register the bank under test, pushed to at an endpoint."""

    def add(endpoint: str) -> None:
        key = tmp_path / "fjbank.pub.pem"
        key.write_text(KEY.public.to_pem(), encoding="ascii")
        who = ("--id", "fjbank", "--kind", "bank", "--name", "示例银行")
        added = wgg("institution", "add", *who, "--public-key", key, "--endpoint", endpoint)
        assert added.code == 0, added.err

    return add


def move(wgg: Wgg, name: str, *options: object) -> Ended:
    ended = wgg("onboarding", name, "fjbank", *options, "--json")
    assert ended.code == 0, ended.err
    return ended


def queue(wgg: Wgg, folder: Path, *options: object, **fields: object) -> None:
    """From the form into the queue."""
    form, paper = folder / "form.json", folder / "paper.pdf"
    form.write_text(json.dumps({**FORM, **fields}), encoding="utf-8")
    paper.write_bytes(b"%PDF-1.7")
    move(wgg, "apply", "--form", form, *options)
    for material in MATERIALS:
        move(wgg, "attach", "--material", material, "--file", paper, *options)
    move(wgg, "submit", *options)
    for material in MATERIALS:
        move(wgg, "check", "--material", material, *options)
    move(wgg, "complete", *options)


def official(wgg: Wgg, port: int) -> Ended:
    bounds = ("--wait", 60, "--timeout", 300)
    return wgg("conformance", "official", "--id", "fjbank", "--listen", f"127.0.0.1:{port}", *bounds, "--json")


def test_a_pass_in_the_window_earns_the_certificate_that_lets_it_pass(
    wgg: Wgg, home: Path, tmp_path: Path, register: Callable[[str], None]
) -> None:
    """Refused before its turn; in the window all cases pass, and the certificate goes through `onboarding pass`."""
    with apart(honest("bank", "push", tmp_path / "ledger.jsonl")) as seat:
        register(str(seat.endpoint))
        queue(wgg, tmp_path)
        early = official(wgg, seat.port)
        assert (early.code, "排队待测试" in early.err) == (3, True)
        assert not (home / "conformance").exists()
        move(wgg, "open")
        passed = official(wgg, seat.port)
    assert passed.code == 0, passed.err
    certificate, public = Path(passed.json["folder"]) / "certificate.json", home / "keys" / "gateway.pub.pem"
    proof = (certificate, "--public-key", public)
    assert wgg("conformance", "verify", *proof, "--id", "fjbank", "--kind", "bank").code == 0
    assert move(wgg, "pass", "--certificate", *proof).json["stage"] == "passed"
    late = official(wgg, free_port())
    assert (late.code, "不必再测" in late.err) == (3, True)


def test_a_failed_run_changes_nothing(wgg: Wgg, home: Path, tmp_path: Path, register: Callable[[str], None]) -> None:
    """No certificate, and the window stays open: that it failed is recorded by an operator alone."""
    register(f"http://127.0.0.1:{free_port()}/")
    queue(wgg, tmp_path)
    move(wgg, "open")
    failed = official(wgg, free_port())
    assert (failed.code, failed.json["verdict"]) == (3, "fail")
    assert "wgg onboarding fail fjbank" in failed.err
    assert not list(home.glob("conformance/**/certificate.json"))
    assert wgg("onboarding", "show", "fjbank", "--json").json["stage"] == "testing"


def test_the_window_may_stand_in_another_home(
    wgg: Wgg, home: Path, tmp_path: Path, register: Callable[[str], None]
) -> None:
    """The sandbox knows no application: it is named as missing; the home that keeps it is looked into instead, and a
    bank that applied there as an insurer is told so before the run, not by its certificate afterwards.
    """
    register(f"http://127.0.0.1:{free_port()}/")
    other, port = tmp_path / "other", free_port()
    assert "没有机构 fjbank 的对接申请" in official(wgg, port).err
    assert wgg("init", other, "--deployment", "other").code == 0
    at_other = ("--home", other)
    named = ("conformance", "official", "--id", "fjbank", "--onboarding-home", other)
    queue(wgg, tmp_path, *at_other, kind="insurer", pact=True)
    waiting = wgg(*named)
    assert (waiting.code, "排队待测试" in waiting.err) == (3, True)
    move(wgg, "open", *at_other)
    refused = wgg(*named)
    assert (refused.code, "申请的类别是 insurer" in refused.err) == (3, True)
