"""The page of the public authenticity check: no script, no outside asset, printable, readable on a phone."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache, cached_property
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

import yaml

from gateway.core.errors import Problem
from gateway.forms.glyphs import make_visible
from gateway.forms.layouts import TEMPLATES
from gateway.forms.templating import load_template

_OTHER: Final = {"zh": "en", "en": "zh"}


class VerifyPage:
    """Writes the page in Chinese or English; its only style is the one that `policy` names by digest."""

    @cached_property
    def policy(self) -> str:
        """The Content-Security-Policy."""
        digest = base64.b64encode(sha256(_read_style().encode()).digest()).decode()
        bounds = "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        return f"default-src 'none'; style-src 'sha256-{digest}'; {bounds}"

    def write(
        self,
        *,
        language: str,
        given: Mapping[str, str],
        answer: Mapping[str, Any] | None,
        problem: Problem | None,
    ) -> bytes:
        """The page as bytes. `given` has every field, empty where nothing was typed."""
        texts = _read_texts()[language]
        shown = {name: make_visible(text) for name, text in given.items()}
        faults = {error.pointer.lstrip("/"): error.message for error in problem.errors} if problem else {}
        if "source" in faults:
            faults.setdefault("id", faults.pop("source"))
        other = _OTHER[language]
        asked = {name: text for name, text in shown.items() if text}
        page = load_template("verify.html").render(
            language="zh-CN" if language == "zh" else language,
            code=language,
            style=_read_style(),
            texts=texts,
            given=shown,
            faults=faults,
            trouble=problem.message if problem and not faults else "",
            answer=answer,
            rows=_list_rows(answer, texts) if answer else [],
            headline=_write_headline(answer, texts) if answer else "",
            bad=answer is not None and _is_bad(answer),
            other={"language": other, "link": f"?{urlencode(asked | {'lang': other})}"},
        )
        return page.encode()


def _list_rows(answer: Mapping[str, Any], texts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is told of a paper that was found, label and value."""
    paper, names = answer["paper"], texts["rows"]
    rows = [(names["checkedTime"], _write_time(answer["checkedTime"]))]
    if paper is None:
        return rows
    told = {
        "title": paper["title"],
        "guaranteeNo": paper["guaranteeNo"],
        "sourceName": f"{paper['sourceName']}（{paper['source']}）",
        "receivedTime": _write_time(paper["receivedTime"]),
        "receiptNo": paper["receiptNo"],
        "matched": texts["matched"][paper["matched"]],
        "validTo": answer["validTo"],
        "standing": texts["standings"].get(answer["standing"]),
    }
    return [(names[name], make_visible(value)) for name, value in told.items() if value] + rows


def _write_headline(answer: Mapping[str, Any], texts: Mapping[str, Any]) -> str:
    """The verdict in a few words, the standing behind it."""
    word = texts["differing"] if _differs(answer) else texts["results"][answer["result"]]
    return " · ".join(filter(None, (word, texts["standings"].get(answer["standing"]))))


def _is_bad(answer: Mapping[str, Any]) -> bool:
    """Whether nobody should rely on the paper, genuine or not."""
    return answer["standing"] not in (None, "in_force") or _differs(answer)


def _differs(answer: Mapping[str, Any]) -> bool:
    return any(each["agrees"] is False for each in answer["comparisons"])


def _write_time(text: str) -> str:
    """`2026-11-21 09:30:00` of an instant in Beijing time."""
    return text[:19].replace("T", " ")


@cache
def _read_texts() -> Mapping[str, Any]:
    texts: dict[str, Any] = yaml.safe_load((TEMPLATES / "verify.yaml").read_text(encoding="utf-8"))
    return texts


@cache
def _read_style() -> str:
    return (TEMPLATES / "verify.css").read_text(encoding="utf-8")
