from __future__ import annotations

import pytest

from gateway.crypto.digest import sm3, sm3_hex
from gateway.crypto.faults import SignatureInvalid
from gateway.crypto.keys import PrivateKey, PublicKey, serial_no
from tests.wire.vectors import cases


@pytest.mark.parametrize("case", cases("sm2_verify.json"))
def test_sm2_verify(provider, case):
    """Valid signatures verify; every changed, misplaced or mistaken one raises SignatureInvalid."""
    public = PublicKey(bytes.fromhex(case["publicKey"]))
    arguments = public, bytes.fromhex(case["signature"]), bytes.fromhex(case["message"])
    if case["result"] == "valid":
        provider.verify(*arguments)
    else:
        with pytest.raises(SignatureInvalid):
            provider.verify(*arguments)


@pytest.mark.parametrize("case", cases("sm2_verify.json")[:1])
def test_the_published_secret_gives_the_published_point(case):
    """The public key of GB/T 32918.5 is computed from its private key."""
    assert PrivateKey.from_secret(bytes.fromhex(case["privateKey"])).public.point.hex() == case["publicKey"]


@pytest.mark.parametrize("case", cases("sm3.json"))
def test_sm3(case):
    """Digests are the standard's, in bytes and as lower-case hex."""
    message = bytes.fromhex(case["message"])
    assert sm3_hex(message) == case["digest"]
    assert sm3(message).hex() == case["digest"]


@pytest.mark.parametrize("encoding", ["standard", "compressed", "explicit", "explicitCompressed"])
@pytest.mark.parametrize("case", cases("serials.json"))
def test_serial(case, encoding):
    """One key has one serial, whichever way its SubjectPublicKeyInfo is encoded, and is written in the standard one."""
    public = PublicKey.from_spki(bytes.fromhex(case[encoding]))
    assert serial_no(public) == case["serialNo"]
    assert public.spki.hex() == case["standard"]
