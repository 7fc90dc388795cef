"""Going live and losing it in production: by a certificate or a decision, and by two people; a sandbox is free."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.core.certificate import Certificate
from gateway.core.onboarding import MATERIALS
from gateway.crypto.certificates import sign_certificate
from gateway.crypto.keys import PrivateKey
from tests.cli.conftest import Ended, Wgg
from tests.onboarding.steps import DAY, FORM, SECOND

FIRST, OTHER = ("--operator", "王核"), ("--operator", "李复")
DECISION = ("--decision", "厦人社〔2026〕1号", "--authority", "厦门市人力资源和社会保障局")
SANDBOX = PrivateKey.generate()


@pytest.fixture
def production(wgg: Wgg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A production home with one bank that is registered; the sandbox's public key lies beside it."""
    home = tmp_path / "production"
    assert wgg("init", home, "--production").code == 0
    monkeypatch.setenv("WGG_HOME", str(home))
    assert wgg("keys", "generate", tmp_path / "bank.pem").code == 0
    (tmp_path / "sandbox.pub.pem").write_text(SANDBOX.public.to_pem(), encoding="ascii")
    assert add(wgg, tmp_path).code == 0
    return tmp_path


def add(wgg: Wgg, folder: Path, *more: object) -> Ended:
    who = ("--id", "fjbank", "--kind", "bank", "--name", "示例银行", "--adapter", "mailbox")
    return wgg("institution", "add", *who, "--public-key", folder / "bank.pub.pem", *more)


def certify(folder: Path, **fields: Any) -> Path:
    """The file of a certificate that the sandbox signed."""
    now = time.time_ns() // 1000 // SECOND * SECOND
    values = {
        "institution": "fjbank",
        "institution_serial": "AB" * 20,
        "kind": "bank",
        "mode": "pull",
        "kit_version": "1",
        "kit_digest": "ab" * 32,
        "run": "r1",
        "counts": {"pass": 9},
        "issued_at": now,
        "not_after": now + 180 * DAY,
    }
    path = folder / "certificate.json"
    path.write_bytes(sign_certificate(SANDBOX, Certificate(**{**values, **fields})))
    return path


def standing(wgg: Wgg) -> str:
    rows = wgg("institution", "list", "--json").json
    return next(str(row["standing"]) for row in rows if row["id"] == "fjbank")


def show(folder: Path, **fields: Any) -> tuple[object, ...]:
    """The options that show a certificate."""
    return ("--certificate", certify(folder, **fields), "--public-key", folder / "sandbox.pub.pem")


def go_live(wgg: Wgg, folder: Path) -> None:
    """By two people."""
    shown = show(folder)
    for who in (FIRST, OTHER):
        assert wgg("institution", "set", "fjbank", "--live", *shown, *who).code == 0


def test_nobody_is_registered_live(wgg: Wgg, production: Path) -> None:
    """Registering is not going live: the refusal says how it is done."""
    refused = add(wgg, production, "--live")
    assert (refused.code, "--certificate" in refused.err) == (3, True)
    assert standing(wgg) == "registered"


def test_two_people_go_by_a_certificate(wgg: Wgg, production: Path) -> None:
    """The first proposes, the same one again is refused, the second one does it; the audit log names both."""
    live = ("institution", "set", "fjbank", "--live", *show(production))
    assert wgg("institution", "set", "fjbank", "--live", *FIRST).code == 2
    first = wgg(*live, *FIRST)
    assert (first.code, "待另一名操作员" in first.out, standing(wgg)) == (0, True, "registered")
    for same in (FIRST, ("--operator", " 王核")):
        again = wgg(*live, *same)
        assert (again.code, "另一名操作员" in again.err) == (3, True)
    assert (wgg(*live, *OTHER).code, standing(wgg)) == (0, "live")
    second, proposal = wgg("audit", "list", "--json").json[:2]
    assert (proposal["action"], proposal["actor"]) == ("party.live.proposed", "王核")
    assert (second["action"], second["actor"]) == ("party.live", "李复")
    (duty,) = wgg("sla", "list", "--rule", "confidentiality-term", "--json").json
    assert (duty["subject"], duty["state"]) == ("fjbank", "running")
    assert wgg(*live, *FIRST).code == 3


