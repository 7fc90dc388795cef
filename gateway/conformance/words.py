"""Verdicts, levels and ways in Chinese, for reports and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VERDICT_WORDS: Final[Mapping[str, str]] = {
    "pass": "通过",
    "fail": "未通过",
    "error": "工具出错",
    "skip": "不适用",
    "not_run": "未执行",
    "waiting": "等待中",
}
LEVEL_WORDS: Final[Mapping[str, str]] = {"mandatory": "必过", "conditional": "有条件必过", "optional": "可选"}
KIND_WORDS: Final[Mapping[str, str]] = {"bank": "银行", "insurer": "保险公司", "guarantor": "工程担保公司"}
MODE_WORDS: Final[Mapping[str, str]] = {"push": "推送", "pull": "拉取信箱"}
WAY_WORDS: Final[Mapping[str, str]] = {
    "push": "本工具 → 机构",
    "call": "机构 → 本工具",
    "stand": "存于信箱，待机构拉取",
}
