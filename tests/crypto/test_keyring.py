"""A key per class, wrapped by the home key: what seals, what opens, and what a rotation leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.catalogue import load_catalogue
from gateway.core.sealing import CLASS_OF, MAGIC
from gateway.crypto.keyring import HomeKeys, Keyring
from gateway.crypto.sm4 import SealBroken, new_key

OLD, NEW = b"o" * 16, b"n" * 16


def ring(home: HomeKeys, *kinds: str) -> tuple[Keyring, list]:
    keys = [replace(home.make(kind, now=0), id=number) for number, kind in enumerate(kinds, 1)]
    return Keyring(home, keys), keys


def test_every_confidential_type_has_a_class() -> None:
    """The catalogue's mark and the classes of sealing say the same of every type."""
    rows = load_catalogue().types.values()
    assert set(CLASS_OF) == {row.type for row in rows if row.confidential}


def test_what_is_sealed_opens_and_tells_its_key() -> None:
    """A value begins with the mark and its class's key; two seals of one value differ."""
    made, _ = ring(HomeKeys([OLD]), "order", "payment")
    sealed = made.seal("payment", b"{}")
    assert sealed.startswith(MAGIC + (2).to_bytes(4, "big"))
    assert made.open(sealed) == b"{}"
    assert sealed != made.seal("payment", b"{}")
    assert b"secret" not in made.seal("order", b"secret" * 9)


def test_a_value_moved_to_another_class_does_not_open() -> None:
    """The key's number is authenticated: it cannot be exchanged; a cut value is told as broken."""
    made, _ = ring(HomeKeys([OLD]), "order", "payment")
    sealed = made.seal("payment", b"{}")
    for changed in (MAGIC + (1).to_bytes(4, "big") + sealed[7:], sealed[:12], MAGIC, sealed[:-1]):
        with pytest.raises(SealBroken):
            made.open(changed)


def test_a_rotation_wraps_the_same_keys_anew() -> None:
    """What was sealed before opens afterwards with the new home key alone; with the old one alone it does not."""
    before, keys = ring(HomeKeys([OLD]), "order")
    sealed = before.seal("order", b"kept")
    both = HomeKeys([NEW, OLD])
    anew = [both.rewrap(key) for key in keys]
    assert Keyring(HomeKeys([NEW]), anew).open(sealed) == b"kept"
    with pytest.raises(SealBroken, match="缺少封存密钥"):
        Keyring(HomeKeys([OLD]), anew)


def test_a_wrapped_key_fits_its_class_only() -> None:
    """A wrapped key that is put under another class's name does not open."""
    home = HomeKeys([new_key()])
    with pytest.raises(SealBroken):
        home.unwrap(replace(home.make("order", now=0), kind="payment"))


def test_a_class_without_a_key_is_told() -> None:
    """Nothing is stored in the open because a key is missing."""
    made, _ = ring(HomeKeys([OLD]), "order")
    assert made.missing(["order", "payment"]) == ["payment"]
    with pytest.raises(SealBroken, match="payment"):
        made.seal("payment", b"{}")
