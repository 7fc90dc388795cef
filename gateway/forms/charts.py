"""Bars as inline SVG: readable without scripts, printable, in two inks told apart by their pattern too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

INKS: Final = ("#1f5a96", "#c8792b", "#6b8e4e", "#8a8a8a")
_HEIGHT: Final = 180.0
_STEP: Final = 46.0
_WIDE: Final = 92.0
_FEW: Final = 8
_SHORT: Final = 4
_GAP: Final = 10.0
_LEFT: Final = 70.0
_TICKS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Bars of one ink: a title and one value for each label of the chart."""

    title: str
    values: Sequence[int]


def draw_bars(
    title: str, labels: Sequence[str], series: Sequence[Series], *, note: str = "", limit: int | None = None
) -> dict[str, Any]:
    """A bar chart as geometry for the template: figures only, every text apart.

    `limit` is the last label before the dashed line, such as the last day of a term.
    """
    step = _WIDE if len(labels) <= _FEW else _STEP
    top = _round_up(max((value for each in series for value in each.values), default=0))
    width = (step - _GAP) / max(1, len(series))
    bars = [
        {
            "x": round(_LEFT + place * step + _GAP / 2 + number * width, 2),
            "y": round(_HEIGHT - value / top * _HEIGHT, 2),
            "width": round(width - 1, 2),
            "height": round(value / top * _HEIGHT, 2),
            "ink": INKS[number % len(INKS)],
            "value": value,
            "text": f"{labels[place]} {each.title} {value}",
        }
        for number, each in enumerate(series)
        for place, value in enumerate(each.values)
    ]
    return {
        "title": title,
        "note": note,
        "width": round(_LEFT + len(labels) * step + _GAP, 2),
        "bars": bars,
        "labels": [{"x": round(_LEFT + (place + 0.5) * step, 2), "text": text} for place, text in enumerate(labels)],
        "ticks": [{"y": round(_HEIGHT - _HEIGHT * n / _TICKS, 2), "text": f"{top * n / _TICKS:g}"} for n in range(5)],
        "legend": [{"ink": INKS[n % len(INKS)], "text": each.title} for n, each in enumerate(series)],
        "slanted": step == _STEP and any(len(text) > _SHORT for text in labels),
        "limit": None if limit is None or limit >= len(labels) else round(_LEFT + (limit + 1) * step, 2),
        "empty": not bars or not any(bar["value"] for bar in bars),
    }


def _round_up(most: int) -> int:
    """The top of the axis: 4, 8, 12, … so that its quarters are whole."""
    return max(_TICKS, -(-most // _TICKS) * _TICKS)
