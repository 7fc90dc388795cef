from __future__ import annotations

import asyncio
import gc
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Problem
from gateway.core.wire.der import encode_signature
from gateway.core.wire.signed import request_string
from gateway.crypto import signer
from gateway.crypto.evp import Libcrypto, load_libcrypto
from gateway.crypto.faults import CryptoFailed, CryptoUnavailable, SignatureInvalid
from gateway.crypto.keys import PrivateKey
from gateway.crypto.pool import Answer, CryptoPool
from gateway.crypto.selftest import self_test
from tests.crypto.others import Gmssl, OpensslCommand

NOW_S = 1_795_219_200
NONCE = "f3b0a1b2c3d4e5f60718293a4b5c6d7e"
REQUEST = {"method": "POST", "target": "/v1/messages", "body": '{"id":"m-1","名":"保函"}'.encode()}
MESSAGES = [b"", b"\x00", b"message digest", "农民工工资".encode() * 50, bytes(range(256)) * 40]


def signed(key):
    return signer.sign_request(key, sender_id="xmccb", timestamp=NOW_S, nonce=NONCE, **REQUEST)


@pytest.fixture(params=["openssl", "gmssl"])
def other(request, tmp_path):
    """An implementation that shares no code with ours."""
    return OpensslCommand(tmp_path) if request.param == "openssl" else Gmssl()


@pytest.mark.parametrize("data", MESSAGES, ids=len)
def test_others_verify_what_we_sign(provider, key, other, data):
    """A signature of ours verifies elsewhere, and elsewhere too only for its own data."""
    der = provider.sign(key, data)
    assert other.verifies(key.public, der, data)
    assert not other.verifies(key.public, der, data + b".")


@pytest.mark.parametrize("data", MESSAGES, ids=len)
def test_we_verify_what_others_sign(provider, key, other, data):
    """A signature made elsewhere verifies here, and only for its own data."""
    der = other.sign(key, data)
    provider.verify(key.public, der, data)
    with pytest.raises(SignatureInvalid):
        provider.verify(key.public, der, data + b".")


def test_a_request_signed_elsewhere_is_accepted(key, other):
    """An Authorization whose signature another implementation made verifies through the whole path."""
    string = request_string(REQUEST["method"], REQUEST["target"], NOW_S, NONCE, REQUEST["body"])
    authorization = replace(signed(key), signature=encode_signature(other.sign(key, string)))
    signer.verify_request(key.public, authorization, **REQUEST)


@pytest.mark.parametrize(
    "change",
    [{"method": "PUT"}, {"target": "/v1/messages?"}, {"body": REQUEST["body"] + b"\n"}, {"body": b""}],
    ids=["method", "target", "line feed", "body"],
)
def test_each_part_of_a_request_is_signed(key, change):
    """A request changed in any part is SIGNATURE_INVALID."""
    with pytest.raises(Problem) as caught:
        signer.verify_request(key.public, signed(key), **{**REQUEST, **change})
    assert caught.value.code == "SIGNATURE_INVALID"


@pytest.mark.parametrize("change", [{"timestamp": NOW_S + 1}, {"nonce": NONCE[::-1]}], ids=["timestamp", "nonce"])
def test_timestamp_and_nonce_are_signed(key, change):
    """A header with another timestamp or nonce is SIGNATURE_INVALID."""
    with pytest.raises(Problem) as caught:
        signer.verify_request(key.public, replace(signed(key), **change), **REQUEST)
    assert caught.value.code == "SIGNATURE_INVALID"


def test_another_key_does_not_verify(key):
    """A request verifies with the key of its signer only."""
    with pytest.raises(Problem) as caught:
        signer.verify_request(PrivateKey.generate().public, signed(key), **REQUEST)
    assert caught.value.code == "SIGNATURE_INVALID"


def test_malformed_is_told_from_invalid(key):
    """A signature that is no strict DER is SIGNATURE_MALFORMED, before any curve is asked."""
    with pytest.raises(Problem) as caught:
        signer.verify_request(key.public, replace(signed(key), signature="MEUCIQ=="), **REQUEST)
    assert caught.value.code == "SIGNATURE_MALFORMED"


def test_an_answer_is_tied_to_its_question(key):
    """A signed answer verifies with its own nonce, timestamp and body, and with no others."""
    answer = signer.sign_response(key, timestamp=NOW_S, nonce=NONCE, body=b"{}")
    assert answer.serial_no == key.serial_no
    signer.verify_response(key.public, answer, body=b"{}")
    others = [(answer, b"{ }"), (replace(answer, nonce="n" * 32), b"{}"), (replace(answer, timestamp=NOW_S - 1), b"{}")]
    for signature, body in others:
        with pytest.raises(Problem) as caught:
            signer.verify_response(key.public, signature, body=body)
        assert caught.value.code == "SIGNATURE_INVALID"


@settings(max_examples=50)
@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes_as_a_signature_are_refused(key, provider, der, data):
    """Nothing but SignatureInvalid comes of arbitrary signature bytes, and the thread's next use is unharmed."""
    with pytest.raises(SignatureInvalid):
        provider.verify(key.public, der, data)
    provider.verify(key.public, provider.sign(key, data), data)


def test_nonces_are_fresh_and_well_formed():
    """A nonce is 32 of the allowed characters and does not come twice."""
    nonces = {signer.new_nonce() for _ in range(1000)}
    assert len(nonces) == 1000
    assert all(len(nonce) == 32 and nonce.isalnum() and nonce.isascii() for nonce in nonces)


