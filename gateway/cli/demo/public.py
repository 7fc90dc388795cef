"""The demo's bystander: somebody with a guarantee in the hand and no key asks whether it is genuine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from gateway.cli.demo.timeline import Timeline
from gateway.net.client import HttpClient

_JSON: Final = {"Accept": "application/json"}
_ANOTHER_CODE: Final = "0" * 64


async def ask_publicly(url: str, timeline: Timeline) -> None:
    """Ask about the first guarantee, once with its own code and once with another one; a wrong answer is a fault."""
    issued = next(entry for entry in timeline.issued)
    number = json.loads(issued["body"])["data"]["guaranteeNo"]
    timeline.say_heading(f"公众核验：保函 {number}（网页 {url}/verify，不需要密钥）")
    client = HttpClient()
    try:
        for code, wanted in ((issued["digest"], ("genuine", "in_force")), (_ANOTHER_CODE, ("not_found", None))):
            told = await _ask(client, url, number, code)
            found = (told.get("result"), told.get("standing"))
            timeline.say_public(f"核验码 {code[:16]}…：{_WORDS.get(found, '意外的答复')}")
            if found != wanted:
                timeline.faults.append(f"/verify: 应为 {wanted}，实为 {found}")
    finally:
        await client.close()


async def _ask(client: HttpClient, url: str, number: str, code: str) -> dict[str, Any]:
    question = urlencode({"guaranteeNo": number, "digest": code})
    answer = await client.request("GET", f"{url}/verify?{question}", headers=_JSON)
    told: dict[str, Any] = json.loads(answer.body) if answer.status == 200 else {}  # noqa: PLR2004 - HTTP's own number
    return told


_WORDS: Final[Mapping[tuple[Any, Any], str]] = {
    ("genuine", "in_force"): "真实，有效；不透露金额、企业与个人",
    ("not_found", None): "查无此件，与编号不存在时的答复逐字节相同",
}
