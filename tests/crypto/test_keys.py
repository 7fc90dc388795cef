from __future__ import annotations

import copy
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.crypto import curve
from gateway.crypto.asn1 import BIT_STRING, SEQUENCE, encode
from gateway.crypto.faults import KeyFormatError
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.libcrypto import LibcryptoProvider
from gateway.crypto.parameters import SM2_ALGORITHM
from gateway.crypto.pem import PRIVATE, PUBLIC, write_block
from tests.crypto.others import openssl

ENCODINGS = [
    [],
    ["-conv_form", "compressed"],
    ["-param_enc", "explicit"],
    ["-param_enc", "explicit", "-conv_form", "compressed"],
]


def of(*command: str) -> str:
    return openssl(*command).decode()


@pytest.fixture
def key_file(key, tmp_path):
    path = tmp_path / "key.pem"
    path.write_text(key.to_pem())
    return str(path)


def test_openssl_reads_what_we_write(key, key_file):
    """Our PKCS#8 and SubjectPublicKeyInfo are byte for byte what openssl itself writes."""
    assert of("pkey", "-in", key_file) == key.to_pem()
    assert of("pkey", "-in", key_file, "-pubout") == key.public.to_pem()


@pytest.mark.parametrize("options", [["SM2"], ["EC", "-pkeyopt", "ec_paramgen_curve:SM2"]], ids=len)
def test_we_read_what_openssl_makes(tmp_path, options):
    """A key made by openssl is read with the public half that openssl computes."""
    path = tmp_path / "key.pem"
    path.write_bytes(openssl("genpkey", "-algorithm", *options))
    key = PrivateKey.from_pem(path.read_bytes())
    assert key.public == PublicKey.from_pem(of("pkey", "-in", str(path), "-pubout"))


@pytest.mark.parametrize("options", ENCODINGS, ids=lambda options: " ".join(options) or "standard")
def test_each_encoding_of_a_public_key_has_one_serial(key, key_file, options):
    """A public key that openssl writes compressed or with explicit parameters keeps its serial."""
    public = PublicKey.from_pem(of("ec", "-in", key_file, "-pubout", *options))
    assert public == key.public
    assert public.serial_no == key.serial_no


@pytest.mark.parametrize("options", ENCODINGS, ids=lambda options: " ".join(options) or "standard")
def test_each_encoding_of_a_private_key_is_read(key, key_file, options, tmp_path):
    """A PKCS#8 key that openssl writes with explicit parameters or a compressed point is the same key."""
    other = tmp_path / "other.pem"
    openssl("ec", "-in", key_file, "-out", str(other), *options)
    read = PrivateKey.from_pem(openssl("pkcs8", "-topk8", "-nocrypt", "-in", str(other)))
    assert (read.public, read.secret) == (key.public, key.secret)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "P-256"),
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "secp256k1"),
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"], "sm2p256v1"),
        (
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
            "曲线参数",
        ),
        (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "RSA"),
        (["genpkey", "-algorithm", "ED25519"], "Ed25519"),
        (["genpkey", "-algorithm", "SM2", "-aes-128-cbc", "-pass", "pass:x"], "未加密"),
    ],
    ids=["P-256", "secp256k1", "brainpool", "explicit P-256", "RSA", "Ed25519", "encrypted"],
)
def test_another_kind_of_key_is_refused_by_name(command, says, tmp_path):
    """A key that is not a plain SM2 key is refused, private and public, in words that name it."""
    pem = of(*command)
    with pytest.raises(KeyFormatError, match=says):
        PrivateKey.from_pem(pem)
    if "ENCRYPTED" not in pem:
        path = tmp_path / "key.pem"
        path.write_text(pem)
        with pytest.raises(KeyFormatError, match=says):
            PublicKey.from_pem(of("pkey", "-in", str(path), "-pubout"))


@pytest.mark.parametrize("label", ["EC PRIVATE KEY", "SM2 PRIVATE KEY"])
def test_sec1_is_refused_with_the_way_out(key, label):
    """The old form of an EC key is refused with the command that converts it."""
    with pytest.raises(KeyFormatError, match="pkcs8 -topk8"):
        PrivateKey.from_pem(write_block(key.pkcs8, label))