def test_both_mean_the_same_certificate(wgg: Wgg, production: Path) -> None:
    """A second one who shows another certificate proposes that one."""
    live = ("institution", "set", "fjbank", "--live")
    assert wgg(*live, *show(production), *FIRST).code == 0
    renewed = show(production, run="r2")
    assert wgg(*live, *renewed, *OTHER).code == 0
    assert standing(wgg) == "registered"
    assert wgg(*live, *renewed, *FIRST).code == 0
    assert standing(wgg) == "live"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"institution": "xmccb"}, "属于 xmccb"),
        ({"kind": "insurer"}, "类别"),
        ({"not_after": 2 * SECOND, "issued_at": SECOND}, "到期"),
        ({"counts": {"pass": 9, "fail": 1}}, "未通过"),
        ({"counts": {}}, "没有任何通过"),
    ],
)
def test_a_certificate_must_speak_for_it(wgg: Wgg, production: Path, fields: dict[str, Any], told: str) -> None:
    """Of this institution and kind, valid today, with nothing failed: else 3, and nothing is proposed."""
    refused = wgg("institution", "set", "fjbank", "--live", *show(production, **fields), *FIRST)
    assert (refused.code, told in refused.err) == (3, True), refused.err
    assert wgg("audit", "list", "--json").json[0]["action"] == "party.add"


def test_a_certificate_must_verify(wgg: Wgg, production: Path) -> None:
    """Altered, or signed by another key, it is none."""
    live = ("institution", "set", "fjbank", "--live", *show(production), *FIRST)
    path = production / "certificate.json"
    path.write_bytes(path.read_bytes().replace(b'"pass":9', b'"pass":8'))
    assert (wgg(*live).code, standing(wgg)) == (3, "registered")
    certify(production)
    (production / "sandbox.pub.pem").write_text(PrivateKey.generate().public.to_pem(), encoding="ascii")
    assert (wgg(*live).code, standing(wgg)) == (3, "registered")


def test_going_live_changes_nothing_else(wgg: Wgg, production: Path) -> None:
    """What two people agreed on is the certificate, and not a new name besides."""
    refused = wgg("institution", "set", "fjbank", "--live", "--name", "另一银行", *show(production), *FIRST)
    assert (refused.code, "单独" in refused.err) == (2, True)


def test_a_standing_changes_by_two_people(wgg: Wgg, production: Path) -> None:
    """Suspension, restoration and exit: on one decision, by two; another decision is another proposal."""
    go_live(wgg, production)
    for move, reached in (("suspend", "suspended"), ("restore", "live"), ("exit", "leaving")):
        before = standing(wgg)
        assert wgg("institution", move, "fjbank", *DECISION, *FIRST).code == 0
        assert wgg("institution", move, "fjbank", *DECISION, *FIRST).code == 3
        other = ("--decision", "另一文号", *DECISION[2:])
        assert wgg("institution", move, "fjbank", *other, *OTHER).code == 0
        assert standing(wgg) == before
        assert wgg("institution", move, "fjbank", *DECISION, "--reason", "复核", *OTHER).code == 0
        assert standing(wgg) == reached


def test_a_proposal_ends_with_the_change(wgg: Wgg, production: Path) -> None:
    """What was once carried out must be proposed anew."""
    go_live(wgg, production)
    for move in ("suspend", "restore"):
        for who in (FIRST, OTHER):
            assert wgg("institution", move, "fjbank", *DECISION, *who).code == 0
    assert wgg("institution", "suspend", "fjbank", *DECISION, *OTHER).code == 0
    assert standing(wgg) == "live"


@pytest.fixture
def onboarding(wgg: Wgg, production: Path) -> Callable[..., Ended]:
    """`wgg onboarding … fjbank …`, which must end with 0."""

    def call(name: str, *options: object, code: int = 0) -> Ended:
        ended = wgg("onboarding", name, "fjbank", *options)
        assert ended.code == code, ended.err
        return ended

    form, paper = production / "form.json", production / "paper.pdf"
    form.write_text(json.dumps(FORM, ensure_ascii=False), encoding="utf-8")
    paper.write_bytes(b"%PDF-1.7")
    call("apply", "--form", form)
    for material in MATERIALS:
        call("attach", "--material", material, "--file", paper)
    call("submit")
    for material in MATERIALS:
        call("check", "--material", material)
    call("complete")
    return call


