"""Forms printed from stored messages: which form a message fills, one form, or all forms of a set of messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from gateway.catalogue import Catalogue, load_areas, load_catalogue
from gateway.core.area import Area
from gateway.core.masking import mask_document
from gateway.core.party import Directory
from gateway.forms.errors import FormError
from gateway.forms.evidence import describe_paper, draw_code, list_files, list_related, make_link, make_mark
from gateway.forms.filling import Filling
from gateway.forms.layouts import Layout, load_layouts
from gateway.forms.members import find_values
from gateway.forms.receipts import TITLE, lay_out_receipt
from gateway.forms.setting import set_html, set_pdf
from gateway.forms.sheets import Block, check_choice, lay_out
from gateway.ports import MessageView

RECEIPT: Final = "receipt"
_CITY: Final = slice(0, 4)


class Medium(StrEnum):
    """What a sheet is printed as; the value is the ending of its file."""

    PDF = "pdf"
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One printed sheet. `name` is a safe ASCII file name; `form` "1" to "13", "guarantee" or "receipt"."""

    name: str
    form: str
    title: str
    content: bytes


class Printer:
    """Prints sheets of messages as the store gives them; the keys of `directory` decide the verdicts on signatures.

    `verify_base` is the address of the verify page's site; `masked` hides what domain section 7 names.
    """

    def __init__(self, directory: Directory, *, verify_base: str, masked: bool = False) -> None:
        self._directory = directory
        self._base = verify_base
        self._masked = masked
        self._catalogue, self._areas = _load_books()

    def print_form(self, form: str, lead: MessageView, views: Sequence[MessageView], medium: Medium) -> Printed:
        """One form made of the message `lead`; `views` are others of its business, for forms of several messages.

        Raises FormError: an unknown form, a message of another type, or fields that are missing, all named at once.
        """
        if form == RECEIPT:
            return self._set(form, self._describe_receipt(lead), lead, medium)
        layout = find_layout(form)
        return self._set(form, self._describe_form(layout, lead, views), lead, medium)

    def print_all(self, views: Sequence[MessageView], medium: Medium, *, receipts: bool = False) -> Iterator[Printed]:
        """Every form that these messages fill, in their order; with `receipts` a receipt for each message besides.

        A message whose form cannot be printed gets a receipt instead: nothing that was sent stays unprinted.
        """
        failed: set[tuple[str, str]] = set()
        for view in views:
            for form in forms_of(view):
                try:
                    yield self.print_form(form, view, views, medium)
                except FormError:
                    failed.add(view.message.key)
            if receipts or view.message.key in failed:
                yield self.print_form(RECEIPT, view, views, medium)

    def _describe_form(self, layout: Layout, lead: MessageView, views: Sequence[MessageView]) -> dict[str, Any]:
        if lead.message.type != layout.leads:
            raise FormError(f"{layout.name or layout.title}由 {layout.leads} 生成，而这份报文是 {lead.message.type}。")
        papers = {view.message.type: view for view in _latest(layout, lead, views)}
        documents = {type_: self._read(view) for type_, view in papers.items()}
        data = documents[layout.leads]
        if data is None:
            raise FormError(f"{lead.message.id} 的正文已按保存期限清除，只能打印受理凭证（--form receipt）。")
        check_choice(layout, data)
        blocks = lay_out(layout, Filling(layout, documents, self._catalogue))
        sheet = self._describe(lead, list(papers.values()), data)
        related = list_related(views, layout.related, self._catalogue)
        title = self._city(layout, data) + layout.title
        return sheet | {"name": layout.name, "title": title, "blocks": blocks, "related": related}

    def _describe_receipt(self, view: MessageView) -> dict[str, Any]:
        data = self._read(view)
        blocks = lay_out_receipt(view, data, self._catalogue)
        return self._describe(view, [view], data) | {"name": "", "title": TITLE, "blocks": blocks, "related": []}

    def _describe(self, lead: MessageView, papers: Sequence[MessageView], data: Any) -> dict[str, Any]:
        """What every sheet has: the evidence behind it."""
        link = make_link(self._base, lead, read_data(lead))
        return {
            "subject": lead.message.subject,
            "id": f"{lead.message.source} / {lead.message.id}",
            "masked": self._masked,
            "mark": make_mark(lead, self._directory),
            "papers": [describe_paper(view, self._directory, self._catalogue) for view in papers],
            "files": list_files(data),
            "link": link,
            "code": draw_code(link),
        }

    def _set(self, form: str, sheet: Mapping[str, Any], lead: MessageView, medium: Medium) -> Printed:
        content = set_html(sheet) if medium is Medium.HTML else set_pdf(sheet)
        kind = f"form-{int(form):02}" if form.isdigit() else form
        name = f"{kind}-{lead.message.source}-{lead.message.id}.{medium.value}"
        return Printed(name=name, form=form, title=sheet["title"], content=content)

    def _read(self, view: MessageView) -> dict[str, Any] | None:
        """The payload, masked where asked; None where it is kept no longer."""
        data = read_data(view)
        return mask_document(data) if data is not None and self._masked else data

    def _city(self, layout: Layout, data: Mapping[str, Any]) -> str:
        """The name of the city whose form it is, by the division code in the message; empty where it is not known."""
        codes = [str(code) for code in find_values(data, layout.place)] if layout.place else []
        area = self._areas.get(codes[0][_CITY] + "00") if codes else None
        return area.name if area else ""


