"""The documents of a bundle: what its messages name and their senders may read, as far as the bytes are still kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from gateway.bootstrap.sealing import open_files
from gateway.catalogue import read_specimens
from gateway.config import Settings
from gateway.core.evidence.bundle import find_digests, name_file
from gateway.core.evidence.holdings import Holdings
from gateway.core.evidence.leaves import MESSAGE
from gateway.crypto.digest import sm3_hex
from gateway.evidence.composing import Documents
from gateway.ports import FileBroken, FileStore, Store, StoreUnavailable

MOST_BYTES: Final = 96 * 1024 * 1024
"""Documents of a bundle at most; the rest of the 128 MiB is the messages' and the forms'."""

ABSENT: Final = "网关没有这份文件：没有上传过，或已按保存期限清除；摘要在报文中"
BROKEN: Final = "网关保存的这份文件已损坏或被改动，未装入；摘要在报文中，可向原发送方另取"
TOO_MUCH: Final = "附件总量超过一个证据包的上限，未装入；请按 --order 或 --message 分别导出"


async def collect_documents(settings: Settings, store: Store, holdings: Holdings) -> Documents:
    """Every document that a message of the bundle names, or why it is not in it.

    Only what the sender of the message could read is taken: naming a digest opens nobody's file (protocol section 5).
    """
    specimens = {sm3_hex(data): data for data in read_specimens()} if settings.development else {}
    folder, room = open_files(settings, store), MOST_BYTES
    kept: dict[str, bytes] = {}
    withheld: dict[str, str] = {}
    for digest, size in sorted((await _find(store, holdings, specimens)).items()):
        found = specimens.get(digest) or await _read(folder, digest, size, room)
        if isinstance(found, str):
            withheld[name_file(digest)] = found
        else:
            kept[name_file(digest)] = found
            room -= len(found)
    return Documents(kept=kept, withheld=withheld)


async def _find(store: Store, holdings: Holdings, specimens: Mapping[str, bytes]) -> dict[str, int | None]:
    """Files named, each with its size where the sender of a message that names it may read it, None elsewhere."""
    found: dict[str, int | None] = {}
    for source, named in _list_named(holdings).items():
        readable = await store.readable_files(source, named)
        for digest, is_file in named.items():
            if digest in readable or digest in specimens or is_file:
                found[digest] = readable.get(digest, found.get(digest))
    return found


def _list_named(holdings: Holdings) -> Mapping[str, dict[str, bool]]:
    """By sender the digests in its messages, as far as their bytes are kept; True for those that are files for sure."""
    named: dict[str, dict[str, bool]] = {}
    for leaf in holdings.leaves:
        if leaf.kind == MESSAGE and leaf.body:
            mine = named.setdefault(leaf.members["source"], {})
            for digest, is_file in find_digests(json.loads(leaf.body)).items():
                mine[digest] = mine.get(digest, False) or is_file
    return named


async def _read(folder: FileStore, digest: str, size: int | None, room: int) -> bytes | str:
    """The bytes, or why they are not in the bundle."""
    if size is None or size > room:
        return ABSENT if size is None else TOO_MUCH
    try:
        data = b"".join([chunk async for chunk in await folder.read(digest)])
    except StoreUnavailable:
        return ABSENT
    except FileBroken:
        return BROKEN
    return data if sm3_hex(data) == digest else BROKEN
