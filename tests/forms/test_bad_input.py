"""What cannot be printed is told; what is hostile is printed harmlessly."""

from __future__ import annotations

import pytest

from gateway.forms.errors import FormError
from gateway.forms.glyphs import make_printable
from gateway.forms.printing import Medium
from tests.forms.papers import make_view
from tests.forms.reading import Page, count_pages, read_pdf
from tests.forms.sheets import make_views, print_one

HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "typst": '#panic("x") #import "/etc/passwd" $a$ *粗* `raw` @ref \\ // 注 /* 释 */ [内容] #{1}',
    "template": "{{ 7*7 }}{% include 'x' %}{0}%s",
    "turned": "支付\u202e元001\u202c完\u2066x\u2069",
    "rare": "\U00020bb7野\U0002a6a5家\u9fa6",
    "long": "长" * 1900,
    "unbroken": "A" * 1900,
    "mixed": "A长" * 950,
    "lines": "第一行\n第二行\r\n第三行",
    "emoji": "工资😀\u05e9\u05dc\u05d5\u05dd",
}


def drop(*path):
    """A change of the data that removes one member."""

    def change(data):
        for name in path[:-1]:
            data = data[name]
        del data[path[-1]]

    return change


@pytest.mark.parametrize(
    ("form", "example", "path", "field", "pointer"),
    [
        ("8", ("payment.notice.v1", None), ("total", "fen"), "取款（付款）金额小写", "/data/total/fen"),
        ("8", ("payment.notice.v1", None), ("decision", "number"), "行政执法文书", "/data/decision/number"),
        ("2", ("deposit.notice.v1", None), ("issueDate",), "落款日期", "/data/issueDate"),
        ("6", ("guarantee.issued.v1", None), ("irrevocable",), "不可撤销", "/data/irrevocable"),
        (
            "13",
            ("deposit.exemption.v1", "small_contract"),
            ("contractAmount",),
            "施工合同额",
            "/data/contractAmount/fen",
        ),
    ],
)
def test_a_missing_field_is_named(form, example, path, field, pointer):
    """By its name on the form and its JSON pointer, in Chinese, with what to do."""
    view = make_view(*example, change=drop(*path))
    with pytest.raises(FormError) as caught:
        print_one(form, Medium.PDF, [view])
    assert (field, pointer) in [(missing.field, missing.pointer) for missing in caught.value.missing]
    assert f"附件{form}无法生成" in str(caught.value)
    assert f"缺少“{field}”（{example[0]} 的 {pointer}）" in str(caught.value)


def test_all_missing_fields_are_named_at_once():
    """Nobody has to try again to learn of the next one."""
    view = make_view("payment.notice.v1", change=lambda data: (data.pop("total"), data.pop("reason")))
    with pytest.raises(FormError) as caught:
        print_one("8", Medium.HTML, [view])
    assert {missing.field for missing in caught.value.missing} == {
        "取款（付款）原因",
        "取款（付款）金额大写",
        "取款（付款）金额小写",
    }


@pytest.mark.parametrize(
    ("form", "view"),
    [
        ("14", make_view("payment.notice.v1")),
        ("8", make_view("payment.application.v1")),
        ("12", make_view("deposit.exemption.v1", "small_contract")),
        ("13", make_view("deposit.exemption.v1")),
        ("6", make_view("guarantee.issued.v1", "insurer")),
    ],
)
def test_a_message_of_another_form_is_refused(form, view):
    """An unknown form, a message of another type, and the wrong one of two forms of a type."""
    with pytest.raises(FormError):
        print_one(form, Medium.HTML, [view])


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("form", ["8", "receipt"])
def test_hostile_text_is_only_text(case, form):
    """Markup of any language, turned lines, long words and rare characters stand on the paper as they are named."""
    text = HOSTILE[case]

    def change(data):
        data["reason"] = text
        data["payees"][0]["name"] = text[:200]

    views = [make_view("payment.notice.v1", change=change)]
    printed = print_one(form, Medium.PDF, views).content
    wanted = make_printable(text).replace("\n", "").replace(" ", "")
    found = read_pdf(printed)
    # What goes on over a page has the foot and head of the pages between.
    assert found.count(wanted[0]) >= wanted.count(wanted[0]) if len(text) > 1000 else wanted in found, case
    assert count_pages(printed) <= 8
    page = Page(print_one(form, Medium.HTML, views).content)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "link", "object"}
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not any(control in page.text for control in "\u202e\u202c\u2066\u2069")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("\U00020bb7", "〔U+20BB7〕"),
        ("\u202e", "〔U+202E〕"),
        ("\u200b\ufeff\x07", "〔U+200B〕〔U+FEFF〕〔U+0007〕"),
        ("张三（项目部）￥1.00　《条例》第5条", "张三（项目部）￥1.00　《条例》第5条"),
        ("㐂䶮龘", "㐂䶮龘"),
    ],
)
def test_what_has_no_glyph_is_named(text, printed):
    """A character outside the printed fonts, or one that nobody sees, stands as its code."""
    assert make_printable(text) == printed


def test_a_sheet_asks_for_nothing_outside():
    """No address is loaded, no script runs: only text, styles of its own and the code as a drawing."""
    for form in ("1", "8", "guarantee", "receipt"):
        page = Page(print_one(form, Medium.HTML).content)
        names = {name for _, attributes in page.tags for name in attributes}
        assert not names & {"src", "href", "srcset", "action", "background", "data"}
        assert "script" not in {tag for tag, _ in page.tags}
        assert b"url(" not in print_one(form, Medium.HTML).content


def test_many_payees_go_on_over_pages():
    """Three hundred payees are listed, each with account and amount, under repeated heads."""

    def change(data):
        first = data["payees"][0]
        data["payees"] = [
            first | {"payeeId": str(number), "name": f"工人{number}", "account": f"62220000{number:08}"}
            for number in range(300)
        ]

    printed = print_one("8", Medium.PDF, [make_view("payment.notice.v1", change=change)]).content
    text = read_pdf(printed)
    assert all(f"62220000{number:08}" in text for number in (0, 150, 299))
    assert "等300项（见清单）" in text
    assert count_pages(printed) > 5


def test_a_body_that_is_gone_has_a_receipt_still():
    """After a purge no form can be made; the receipt says so and keeps digest and id."""
    from dataclasses import replace

    view = make_views("8")[0]
    purged = replace(view, message=replace(view.message, body=b""))
    with pytest.raises(FormError, match="已按保存期限清除"):
        print_one("8", Medium.PDF, [purged])
    text = read_pdf(print_one("receipt", Medium.PDF, [purged]).content)
    assert view.message.digest in text
    assert "正文已按保存期限清除" in text
    assert "签名不再复核" in text
    assert "签名无效" not in text
