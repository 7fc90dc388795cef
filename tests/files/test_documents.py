from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.catalogue import example, list_variants, read_specimens
from gateway.core.documents import DOCUMENTS
from gateway.crypto.digest import sm3_hex
from tests.files.filer import Filer
from tests.harness.gateway import Founded, Gateway, run_gateway
from tests.protocol.caller import Answer

DOCUMENT = b"we undertake to pay on demand"
ISSUED = "guarantee.issued.v1"


async def issue(bank: Filer, data: bytes = DOCUMENT, **fields: object) -> Answer:
    """Issue a guarantee whose document is this file, some of its field's members changed."""
    return await bank.post(bank.event(ISSUED, "DD-1", data={"document": {**bank.naming(data), **fields}}))


async def begin(gateway: Gateway) -> tuple[Filer, Filer]:
    """A platform that applied for DD-1 and its bank."""
    platform, bank = Filer(gateway, "platform", "platform"), Filer(gateway, "xmccb", "xmccb")
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-1"))).status == 202
    return platform, bank


async def test_a_guarantee_is_issued_once_its_document_is_there(either: Gateway) -> None:
    """422 with the rule and its basis before, 202 after, and then the platform reads the document."""
    platform, bank = await begin(either)
    refused = await issue(bank)
    assert (refused.status, refused.code, refused.pointers) == (422, "RULE_VIOLATED", ["/data/document/digest"])
    assert refused.doc["errors"][0]["rule"] == DOCUMENTS[0].id
    assert refused.doc["errors"][0]["basis"] == DOCUMENTS[0].basis
    assert (await bank.put(DOCUMENT)).status == 201
    assert (await issue(bank)).status == 202
    assert (await platform.take(sm3_hex(DOCUMENT))).body == DOCUMENT


async def test_a_document_of_others_is_as_good_as_none(gateway: Gateway, insurer: Filer) -> None:
    """The sender itself must be able to read it."""
    _, bank = await begin(gateway)
    await insurer.put(DOCUMENT)
    assert (await issue(bank)).code == "RULE_VIOLATED"


async def test_the_size_must_match_too(gateway: Gateway) -> None:
    """The field names another size than the file has."""
    _, bank = await begin(gateway)
    await bank.put(DOCUMENT)
    refused = await issue(bank, size=len(DOCUMENT) + 1)
    assert (refused.code, refused.pointers) == ("RULE_VIOLATED", ["/data/document/size"])
    assert str(len(DOCUMENT)) in refused.doc["message"]


async def test_the_state_is_judged_before_the_document(gateway: Gateway, bank: Filer) -> None:
    """An order that is not there is STATE_CONFLICT whatever the document."""
    assert (await issue(bank)).code == "STATE_CONFLICT"


async def test_a_repeat_needs_no_second_look(gateway: Gateway) -> None:
    """The same bytes again get the same receipt."""
    _, bank = await begin(gateway)
    await bank.put(DOCUMENT)
    body = json.dumps(bank.event(ISSUED, "DD-1", data={"document": bank.naming(DOCUMENT)})).encode()
    first, second = await bank.post(body), await bank.post(body)
    assert (first.status, second.status, first.body) == (202, 200, second.body)


@pytest.mark.parametrize("variant", list_variants(ISSUED))
def test_examples_name_the_specimens(variant: str) -> None:
    """Every example of an issued guarantee names documents that ship with it."""
    specimens = {sm3_hex(data): len(data) for data in read_specimens()}
    data = example(ISSUED, now_us=0, variant=variant)["data"]
    for field in (data["document"], data["paymentVoucher"]):
        assert specimens[field["digest"]] == field["size"]


async def test_in_a_development_home_the_specimens_are_there(gateway: Gateway) -> None:
    """An example is accepted as it is, and its documents may be got by anybody."""
    _, bank = await begin(gateway)
    issued = bank.event(ISSUED, "DD-1")
    assert (await bank.post(issued)).status == 202
    document = issued["data"]["document"]
    insurer = Filer(gateway, "picc", "picc")
    assert sm3_hex((await insurer.take(document["digest"])).body) == document["digest"]


@pytest.fixture
async def strict(founded: Founded, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with run_gateway(founded, tmp_path, DEVELOPMENT="false") as running:
        yield running


async def test_elsewhere_a_specimen_is_a_file_like_any_other(strict: Gateway) -> None:
    """A home that is not for development knows no specimens: the example's document has to be put."""
    _, bank = await begin(strict)
    issued = bank.event(ISSUED, "DD-1")
    assert (await bank.post(issued)).code == "RULE_VIOLATED"
    assert (await bank.take(issued["data"]["document"]["digest"])).status == 404
    for data in read_specimens():
        assert (await bank.put(data)).status == 201
    assert (await bank.post(issued)).status == 202


async def test_documents_are_a_setting(founded: Founded, tmp_path: Path) -> None:
    """With files.documents_required off a guarantee is issued without its document."""
    async with run_gateway(founded, tmp_path, FILES__DOCUMENTS_REQUIRED="false") as gateway:
        _, bank = await begin(gateway)
        assert (await issue(bank)).status == 202
