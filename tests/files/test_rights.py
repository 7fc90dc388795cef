from __future__ import annotations

from typing import Any

from gateway.crypto.digest import sm3_hex
from tests.files.filer import Filer
from tests.harness.gateway import Gateway

SCAN, OTHER = b"a scanned notice", b"another file"


async def readers(digest: str, *parties: Filer) -> list[str]:
    """Who of these may read the file; all others are told that there is none."""
    answers = {party.sender: await party.take(digest) for party in parties}
    assert {answer.status for answer in answers.values()} <= {200, 404}
    return [sender for sender, answer in answers.items() if answer.status == 200]


def apply_with(platform: Filer, data: bytes, subject: str = "DD-1", **fields: Any) -> dict[str, Any]:
    """An application that names this file as an attachment."""
    return platform.event("guarantee.application.v1", subject, data={"attachments": [platform.naming(data)]}, **fields)


def parties(gateway: Gateway) -> list[Filer]:
    return [Filer(gateway, name, name) for name in ("platform", "xmccb", "picc")]


async def test_who_put_a_file_may_read_it(either: Gateway) -> None:
    """Nobody else, until it is named to somebody."""
    platform, bank, insurer = parties(either)
    await bank.put(SCAN)
    assert await readers(sm3_hex(SCAN), platform, bank, insurer) == ["xmccb"]
    await insurer.put(SCAN)
    assert await readers(sm3_hex(SCAN), platform, bank, insurer) == ["xmccb", "picc"]


async def test_a_message_that_names_a_file_lets_its_recipient_read(either: Gateway) -> None:
    """The recipient of an accepted message may read, a third party may not; other files of the sender stay its own."""
    platform, bank, insurer = parties(either)
    await platform.put(SCAN)
    await platform.put(OTHER)
    assert (await platform.post(apply_with(platform, SCAN))).status == 202
    assert await readers(sm3_hex(SCAN), platform, bank, insurer) == ["platform", "xmccb"]
    assert await readers(sm3_hex(OTHER), platform, bank, insurer) == ["platform"]


async def test_naming_a_file_that_one_may_not_read_gives_no_right(either: Gateway) -> None:
    """Who knows a digest and no more opens the file neither to the recipient nor to itself."""
    platform, bank, insurer = parties(either)
    await insurer.put(SCAN)
    assert (await platform.post(apply_with(platform, SCAN))).status == 202
    assert await readers(sm3_hex(SCAN), platform, bank, insurer) == ["picc"]


async def test_a_file_that_comes_after_its_message_is_readable_too(platform: Filer, bank: Filer) -> None:
    """The order of message and file does not matter."""
    assert (await platform.post(apply_with(platform, SCAN))).status == 202
    assert await readers(sm3_hex(SCAN), platform, bank) == []
    await platform.put(SCAN)
    assert await readers(sm3_hex(SCAN), platform, bank) == ["platform", "xmccb"]


async def test_rights_go_on_with_messages(either: Gateway) -> None:
    """What was named to one may be named on by that one."""
    platform, bank, insurer = parties(either)
    await bank.put(SCAN)
    assert (await platform.post(apply_with(platform, OTHER))).status == 202
    issued = bank.event("guarantee.issued.v1", "DD-1", data={"document": bank.naming(SCAN)})
    assert (await bank.post(issued)).status == 202
    assert await readers(sm3_hex(SCAN), platform, insurer) == ["platform"]
    assert (await platform.post(apply_with(platform, SCAN, "DD-2", recipient="picc"))).status == 202
    assert await readers(sm3_hex(SCAN), platform, bank, insurer) == ["platform", "xmccb", "picc"]


async def test_a_refused_message_gives_no_right(platform: Filer, bank: Filer) -> None:
    """Only what was accepted counts."""
    await platform.put(SCAN)
    assert (await platform.post(apply_with(platform, SCAN, correlationid="?"))).status == 400
    assert (await platform.post(apply_with(platform, SCAN, data_base64="x"))).status == 400
    broken = apply_with(platform, SCAN)
    del broken["data"]["amount"]
    assert (await platform.post(broken)).code == "SCHEMA_INVALID"
    assert await readers(sm3_hex(SCAN), platform, bank) == ["platform"]


async def test_a_missing_file_is_told_like_one_of_others(bank: Filer, insurer: Filer) -> None:
    """A stranger learns nothing from the answer."""
    await insurer.put(SCAN)
    there, nowhere = await bank.take(sm3_hex(SCAN)), await bank.take(sm3_hex(OTHER))
    assert {**there.doc, "requestId": ""} == {**nowhere.doc, "requestId": ""}


async def test_the_bytes_that_went_away_are_unavailable(bank: Filer) -> None:
    """A directory that is not there (an unmounted share) is the gateway's trouble: 503, not 404."""
    await bank.put(SCAN)
    directory = bank.gateway.settings.files.directory
    directory.rename(directory.with_name("away"))
    gone = await bank.take(sm3_hex(SCAN))
    assert (gone.status, gone.code, gone.signed) == (503, "UNAVAILABLE", True)
    assert int(gone.headers["retry-after"]) > 0
