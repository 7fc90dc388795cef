"""The demo's timeline: what each counterpart wrote into its ledger, as it wrote it, for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.catalogue import Catalogue

Entry = Mapping[str, Any]

_VERIFIED: Final = "verified"
_ISSUED: Final = "guarantee.issued.v1"
_BY_RULE: Final = "RULE_VIOLATED"
_SECONDS: Final = slice(11, 23)
_MINUTES: Final = 16


@dataclass(slots=True)
class Timeline:
    """Prints a line an event; `faults` collects what did not verify or was refused.

    `expected` holds the ids of messages that are to be refused by a rule, `issued` the guarantees that were received.
    """

    catalogue: Catalogue
    names: Mapping[str, str]
    faults: list[str] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    expected: set[str] = field(default_factory=set)
    issued: list[Entry] = field(default_factory=list)

    def observer(self, party_id: str) -> Callable[[Entry], None]:
        """What one counterpart's ledger tells."""

        def observe(entry: Entry) -> None:
            line = _LINES.get(entry["kind"])
            if line is not None:
                line(self, party_id, entry)

        return observe

    def say_heading(self, text: str) -> None:
        """A chapter."""
        print(f"\n── {text} ──", flush=True)

    def say_public(self, what: str) -> None:
        """What a bystander learned."""
        print(f"公众　　  {what}", flush=True)

    def _say(self, entry: Entry, party_id: str, what: str, verdict: str) -> None:
        time = entry["at"][_SECONDS]
        print(f"{time}  {self.names[party_id]}  {what}  〔{verdict}〕", flush=True)

    def _title(self, type_: str) -> str:
        return f"{self.catalogue.row(type_).title}({type_.removesuffix('.v1')})"

    def _sent(self, party_id: str, entry: Entry) -> None:
        if entry["id"] in self.expected:
            self._refused(party_id, entry)
            return
        good = entry["httpStatus"] in (200, 202) and entry["verdict"] == _VERIFIED
        what = f"发出 {self._title(entry['type'])} {entry['subject']}，网关受理 {entry['receiptNo'] or entry['code']}"
        self._say(entry, party_id, what, "网关应答验签通过" if good else f"未通过：{entry['message']}")
        self.sent.append((party_id, entry["id"]))
        if not good:
            self.faults.append(f"{party_id} {entry['type']}: {entry['code']} {entry['message']}")

    def _refused(self, party_id: str, entry: Entry) -> None:
        good = entry["code"] == _BY_RULE and entry["verdict"] == _VERIFIED
        what = f"发出 {self._title(entry['type'])} {entry['subject']}，网关拒绝：{entry['message']}"
        self._say(entry, party_id, what, "按规则拒绝，网关应答验签通过" if good else f"意外：{entry['code']}")
        if not good:
            self.faults.append(f"{party_id} {entry['type']}: 应被规则拒绝，实为 {entry['code'] or '受理'}")

    def _received(self, party_id: str, entry: Entry) -> None:
        if entry["duplicate"]:
            return
        if entry["type"] == _ISSUED:
            self.issued.append(entry)
        good = entry["origin"] == _VERIFIED
        signer = self.names.get(entry["source"], entry["source"]).strip()
        what = f"收到 {self._title(entry['type'])}，签名人 {signer}{_explain(entry)}"
        self._say(entry, party_id, what, "发送方签名验签通过，已签回执" if good else f"未通过：{entry['origin']}")
        if not good:
            self.faults.append(f"{party_id} {entry['type']}: {entry['origin']}")

    def _put(self, party_id: str, entry: Entry) -> None:
        what = f"上传文件 {entry['digest'][:16]}…（{entry['size']} 字节）"
        self._say(entry, party_id, what, "网关应答验签通过")


def _explain(entry: Entry) -> str:
    """What a message about a legal term says: which one, how far it is, when it is due."""
    if not entry["type"].startswith("sla."):
        return ""
    data = json.loads(entry["body"])["data"]
    far = f"已过 {data['percent']} %" if "percent" in data else "已超期"
    return f"：{data['title']}{far}，到期 {data['due'][:_MINUTES]}"


_LINES: Final[Mapping[str, Callable[[Timeline, str, Entry], None]]] = {
    "file": Timeline._put,  # noqa: SLF001 - the table of this class's own lines
    "sent": Timeline._sent,  # noqa: SLF001 - the same
    "received": Timeline._received,  # noqa: SLF001 - the same
}
