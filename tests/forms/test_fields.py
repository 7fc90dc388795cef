"""Every field of every form stands on the paper, by name and with its value, as PDF and as HTML."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest

from gateway.catalogue.forms_table import read_forms
from gateway.forms.layouts import load_layouts
from gateway.forms.members import find_values
from gateway.forms.printing import Medium
from tests.forms.papers import make_view
from tests.forms.reading import Page, read_pdf, squeeze
from tests.forms.sheets import FILLED, make_views, print_one

OFFICIAL = {str(form.number): form for form in read_forms()}


def write_plainly(pointer, value):
    """A value as the form should show it, worked out without the printer; None where only a box tells it."""
    name = pointer.rpartition("/")[2]
    if isinstance(value, (bool, list)) or name in {"way", "result", "ground", "kind", "ending", "projectOrdinal"}:
        return None
    if name == "fen":
        return f"{value // 100:,}.{value % 100:02}"
    if name == "ratioPermyriad":
        return f"{value / 100:g}%"
    try:
        day = date.fromisoformat(str(value)[:10])
    except ValueError:
        return str(value)
    return f"{day.year}年{day.month}月{day.day}日"


@pytest.fixture(scope="module", params=list(FILLED))
def printed(request):
    """One sheet in both media, as text without blanks."""
    views = make_views(request.param)
    pdf = read_pdf(print_one(request.param, Medium.PDF, views).content)
    html = Page(print_one(request.param, Medium.HTML, views).content).text
    return request.param, views, {"pdf": pdf, "html": html}


@pytest.mark.parametrize("medium", ["pdf", "html"])
def test_every_field_is_printed(printed, medium):
    """Each official field's name and each value that its messages carry can be read off the sheet."""
    form, views, texts = printed
    text = texts[medium]
    documents = {view.message.type: json.loads(view.message.body)["data"] for view in views}
    for name, places in OFFICIAL[form].fields if form in OFFICIAL else ():
        values = [
            write_plainly(place.pointer, value)
            for place in places
            for value in find_values(documents.get(place.type), place.pointer)
        ]
        for value in filter(None, values):
            assert squeeze(value) in text, (form, name, value)
    assert squeeze(load_layouts()[form].title if form in load_layouts() else "报文受理凭证") in text


@pytest.mark.parametrize("medium", ["pdf", "html"])
def test_the_evidence_is_printed(printed, medium):
    """Id, digest and verdict of each message, the number of the form and the address to verify at."""
    form, views, texts = printed
    text = texts[medium]
    for view in views:
        assert squeeze(f"{view.message.source}/{view.message.id}") in text
        assert view.message.digest in text
    assert "签名有效" in text
    assert "https://gz.example.gov.cn/verify?source=" in text
    if form.isdigit():
        assert f"附件{form}" in text


@pytest.mark.parametrize("form", OFFICIAL)
def test_every_official_name_is_on_the_layout(form):
    """A layout shows each field of its form under the form's own name; none is only in the running text."""
    shown = set()
    for block in load_layouts()[form].blocks:
        for row in block.get("rows", ()):
            shown |= {row["label"], *_names_in(row["lines"])} if isinstance(row, dict) else set(row)
        shown |= set(block.get("items", {}).get("columns", ()))
        for sign in block.get("signs", ()):
            shown |= {sign["who"], *sign.get("also", ()), *([sign["when"]] if "when" in sign else [])}
    assert {name for name, _ in OFFICIAL[form].fields} - shown == set()


def _names_in(lines):
    """Boxes carry the words of their field."""
    texts = [line if isinstance(line, str) else line["text"] for line in lines]
    return {
        name for name, _ in (item for form in OFFICIAL.values() for item in form.fields) for t in texts if name in t
    }


def test_amounts_stand_in_figures_and_words():
    """An amount that the form asks for once is written both ways."""
    text = read_pdf(print_one("11", Medium.PDF).content)
    amount = json.loads(make_views("11")[0].message.body)["data"]["arrears"]["amount"]["fen"]
    from gateway.core.money import write_words

    assert f"￥{amount // 100:,}.{amount % 100:02}元（人民币{write_words(amount)}）" in text


def test_a_declaration_without_its_review_leaves_the_opinion_blank():
    """The county's and the city's columns wait for them; the form is printed all the same."""
    views = make_views("1")[:1]
    text = read_pdf(print_one("1", Medium.PDF, views).content)
    assert "审核人签字／" in text
    assert "□免缴" in text


def test_boxes_follow_the_message():
    """Only what the message says is ticked."""
    text = read_pdf(print_one("9", Medium.PDF).content)
    assert "■工程完工" in text
    assert "□被认定为无欠薪标杆项目" in text


def test_each_payee_keeps_its_own_number():
    """A payee without an id number has a stroke in its row; the next one's does not move up to it."""
    person = {"payeeId": "P2", "name": "李示例", "idNumber": "350203199002020022"}

    def turn(data):
        first, second = data["payees"]
        company = {key: value for key, value in second.items() if key != "idNumber"}
        data["payees"] = [company | {"payeeId": "P1"}, first | person]

    view = make_view("payment.notice.v1", "special", change=turn)
    page = print_one("8", Medium.HTML, [view]).content.decode()
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in page.split("支付对象清单")[1].split("<tr>")[2:4]]
    assert "350203199002020022" not in rows[0]
    assert "／" in rows[0]
    assert rows[1][:3] == ["2", "李示例", "350203199002020022"]


def test_a_special_ground_is_told_in_words():
    """No code of an enumeration stands on a form."""
    text = read_pdf(print_one("8", Medium.PDF).content)
    assert "festival" not in text
    assert "元旦、春节前后" in text