def test_many_threads_share_keys(provider):
    """Threads that load, sign and verify with the same keys at once do not disturb each other."""
    keys = [PrivateKey.generate() for _ in range(4)]
    faults: list[BaseException] = []
    start = threading.Barrier(8)

    def work(name: int) -> None:
        try:
            start.wait(timeout=10)
            for turn in range(40):
                key, data = keys[turn % len(keys)], f"{name}-{turn}".encode()
                provider.verify(key.public, provider.sign(key, data), data)
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            faults.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not faults


async def test_the_pool_signs_and_verifies(provider, key):
    """The asynchronous face gives the synchronous results, a batch in its order, and raises the same problems."""
    pool = CryptoPool(provider, threads=2)
    answers = [Answer(private=key, timestamp=NOW_S, nonce=NONCE, body=b"%d" % index) for index in range(7)]
    signatures = await asyncio.gather(*(pool.sign_response(answer) for answer in answers))
    for answer, signature in zip(answers, signatures, strict=True):
        await pool.verify_response(key.public, signature, body=answer.body)
    await pool.verify_response(key.public, await pool.sign_response(answers[0]), body=b"0")
    request = await pool.sign_request(key, sender_id="xmccb", timestamp=NOW_S, nonce=NONCE, **REQUEST)
    await pool.verify_request(key.public, request, **REQUEST)
    with pytest.raises(Problem, match="SIGNATURE_INVALID"):
        await pool.verify_request(key.public, request, **{**REQUEST, "body": b""})
    pool.close()


def test_the_self_test_passes_here(provider):
    """The library of this host gives the standards' answers."""
    self_test(provider)


class Broken:
    """A provider with one fault."""

    name = "broken"

    def __init__(self, whole, **faults) -> None:
        self.generate, self.sign, self.verify = whole.generate, whole.sign, whole.verify
        for call, fault in faults.items():
            setattr(self, call, fault)


def refuse(*arguments):
    raise SignatureInvalid


@pytest.mark.parametrize(
    "faults",
    [{"verify": lambda *arguments: None}, {"verify": refuse}, {"sign": lambda *arguments: b"\x30\x00"}],
    ids=["accepts all", "refuses all", "signs wrongly"],
)
def test_the_self_test_finds_a_broken_library(provider, faults):
    """A library that accepts a tampered message, refuses a known one or signs wrongly stops the start."""
    with pytest.raises(CryptoUnavailable, match="apt install"):
        self_test(Broken(provider, **faults))


def test_a_missing_library_says_what_to_install(monkeypatch):
    """A path without libcrypto ends in words for the person who must install it."""
    monkeypatch.setenv("WGG_LIBCRYPTO", "nowhere-libcrypto.so")
    with pytest.raises(CryptoUnavailable, match=r"apt install libssl3.*nowhere-libcrypto"):
        load_libcrypto.__wrapped__()


def test_a_library_without_sm2_is_unavailable(monkeypatch, provider):
    """A libcrypto that cannot load an SM2 key, as some distributions build it, is refused when it is loaded."""
    p256 = bytes.fromhex("3059301306072A8648CE3D020106082A8648CE3D030107034200")
    monkeypatch.setattr("gateway.crypto.curve.SPKI_HEAD", p256)  # a point of SM2 is none of this curve
    with pytest.raises(CryptoUnavailable, match=provider.name):
        Libcrypto(provider.name)


def test_everything_taken_is_given_back(provider):
    """Each context is freed, and each key's handle, whether the call succeeds, is refused or fails."""
    libcrypto = Libcrypto(provider.name)
    taken, freed = [], []
    calls = libcrypto.calls
    take, give, drop = calls.EVP_MD_CTX_new, calls.EVP_MD_CTX_free, calls.EVP_PKEY_free

    def new():
        taken.append(take())
        return taken[-1]

    calls.EVP_MD_CTX_new = new
    calls.EVP_MD_CTX_free = lambda context: (freed.append(context), give(context))
    calls.EVP_PKEY_free = lambda handle: (freed.append(handle), drop(handle))
    key = PrivateKey.generate()
    private, public = libcrypto.load_private(key.pkcs8), libcrypto.load_public(key.public.spki)
    pointers = [private.pointer, public.pointer]
    signature = libcrypto.sign(private, b"x")
    libcrypto.verify(public, signature, b"x")
    for der in (signature, b"\x30\x00"):
        with pytest.raises(SignatureInvalid):
            libcrypto.verify(public, der, b"y")
        assert calls.ERR_peek_last_error() == 0  # else Python's ssl would find it in this thread
    set_id = calls.EVP_PKEY_CTX_set1_id
    calls.EVP_PKEY_CTX_set1_id = lambda *arguments: 0
    with pytest.raises(CryptoFailed):
        libcrypto.sign(private, b"x")
    calls.EVP_PKEY_CTX_set1_id = set_id
    del private, public
    gc.collect()
    assert len(taken) == 5
    assert sorted(freed) == sorted(taken + pointers)


def test_a_library_that_is_not_libcrypto_is_unavailable():
    """A library without the needed calls is refused by name, not by a crash."""
    with pytest.raises(CryptoUnavailable, match=r"libm\.so\.6"):
        Libcrypto("libm.so.6")