@cache
def _load_books() -> tuple[Catalogue, Mapping[str, Area]]:
    """The catalogue and the areas, once a process: they are files of the program and take a second to check."""
    return load_catalogue(), load_areas()


def read_data(view: MessageView) -> dict[str, Any] | None:
    """The payload of a stored message; None where its body is kept no longer."""
    try:
        data = json.loads(view.message.body)["data"]
    except (ValueError, KeyError, TypeError):
        return None
    return data if isinstance(data, dict) else None


def find_layout(form: str) -> Layout:
    """The layout of a form by its key; FormError for none."""
    layout = load_layouts().get(form)
    if layout is None:
        raise FormError(f"没有表“{form}”，可选：{'、'.join(load_layouts())}、{RECEIPT}。")
    return layout


def forms_of(view: MessageView) -> list[str]:
    """The forms that this message leads, by key: none for most types."""
    data = read_data(view) or {}
    return [
        layout.key for layout in load_layouts().values() if layout.leads == view.message.type and _fits(layout, data)
    ]


def choose_form(view: MessageView) -> str:
    """The form that a message is printed as unless another is asked for: its own, else a receipt."""
    return next(iter(forms_of(view)), RECEIPT)


def find_leads(form: str) -> str | None:
    """The message type that a form is made of; None for a receipt, which any message has. FormError for no form."""
    return None if form == RECEIPT else find_layout(form).leads


def _fits(layout: Layout, data: Mapping[str, Any]) -> bool:
    return all(any(value in words for value in find_values(data, at)) for at, words in layout.when.items())


def _latest(layout: Layout, lead: MessageView, views: Sequence[MessageView]) -> Iterator[MessageView]:
    """The leading message and, of each other type that the form draws on, the latest of the same business."""
    yield lead
    others = sorted(views, key=lambda view: view.message.received_at)
    for type_ in layout.types[1:]:
        yield from [
            view for view in others if view.message.type == type_ and view.message.subject == lead.message.subject
        ][-1:]


def list_sheets(catalogue: Catalogue) -> list[Block]:
    """Every sheet that can be printed: key, name, title and the messages that it is made of."""
    rows = [
        {
            "form": layout.key,
            "name": layout.name or "凭证",
            "title": layout.title,
            "types": list(layout.types),
            "messages": [catalogue.row(type_).title for type_ in layout.types],
        }
        for layout in load_layouts().values()
    ]
    return [*rows, {"form": RECEIPT, "name": "凭证", "title": TITLE, "types": ["*"], "messages": ["任何报文"]}]
