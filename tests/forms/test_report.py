"""`wgg report` as JSON, CSV and one page of charts."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace

import pytest

from gateway.forms.charts import Series, draw_bars
from tests.forms.papers import NOW, make_view
from tests.forms.reading import Page
from tests.forms.test_command import keep

PERIOD = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture
def busy(home):
    """A home with an application, a rejection and a payment notice."""
    views = [
        make_view("guarantee.application.v1", id="a1"),
        make_view("order.status.v1", "rejected", id="s1"),
        make_view("payment.notice.v1", id="n1"),
        make_view("guarantee.application.v1", id="a0"),
    ]
    messages = [view.message for view in views]
    asyncio.run(keep(home, [*messages[:3], replace(messages[3], received_at=NOW - 60 * 86_400_000_000)]))
    return home


def test_the_three_forms_tell_the_same(wgg, busy, tmp_path):
    """Counts of the period, as JSON for programs, CSV for spreadsheets and a page for people."""
    report = wgg("report", *PERIOD, "--by", "month,institution").json
    assert (report["total"]["applied"], report["total"]["rejected"], report["total"]["claimed"]) == (1, 1, 1)
    assert report["rows"][0]["month"] == "2026-11"
    target = tmp_path / "report.csv"
    assert wgg("report", *PERIOD, "-o", target).code == 0
    text = target.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    heads, *rows, total = csv.reader(io.StringIO(text.decode("utf-8-sig")))
    assert total[0] == "合计"
    assert total[heads.index("申请")] == rows[0][heads.index("申请")] == "1"
    page = tmp_path / "report.html"
    assert wgg("report", *PERIOD, "-o", page).code == 0
    content = page.read_bytes()
    read = Page(content)
    tags = {tag for tag, _ in read.tags}
    assert "svg" in tags
    assert not tags & {"script", "link", "img", "iframe"}
    assert "2026-11-01至2026-11-30（含）" in read.text
    for secret in ("13800000001", "6222000000000000001", "福建示例建设工程有限公司", "40,000.00"):
        assert secret not in content.decode()
        assert secret not in text.decode("utf-8-sig")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "2026-11-30", "--to", "2026-11-01"),
        ("--from", "2026-11-31", "--to", "2026-11-30"),
        (*PERIOD, "--by", "colour"),
        (*PERIOD, "-o", "report.doc"),
    ],
)
def test_what_is_asked_wrongly_is_told(wgg, tmp_path, arguments):
    """A period that ends before it begins, no such day, dimension or form: usage faults, before anything is read."""
    ended = wgg("report", "--home", tmp_path, *arguments)
    assert ended.code == 2
    assert ended.err


def test_bars_stand_within_their_axis():
    """No bar is higher than the axis, the largest is told, and an empty chart says so."""
    chart = draw_bars("x", ["甲", "乙"], [Series(title="申请", values=[3, 0]), Series(title="开立", values=[9, 1])])
    assert all(bar["y"] >= 0 and bar["y"] + bar["height"] == pytest.approx(180) for bar in chart["bars"])
    assert chart["ticks"][-1]["text"] == "12"
    assert not chart["empty"]
    assert draw_bars("x", [], [])["empty"]


def test_the_term_stands_behind_its_last_day():
    """The dashed line is drawn between the last day of the term and the next; beyond the chart, not at all."""
    days = [str(day) for day in range(12)]
    chart = draw_bars("x", days, [Series(title="办结", values=[1] * 12)], limit=10)
    assert chart["labels"][10]["x"] < chart["limit"] < chart["labels"][11]["x"]
    assert draw_bars("x", days, [Series(title="办结", values=[1] * 12)], limit=12)["limit"] is None