def test_the_two_halves_are_not_taken_for_each_other(key):
    """A public key where a private one belongs is named as such, and the other way round."""
    with pytest.raises(KeyFormatError, match="这是公钥"):
        PrivateKey.from_pem(key.public.to_pem())
    with pytest.raises(KeyFormatError, match="这是私钥"):
        PublicKey.from_pem(key.to_pem())


def test_two_keys_in_one_file_are_refused(key):
    """Which of two keys is meant cannot be guessed."""
    with pytest.raises(KeyFormatError, match="多个"):
        PublicKey.from_pem(key.public.to_pem() * 2)


def test_a_public_half_of_another_key_is_refused(key):
    """A PKCS#8 file whose halves do not belong together is refused."""
    mixed = PrivateKey(secret=key.secret, public=PrivateKey.generate().public)
    with pytest.raises(KeyFormatError, match="不配对"):
        PrivateKey.from_pem(mixed.to_pem())


@pytest.mark.parametrize(
    "point",
    [
        b"",
        b"\x00",
        curve.G[:-1],
        curve.G + b"\x00",
        curve.G[:-1] + bytes([curve.G[-1] ^ 1]),
        b"\x06" + curve.G[1:],
        b"\x04" + bytes(64),
        b"\x04" + (curve.P + int.from_bytes(curve.G[1:33])).to_bytes(33)[-32:] + curve.G[33:],
        b"\x02" + b"\xff" * 32,
        b"\x02" + (5).to_bytes(32),
    ],
)
def test_a_point_off_the_curve_is_refused(point):
    """Neither a raw point nor one in a SubjectPublicKeyInfo passes unless it lies on the curve."""
    with pytest.raises(KeyFormatError):
        PublicKey(point)
    with pytest.raises(KeyFormatError):
        PublicKey.from_spki(encode(SEQUENCE, SM2_ALGORITHM, encode(BIT_STRING, b"\x00", point)))


@pytest.mark.parametrize("secret", [0, curve.N - 1, curve.N, 2**256 - 1])
def test_a_secret_out_of_range_is_refused(secret):
    """Only 1 to n-2 are SM2 secrets."""
    with pytest.raises(KeyFormatError):
        PrivateKey.from_secret(secret.to_bytes(32))


@pytest.mark.parametrize("secret", [1, curve.N - 2])
def test_the_ends_of_the_range_are_secrets(secret, provider):
    """The least and the greatest secret sign."""
    key = PrivateKey.from_secret(secret.to_bytes(32))
    provider.verify(key.public, provider.sign(key, b"x"), b"x")


def test_a_private_key_never_shows_its_secret(key):
    """Neither repr nor str nor a container's repr tells the secret, as bytes, hex or number."""
    shown = f"{key!r} {key} {[key]} {copy.copy(key)}"
    assert "secret" not in shown
    for form in (repr(key.secret)[2:-1], key.secret.hex(), str(int.from_bytes(key.secret))):
        assert form not in shown


@given(st.binary(max_size=400))
def test_any_der_is_a_key_or_refused(der):
    """No bytes raise anything but KeyFormatError, bare or in PEM."""
    for read, label in ((PublicKey, PUBLIC), (PrivateKey, PRIVATE)):
        with pytest.raises(KeyFormatError):
            read.from_pem(der)
        with pytest.raises(KeyFormatError):
            read.from_pem(write_block(der, label))


@given(st.data())
def test_a_damaged_key_is_refused_or_read(key, data):
    """A key with bytes changed or cut raises nothing but KeyFormatError."""
    for good, label, read in ((key.public.spki, PUBLIC, PublicKey), (key.pkcs8, PRIVATE, PrivateKey)):
        position = data.draw(st.integers(0, len(good) - 1))
        damaged = good[:position] + data.draw(st.binary(max_size=2)) + good[position + 1 :]
        try:
            read.from_pem(write_block(damaged, label))
        except KeyFormatError as error:
            message = str(error)
        else:
            message = "read"
        assert message


def test_handles_go_with_their_keys(provider: LibcryptoProvider):
    """A key that nothing holds any more leaves nothing behind in the provider."""
    key = PrivateKey.generate()
    provider.verify(key.public, provider.sign(key, b"x"), b"x")
    gc.collect()  # keys that earlier tests dropped go now, not in between
    kept = len(provider._private), len(provider._public)
    del key
    gc.collect()
    assert (len(provider._private), len(provider._public)) == (kept[0] - 1, kept[1] - 1)
