"""A sheet set in type: HTML by Jinja, PDF by Typst, from one description and in one look.

Both are self-contained: no script, no outside asset. A PDF carries no date and no random identifier, so that the same
sheet and the same fonts always give the same bytes. CPU work: keep it off an event loop.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

from gateway.forms.errors import PrintingUnavailable
from gateway.forms.glyphs import make_printable, make_visible
from gateway.forms.layouts import TEMPLATES
from gateway.forms.templating import load_template

_FONTS: Final[Mapping[str, str]] = {
    "/usr/share/fonts/truetype/arphic-gbsn00lp/gbsn00lp.ttf": "fonts-arphic-gbsn00lp",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc": "fonts-wqy-zenhei",
}


def set_html(sheet: Mapping[str, Any]) -> bytes:
    """The sheet as one HTML page."""
    return load_template("sheet.html").render(sheet=_treat(sheet, make_visible)).encode()


def set_report(page: Mapping[str, Any]) -> bytes:
    """The authority's statistics as one HTML page."""
    return load_template("report.html").render(page=_treat(page, make_visible)).encode()


def set_pdf(sheet: Mapping[str, Any]) -> bytes:
    """The sheet as PDF, A4. PrintingUnavailable names the font packages that are not installed."""
    folders = _find_fonts()
    described = json.dumps(_treat(sheet, make_printable), ensure_ascii=False)
    try:
        pdf = typst.compile(
            str(TEMPLATES / "sheet.typ"),
            root=str(TEMPLATES),
            font_paths=folders,
            ignore_system_fonts=True,
            sys_inputs={"sheet": described},
        )
    except typst.TypstError as error:
        raise PrintingUnavailable(f"排版失败：{error}") from error
    if not isinstance(pdf, bytes):
        raise PrintingUnavailable("排版程序没有给出 PDF。")
    return pdf


@cache
def _find_fonts() -> list[str]:
    missing = [package for file, package in _FONTS.items() if not Path(file).is_file()]
    if missing:
        raise PrintingUnavailable(f"缺少中文字体，请先安装：apt-get install {' '.join(missing)}")
    return [str(Path(file).parent) for file in _FONTS]


def _treat(value: Any, treat: Callable[[str], str]) -> Any:
    """Every text of the description treated; the QR code's SVG is our own and stays."""
    if isinstance(value, str):
        return treat(value)
    if isinstance(value, Mapping):
        return {name: inner if name == "code" else _treat(inner, treat) for name, inner in value.items()}
    return [_treat(item, treat) for item in value] if isinstance(value, (list, tuple)) else value