def test_an_applicant_goes_live_by_its_application(
    wgg: Wgg, production: Path, onboarding: Callable[..., Ended]
) -> None:
    """In production as anywhere: window, certificate, two people; no way leads around it, nor around it back."""
    onboarding("open")
    refused = wgg("institution", "set", "fjbank", "--live", *show(production), *FIRST)
    assert (refused.code, "wgg onboarding go-live" in refused.err) == (3, True)
    onboarding("pass", *show(production, institution="xmccb"), code=3)
    onboarding("pass", *show(production))
    assert "另一名操作员" in onboarding("go-live", *FIRST).out
    onboarding("go-live", *FIRST, code=3)
    onboarding("go-live", *OTHER)
    assert standing(wgg) == "live"
    refused = wgg("institution", "suspend", "fjbank", *DECISION, *FIRST)
    assert (refused.code, "wgg onboarding suspend" in refused.err) == (3, True)
    for move, reached in (("suspend", "suspended"), ("restore", "live"), ("exit", "leaving")):
        for who in (FIRST, OTHER):
            onboarding(move, *DECISION, *who)
        assert standing(wgg) == reached
    onboarding("show", "--unmask", code=2)
    unmasked = wgg("onboarding", "show", "fjbank", "--unmask", "--reason", "约定测试时间", "--json").json
    assert unmasked["contact"] == FORM["contact"]
    assert wgg("audit", "list", "--json").json[0]["action"] == "onboarding.unmask"
    shown = onboarding("show")
    assert ("厦人社〔2026〕1号" in shown.out, "下一步" in shown.err) == (True, True)


def test_the_pinned_key_needs_not_be_named(
    wgg: Wgg, production: Path, onboarding: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the sandbox's key in the settings a certificate is enough, and one of another key is none."""
    onboarding("open")
    certificate = ("--certificate", certify(production))
    onboarding("pass", *certificate, code=3)
    monkeypatch.setenv("WGG_ONBOARDING__SIGNER_KEY_FILE", str(production / "nowhere.pem"))
    assert not _look(wgg)["测试证书"]
    monkeypatch.setenv("WGG_ONBOARDING__SIGNER_KEY_FILE", str(production / "sandbox.pub.pem"))
    other = production / "other.pub.pem"
    other.write_text(PrivateKey.generate().public.to_pem(), encoding="ascii")
    onboarding("pass", *certificate, "--public-key", other, code=3)
    onboarding("pass", *certificate)
    assert _look(wgg)["测试证书"]


def _look(wgg: Wgg) -> dict[str, bool]:
    return {row["check"]: row["ok"] for row in wgg("doctor", "--json").json}


@pytest.mark.usefixtures("production")
def test_nobody_acts_in_anothers_name(wgg: Wgg) -> None:
    """The gateway and the applicants stand for themselves in the history; a reason is one line of it."""
    for wrong in (("--operator", "gateway"), ("--operator", "applicant:fjbank"), ("--operator", " ")):
        assert wgg("onboarding", "withdraw", "fjbank", *wrong).code == 2
    assert wgg("onboarding", "withdraw", "fjbank", "--reason", "第一行\n第二行").code == 2


def test_what_cannot_be_attached_is_not_kept(wgg: Wgg, production: Path) -> None:
    """A scan handed in at the wrong time leaves no copy behind; an empty file is no paper."""
    form, scan = production / "form.json", production / "scan.pdf"
    form.write_text(json.dumps(FORM, ensure_ascii=False), encoding="utf-8")
    scan.write_bytes(b"an identity card")
    attach = ("onboarding", "attach", "fjbank", "--file", scan, "--material")
    assert wgg(*attach, "authorisation").code == 3
    assert wgg("onboarding", "apply", "fjbank", "--form", form).code == 0
    assert wgg(*attach, "passport").code == 3
    assert not [path for path in (production / "production" / "files").rglob("*") if path.is_file()]
    scan.write_bytes(b"")
    assert wgg(*attach, "authorisation").code == 3


def test_a_misspelt_member_of_the_form_is_named(wgg: Wgg, production: Path) -> None:
    """It would be lost without a word otherwise."""
    form = production / "form.json"
    form.write_text(json.dumps({**FORM, "thirdparty": "示例科技公司"}, ensure_ascii=False), encoding="utf-8")
    refused = wgg("onboarding", "apply", "fjbank", "--form", form)
    assert (refused.code, "/thirdparty" in refused.err) == (3, True)
