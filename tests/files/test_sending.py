from __future__ import annotations

import json

from gateway.crypto.digest import sm3_hex
from tests.e2e.conftest import founded, world
from tests.e2e.world import APPLICATION, ISSUED, World

__all__ = ["founded", "world"]

DOCUMENT = "我行不可撤销地承诺见索即付。".encode()


def test_wgg_send_puts_files_first(world: World) -> None:
    """A guarantee with a document of its own is refused alone, and accepted when `--file` brings the document."""
    server = world.serve()
    assert world.send(server.url, world.write(APPLICATION, "a1", "DD1")).code == 0
    event = world.write(ISSUED, "i1", "DD1")
    message = json.loads(event.read_bytes())
    message["data"]["document"] |= {"digest": sm3_hex(DOCUMENT), "size": len(DOCUMENT)}
    event.write_text(json.dumps(message), encoding="utf-8")
    document = world.folder / "guarantee.txt"
    document.write_bytes(DOCUMENT)

    alone = world.send(server.url, event, "xmccb")
    assert (alone.code, "RULE_VIOLATED" in alone.err, "/data/document/digest" in alone.err) == (3, True, True)
    who = (
        "--key",
        world.folder / "xmccb.pem",
        "--sender-id",
        "xmccb",
        "--gateway-key",
        world.home / "keys/gateway.pub.pem",
    )
    both = world.must("send", event, "--file", document, "--url", server.url, *who, "--json")
    assert both.json["status"] == "ACCEPTED"
    assert sm3_hex(DOCUMENT) in both.err
    kept = world.home / "files" / sm3_hex(DOCUMENT)[:2] / f"{sm3_hex(DOCUMENT)}.sealed"
    assert DOCUMENT not in kept.read_bytes()


def test_a_file_that_is_refused_keeps_the_message_back(world: World) -> None:
    """A file beyond the bound: exit 3, and the message was not sent."""
    server = world.serve(WGG_FILES__MAX_BYTES="1024")
    event = world.write(APPLICATION, "a1", "DD1")
    document = world.folder / "large"
    document.write_bytes(bytes(1025))
    who = ("--key", world.folder / "platform.pem", "--sender-id", "platform")
    refused = world.wgg("send", event, "--file", document, "--url", server.url, *who)
    assert (refused.code, "BODY_TOO_LARGE" in refused.err) == (3, True)
    assert not world.query("SELECT 1 FROM messages")
