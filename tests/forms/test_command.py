"""`wgg forms list|render` over a home with stored messages."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.effects import Effects
from gateway.core.intake import Draft, Item, Nonce
from gateway.store import open_store
from tests.forms.papers import NOW, make_view
from tests.forms.reading import Page, read_pdf

ORDER = "DD3502002026000001"


@pytest.fixture
def filed(home):
    """A home that holds a declaration, its review, a guarantee and a payment notice of one case."""
    views = [
        make_view("deposit.declaration.v1", id="d1"),
        make_view("deposit.review.v1", id="r1"),
        make_view("guarantee.application.v1", id="a1"),
        make_view("guarantee.issued.v1", id="g1"),
        make_view("payment.notice.v1", id="n1"),
    ]
    asyncio.run(keep(home, [view.message for view in views]))
    return home


async def keep(home, messages):
    store = open_store(f"sqlite:///{home}/gateway.db")
    items = [
        Item(
            nonce=Nonce(serial_no="AB" * 20, value=f"nonce{number:020d}"),
            at=NOW,
            draft=Draft(message=message, refusal=None, plan=lambda held: Effects(order=held.order)),
        )
        for number, message in enumerate(messages)
    ]
    await store.accept(items)
    await store.close()


def test_the_sheets_are_listed(wgg):
    """Thirteen forms, the guarantee and the receipt, with what they are made of."""
    rows = wgg("forms", "list", "--json").json
    assert [row["form"] for row in rows] == [*map(str, range(1, 14)), "guarantee", "receipt"]
    assert rows[0]["types"] == ["deposit.declaration.v1", "deposit.review.v1"]
    assert "支付通知书" in wgg("forms", "list").out


def test_a_message_is_printed_as_its_form(wgg, filed, tmp_path):
    """Found by its id alone; what was printed, by whom and why stands in the audit log."""
    target = tmp_path / "notice.pdf"
    ended = wgg(
        "forms", "render", "--message", "n1", "-o", target, "--operator", "王示例", "--reason", "归档", "--json"
    )
    assert ended.code == 0, ended.err
    assert (ended.json["form"], ended.json["message"]) == ("8", "n1")
    assert "6222000000000000001" in read_pdf(target.read_bytes())
    newest = wgg("audit", "list", "--json").json[0]
    assert (newest["actor"], newest["action"], newest["about"], newest["reason"]) == (
        "王示例",
        "message.print",
        "platform/n1",
        "归档",
    )


def test_a_case_is_found_by_its_order(wgg, filed, tmp_path):
    """The declaration of the case that the order's application names, with its review."""
    target = tmp_path / "declaration.html"
    ended = wgg("forms", "render", "--form", "1", "--order", ORDER, "-o", target)
    assert ended.code == 0, ended.err
    text = Page(target.read_bytes()).text
    assert "■核定存储" in text
    assert "platform/r1" in text


BAD = [
    (["--message", "none", "-o", "x.pdf"], 5, "没有 id 为 none"),
    (["--message", "n1", "-o", "x.doc"], 2, "扩展名"),
    (["-o", "x.pdf"], 2, "二者取一"),
    (["--message", "n1", "--order", ORDER, "-o", "x.pdf"], 2, "二者取一"),
    (["--order", ORDER, "-o", "x.pdf"], 2, "--form"),
    (["--form", "14", "--order", ORDER, "-o", "x.pdf"], 3, "没有表“14”"),
    (["--form", "11", "--order", ORDER, "-o", "x.pdf"], 5, "没有能生成此表的报文"),
    (["--form", "2", "--message", "n1", "-o", "x.pdf"], 3, "附件2由 deposit.notice.v1 生成"),
]


def test_what_cannot_be_printed_is_told(wgg, filed):
    """Usage, absence and forms that do not fit end with their codes, and nothing is written."""
    for arguments, code, told in BAD:
        target = filed / arguments[-1]
        ended = wgg("forms", "render", *arguments[:-1], target)
        assert (ended.code, told in ended.err) == (code, True), ended.err
        assert not target.exists()
