"""A member of the public: a paper in the hand, no key, a browser or a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from gateway.ports import MessageView
from tests.harness.gateway import Gateway
from tests.harness.masking_watch import WATCH
from tests.protocol.caller import Caller, exchange

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@dataclass(frozen=True)
class Told:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def doc(self) -> Any:
        return json.loads(self.body)

    @property
    def page(self) -> Page:
        return Page(self.body)


class Page(HTMLParser):
    """A page taken apart: its text, and every element with its attributes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.style = ""
        self._inside = ""
        self.feed(raw.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        """Behind it."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Text, or the style."""
        if self._inside == "style":
            self.style += data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


@dataclass(frozen=True)
class Stranger:
    """Asks over plain HTTP."""

    gateway: Gateway
    seen: list[Told] = field(default_factory=list)

    async def ask(self, accept: str = JSON, **question: str) -> Told:
        """The question in the address."""
        return await self.send("GET", f"/verify?{urlencode(question)}" if question else "/verify", accept=accept)

    async def post(self, body: bytes | Mapping[str, Any], media: str = FORM, **more: Any) -> Told:
        """The question in the body."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode() if media == JSON else urlencode(body).encode()
        return await self.send("POST", "/verify", body, headers=[("Content-Type", media)], **more)

    async def send(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        accept: str = JSON,
        headers: list[tuple[str, str]] | None = None,
    ) -> Told:
        """One request on a connection of its own."""
        lines = [("Host", "gateway.example"), ("Accept", accept), *(headers or [])]
        lines += [("Content-Length", str(len(body)))] if body or method == "POST" else []
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        status, found, answer = await exchange(self.gateway.port, head.encode() + b"\r\n" + body)
        told = Told(status, dict(found), answer)
        WATCH.see(f"answer of /verify {status}", answer.decode("utf-8", "replace"))
        self.seen.append(told)
        return told


async def issue(gateway: Gateway, number: str = "BH-1", order: str = "DD-1", **data: Any) -> MessageView:
    """A guarantee of the bank's under this number, as it is kept."""
    platform, bank = Caller(gateway, "platform", "platform"), Caller(gateway, "xmccb", "xmccb")
    assert (await platform.post(platform.event("guarantee.application.v1", order))).status == 202
    issued = bank.event("guarantee.issued.v1", order, data={"guaranteeNo": number, **data})
    answer = await bank.post(issued)
    assert answer.status == 202, answer
    return await kept(gateway, "xmccb", issued["id"])


async def kept(gateway: Gateway, source: str, number: str) -> MessageView:
    """A message as the archive has it."""
    await gateway.parts.roster.refresh()
    view = await gateway.store.message(source, number)
    assert view is not None
    return view


async def file(gateway: Gateway, type_: str, subject: str, **data: Any) -> MessageView:
    """A message of the platform's, as it is kept; case messages are filed."""
    platform = Caller(gateway, "platform", "platform")
    more = {"recipient": data.pop("recipient")} if "recipient" in data else {}
    event = platform.event(type_, subject, data=data, **more)
    answer = await platform.post(event)
    assert answer.status == 202, answer
    return await kept(gateway, "platform", event["id"])
