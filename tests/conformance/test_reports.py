from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from gateway.catalogue.places import SCHEMAS
from gateway.conformance.case_reading import load_cases
from gateway.conformance.certifying import certify
from gateway.conformance.face import Refused
from gateway.conformance.identity import digest_kit
from gateway.conformance.practice import Stored, find_failed, judge_folder
from gateway.conformance.reports import keep_reports
from gateway.core.certificate import CertificateInvalid, check_certificate
from gateway.crypto.certificates import verify_certificate
from gateway.crypto.keys import PrivateKey
from gateway.simulator.defects import DEFECTS
from tests.conformance.defective import IMPATIENT, seated
from tests.conformance.play import KEY, examine, honest, now, write_handshake

CASES = ("first-answer", "push-refuse-raw", "refuse-gbk", "answer-cut")


@pytest.fixture
async def stored(tmp_path: Path) -> Stored:
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat:
        return await examine(seat, tmp_path / "kit", selected=CASES)


def test_json(stored: Stored) -> None:
    """report.json and what is printed fit the published schema, and every assertion points at its exchange."""
    schema = json.loads((SCHEMAS / "conformance" / "report.schema.json").read_text(encoding="utf-8"))
    printed = keep_reports(stored, load_cases())
    whole = json.loads((stored.folder / "report.json").read_text(encoding="utf-8"))
    for document in (printed, whole):
        jsonschema.validate(document, schema)
    numbers = {exchange["number"] for exchange in whole["exchanges"]}
    assertions = [item for case in whole["cases"] for item in case["assertions"]]
    assert {item["exchange"] for item in assertions} <= numbers
    assert all(exchange["request"]["signedString"] for exchange in whole["exchanges"] if exchange["way"] == "push")


def test_lines_reproduce(stored: Stored) -> None:
    """The openssl line of a good answer verifies it, from the run's folder and with nothing else."""
    keep_reports(stored, load_cases())
    whole = json.loads((stored.folder / "report.json").read_text(encoding="utf-8"))
    lines = [item["openssl"] for item in whole["exchanges"] if item["case"] == "first-answer"]
    assert len(lines) == 2
    for line in lines:
        done = subprocess.run(line.split(), cwd=stored.folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, "Verified OK"), done.stderr
    curls = [item["curl"] for item in whole["exchanges"]]
    files = {name for curl in curls for name in re.findall(r"@(files/[0-9]+\.body)", curl)}
    assert files
    assert all((stored.folder / name).is_file() for name in files)


async def test_refused_calls_are_summed_up(tmp_path: Path) -> None:
    """Why a call of the institution's was refused is told at once and stands in the report, with its diagnosis."""
    told: list[object] = []
    async with seated(DEFECTS["sign-missing-last-lf"], "push", tmp_path / "ledger.jsonl") as seat:
        fields = {"institution": "fjbank", "bounds": IMPATIENT, "selected": ("first-answer",)}
        stored = await examine(seat, tmp_path / "kit", tell=told.append, **fields)
    printed = keep_reports(stored, load_cases())
    (refusal,) = printed["refusals"]
    assert refusal["code"] == "SIGNATURE_INVALID"
    assert refusal["text"].startswith("GET /v1/keys：")
    assert "最后一行" in refusal["text"]
    assert [item for item in told if isinstance(item, Refused)] == [Refused(code=refusal["code"], text=refusal["text"])]
    page = (stored.folder / "report.html").read_text(encoding="utf-8")
    assert f"首次见第 {refusal['exchange']} 次往来" in page


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        self.links |= {str(values[name]) for name in ("src", "href") if name in values}
        self.anchors |= {str(values["id"])} if "id" in values else set()


def test_html(stored: Stored) -> None:
    """The page stands alone: no script, no outside asset, every link leads to a place in it."""
    keep_reports(stored, load_cases())
    page = Page()
    text = (stored.folder / "report.html").read_text(encoding="utf-8")
    page.feed(text)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    assert "url(" not in text
    assert page.links
    assert {link[1:] for link in page.links} <= page.anchors
    assert "@media print" in text


def test_hostile_text_in_html(stored: Stored) -> None:
    """What an institution wrote is shown, never run."""
    file = stored.folder / "exchanges.jsonl"
    written = file.read_text(encoding="utf-8").replace('\\"status\\":\\"ACCEPTED\\"', "<script>alert(1)</script>")
    file.write_text(written, encoding="utf-8")
    again = judge_folder(stored.folder, load_cases())
    keep_reports(again, load_cases())
    text = (stored.folder / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert again.verdict.verdict == "fail"


def test_junit(stored: Stored) -> None:
    """junit.xml is well-formed and counts one test case a case."""
    keep_reports(stored, load_cases())
    suite = ET.parse(stored.folder / "junit.xml").getroot()
    assert suite.get("failures") == "0"
    assert len(suite.findall("testcase")) == len(stored.verdict.judgements) == len(CASES) + 1


async def test_compared_and_failed_again(tmp_path: Path) -> None:
    """A run is compared with the one before it, and tells which cases to run again."""
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat:
        first = await examine(seat, tmp_path / "kit", selected=("first-answer",))
        exchanges = first.folder / "exchanges.jsonl"
        lines = exchanges.read_text(encoding="utf-8").splitlines(keepends=True)
        exchanges.write_text("".join(line for line in lines if '"step":"result"' not in line), encoding="utf-8")
        failed = find_failed(judge_folder(first.folder, load_cases()))
        second = await examine(seat, tmp_path / "kit", selected=failed)
    assert failed == ("first-answer",)
    report = keep_reports(second, load_cases())
    assert report["comparedWith"] == first.run.id
    assert report["changes"] == [{"id": "first-answer", "before": "fail", "after": "pass"}]


async def test_certificate(tmp_path: Path) -> None:
    """A passed official run of all cases earns a certificate of the deployment's key; practice earns none."""
    gateway = PrivateKey.generate()
    fields = {"cases": write_handshake(tmp_path / "cases"), "institution": "fjbank", "gateway_key": gateway}
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat:
        passed = await examine(seat, tmp_path / "kit", official=True, **fields)
        practised = await examine(seat, tmp_path / "kit", **fields)
    certificate = verify_certificate(certify(passed, gateway, now=now(), days=30), gateway.public)
    check_certificate(certificate, institution="fjbank", kind="bank", now=now(), kit_digest=digest_kit(fields["cases"]))
    assert (certificate.institution_serial, certificate.profile) == (KEY.serial_no, "bank/push")
    with pytest.raises(CertificateInvalid, match="正式"):
        certify(practised, gateway, now=now(), days=30)
