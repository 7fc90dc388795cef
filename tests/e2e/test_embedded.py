"""The embedded default, killed, restarted, stopped: nothing accepted is lost, nothing takes effect twice."""

from __future__ import annotations

import json
import re

from tests.e2e.openssl import receipt_signed_string, sm3_hex, verifies
from tests.e2e.recipient import Recipient
from tests.e2e.world import APPLICATION, World, eventually, get, post
from tests.harness.proxy import Proxy

# Tries again each half second: the bank is not there at first.
IMPATIENT = {"WGG_DELIVERY__SCHEDULE_SECONDS": "[0.5]", "WGG_DELIVERY__REPEAT_SECONDS": "0.5"}


def test_what_was_accepted_survives_kill_9(world: World) -> None:
    """Killed right after its 202s, the server delivers after its restart, pushed and pulled, each once in effect; the
    same bytes again earn the same receipt, byte for byte.
    """
    world.env = IMPATIENT
    server = world.serve()
    event = world.write(APPLICATION, "m1", "DD1")
    first = world.send(server.url, event)
    server.kill()
    assert first.code == 0, first.err
    server = world.serve()
    again = world.send(server.url, event)
    assert (again.code, again.out) == (0, first.out)
    world.bank(server.url)
    world.platform(server.url)
    shown = world.await_state("platform", "m1", "delivered")
    receipt = shown["receipt"]
    assert receipt["status"] == "ACCEPTED"
    assert verifies(world.folder / "xmccb.pub.pem", receipt["signature"], receipt_signed_string(receipt), world.folder)
    assert [entry["body"].encode() for entry in world.ledger("bank", "received", id="m1", duplicate=False)] == [
        event.read_bytes()
    ]
    eventually(lambda: world.ledger("platform", "effect", type="guarantee.issued.v1"), "the bank's guarantee arrives")
    server.kill()
    server = world.serve()
    third = world.send(server.url, event)
    assert (third.code, third.out) == (0, first.out)
    repeated = server.events("accept.settled")[0]
    assert (repeated["code"], repeated["id"], repeated["deployment"]) == ("REPEATED", "m1", "e2e")
    assert "receipt_no" not in repeated  # this request made none
    eventually(lambda: not world.query("SELECT 1 FROM deliveries WHERE state <> 'delivered'"), "all is delivered")
    effects = [
        (entry["source"], entry["id"]) for name in ("bank", "platform") for entry in world.ledger(name, "effect")
    ]
    assert len(effects) == len(set(effects)) == 5  # the application, three statuses, the guarantee
    assert json.loads(first.out)["digest"] == sm3_hex(event.read_bytes())


def test_a_push_under_way_ends_before_the_process_does(world: World) -> None:
    """After SIGTERM readyz says so and refuses business while the push under way is finished; exit 0, one attempt."""
    with Proxy(world.bank_port) as line:
        world.must("institution", "set", "xmccb", "--endpoint", f"http://127.0.0.1:{line.port}/wgg")
        server = world.serve()
        bank = world.bank(server.url)
        line.stall()
        event = world.write(APPLICATION, "m1", "DD1")
        assert world.send(server.url, event).code == 0
        eventually(lambda: line.connections, "the push is under way")
        server.process.terminate()
        status, body = eventually(lambda: _unready(server.url), "readyz says that the process is stopping")
        assert (status, json.loads(body)["ready"]) == (503, False)
        refused = world.send(server.url, event)
        assert (refused.code, "UNAVAILABLE" in refused.err) == (3, True)
        line.restore()
        assert server.process.wait(timeout=20) == 0
        shown = world.show("platform", "m1")
        assert (shown["state"], len(shown["attempts"])) == ("delivered", 1)
        assert bank.end() == 0


def test_a_push_cut_by_kill_9_is_tried_again(world: World) -> None:
    """Killed in the middle of a push, the restarted server tries again at once; the history has both attempts."""
    with Proxy(world.bank_port) as line:
        world.must("institution", "set", "xmccb", "--endpoint", f"http://127.0.0.1:{line.port}/wgg")
        server = world.serve()
        world.bank(server.url)
        line.stall()
        assert world.send(server.url, world.write(APPLICATION, "m1", "DD1")).code == 0
        eventually(lambda: line.connections, "the push is under way")
        server.kill()
        line.drop()
        line.restore()
        server = world.serve()
        shown = world.await_state("platform", "m1", "delivered")
        outcomes = [attempt["outcome"] for attempt in shown["attempts"]]
        assert outcomes == ["retry", "delivered"]
        assert server.end() == 0


def test_the_trace_goes_on_to_the_recipient(world: World, recipient: Recipient) -> None:
    """A push carries the sender's bytes, its Authorization as the origin and its trace with a span of its own, under a
    signature of the gateway's that openssl verifies.
    """
    world.must("institution", "set", "xmccb", "--endpoint", recipient.url)
    server = world.serve()
    event, trace = world.write(APPLICATION, "m1", "DD1"), "0af7651916cd43dd8448eb211c80319c"
    who = ("--key", world.folder / "platform.pem", "--sender-id", "platform")
    authorization = world.must("sign", event, *who).out.strip()
    headers = {
        "Authorization": authorization,
        "Content-Type": "application/cloudevents+json",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
    }
    assert post(f"{server.url}/v1/messages", event.read_bytes(), headers)[0] == 202
    pushed = recipient.take()
    assert (pushed.body, pushed.headers["gzbzj-origin"]) == (event.read_bytes(), authorization)
    version, trace_id, span_id, flags = pushed.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", trace, "01")
    assert span_id != "b7ad6b7169203331"
    fields = dict(re.findall(r'(\w+)="([^"]*)"', pushed.headers["authorization"]))
    assert fields["sender_id"] == "gateway"
    head = f"POST\n{pushed.target}\n{fields['timestamp']}\n{fields['nonce_str']}\n".encode()
    key = world.home / "keys/gateway.pub.pem"
    assert verifies(key, fields["signature"], head + pushed.body + b"\n", world.folder)


def _unready(url: str) -> tuple[int, bytes] | None:
    status, body = get(f"{url}/readyz")
    return None if status == 200 else (status, body)
