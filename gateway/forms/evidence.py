"""What stands below every sheet: which messages it was made of, their digests, and whether their signatures hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlencode

import segno

from gateway.catalogue import Catalogue
from gateway.core.party import Directory
from gateway.forms.members import write_time
from gateway.forms.sheets import Block
from gateway.forms.verdicts import Verdict, judge_message, judge_receipt
from gateway.ports import MessageView

_STATUS: Final = {"ACCEPTED": "已签收", "REFUSED": "已拒收"}


def describe_paper(view: MessageView, directory: Directory, catalogue: Catalogue) -> Block:
    """One message behind the sheet: what it is, its digest, and the verdicts on its signatures."""
    message, verdict = view.message, judge_message(view, directory)
    return {
        "title": catalogue.row(message.type).title,
        "good": verdict.good or verdict.purged,
        "verdict": f"签名{verdict.word}",
        "digest": message.digest,
        "lines": [
            {"label": "报文标识", "value": f"{message.source} / {message.id}"},
            {"label": "受理", "value": f"{write_time(message.received_at)}，回执号 {message.receipt_no}"},
            {"label": "发送方签名", "value": _tell(verdict, directory, message.source)},
            *_describe_receipt(view, directory),
        ],
    }


def _describe_receipt(view: MessageView, directory: Directory) -> Iterator[Block]:
    verdict = judge_receipt(view, directory)
    if verdict is not None and view.proof is not None:
        status = _STATUS.get(view.proof.status, view.proof.status)
        told = _tell(verdict, directory, view.message.recipient)
        yield {"label": "接收方回执", "value": f"{status}，{write_time(view.proof.at)}；签名{told}"}


def _tell(verdict: Verdict, directory: Directory, owner: str) -> str:
    party = directory.find_party(owner)
    who = f"{owner}（{party.name}）" if party else owner
    reason = "" if verdict.good else f"：{verdict.text}"
    return f"{verdict.word}{reason}；{who}，公钥 {verdict.serial_no or '不明'}"


def make_mark(view: MessageView, directory: Directory) -> Block:
    """What stands in the place of the seal."""
    message, verdict = view.message, judge_message(view, directory)
    party = directory.find_party(message.source)
    return {
        "good": verdict.good,
        "text": f"电子签名{verdict.word}",
        "by": party.name if party else message.source,
        "serial": verdict.serial_no[:16],
        "time": write_time(message.received_at),
    }


def list_files(data: Any) -> list[Block]:
    """Every file that a payload names, with its digest."""
    found: dict[str, Block] = {}
    for file in _find_files(data):
        found.setdefault(file["digest"], {"name": str(file.get("name", "（未命名）")), "digest": file["digest"]})
    return list(found.values())


def _find_files(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if {"digest", "mediaType"} <= value.keys():
            yield value
        for inner in value.values():
            yield from _find_files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _find_files(inner)


def list_related(views: Sequence[MessageView], types: Sequence[str], catalogue: Catalogue) -> list[Block]:
    """The messages of these types, oldest first."""
    wanted = sorted((view.message for view in views if view.message.type in types), key=lambda m: m.received_at)
    return [
        {
            "time": write_time(message.received_at),
            "title": catalogue.row(message.type).title,
            "id": f"{message.source} / {message.id}",
            "digest": message.digest,
        }
        for message in wanted
    ]


def make_link(base: str, view: MessageView, data: Mapping[str, Any] | None) -> str:
    """The address of the verify page for this message, and for its guarantee where it names one."""
    message = view.message
    asked = {"source": message.source, "id": message.id, "digest": message.digest}
    number = (data or {}).get("guaranteeNo")
    return f"{base.rstrip('/')}/verify?{urlencode(asked | ({'guaranteeNo': number} if number else {}))}"


def draw_code(text: str) -> str:
    """A QR code as SVG without an XML declaration; the same text gives the same bytes."""
    drawn = BytesIO()
    # One mask for all: trying the eight of them costs more than the rest of the sheet, and readers take any.
    segno.make(text, error="m", mask=2, micro=False).save(
        drawn, kind="svg", border=2, xmldecl=False, svgns=True, nl=False
    )
    return drawn.getvalue().decode("ascii")
