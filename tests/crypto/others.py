"""Two other implementations of SM2, to sign and to verify against ours: the openssl command line and gmssl."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

from Cryptodome.Util.asn1 import DerSequence
from gmssl import sm2

from gateway.crypto.curve import N
from gateway.crypto.keys import PrivateKey, PublicKey

USER_ID = "distid:1234567812345678"
# Errors of openssl's SM2 routines by number, because the command knows no texts for them: 104 is "invalid encoding".
NO_STRICT_DER = b":1A800068:"
OUT_OF_RANGE = b":1A800065:"


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    """The command's output; its own words stand in the failure."""
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class OpensslCommand:
    """Signs and verifies as README's lines do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sign(self, private: PrivateKey, data: bytes) -> bytes:
        key, message = self._write("key.pem", private.to_pem().encode()), self._write("message", data)
        return openssl("dgst", "-sm3", "-sign", key, "-sigopt", USER_ID, message)

    def verifies(self, public: PublicKey, der: bytes, data: bytes) -> bool:
        key, message = self._write("pub.pem", public.to_pem().encode()), self._write("message", data)
        signature = self._write("signature", der)
        command = ["openssl", "dgst", "-sm3", "-verify", key, "-sigopt", USER_ID, "-signature", signature, message]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.returncode == 0 and b"Verified OK" in done.stdout

    def judge(self, public: PublicKey, der: bytes, data: bytes) -> str:
        """`verified`, or what is wrong: the DER's `form`, a `value` out of range, or the signature itself (`refused`).

        By `pkeyutl`, which reads a signature to its end; `dgst` stops after 72 bytes.
        """
        key, message = self._write("pub.pem", public.to_pem().encode()), self._write("message", data)
        given = ("-inkey", key, "-in", message, "-sigfile", self._write("signature", der))
        options = ("-pubin", "-rawin", "-digest", "sm3", "-pkeyopt", USER_ID)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", *options, *given], capture_output=True, check=False)
        if done.returncode == 0:
            return "verified"
        assert b"Signature Verification Failure" in done.stdout, done.stderr.decode()
        faults = {"form": NO_STRICT_DER, "value": OUT_OF_RANGE}
        return next((name for name, number in faults.items() if number in done.stderr), "refused")

    def _write(self, name: str, data: bytes) -> str:
        path = self._folder / name
        path.write_bytes(data)
        return str(path)


class Gmssl:
    """The gmssl package with its traps stepped around: public key given, k from the system, keys that it can parse."""

    @staticmethod
    def parses(public: PublicKey) -> bool:
        """It strips every leading 0 and 4 of a key's hex, so that x must begin with neither."""
        return public.point.hex()[2] not in "04"

    def sign(self, private: PrivateKey, data: bytes) -> bytes:
        return self.sign_with(
            private.secret.hex(), private.public.point.hex(), data, f"{1 + secrets.randbelow(N - 1):064x}"
        )

    @staticmethod
    def sign_with(secret: str, point: str, data: bytes, k: str) -> bytes:
        """The one signature for a k; all numbers in hex, the point with its 04."""
        signer = sm2.CryptSM2(private_key=secret, public_key=point[2:], asn1=True)
        return bytes.fromhex(signer.sign_with_sm3(data, k))

    def verifies(self, public: PublicKey, der: bytes, data: bytes) -> bool:
        sequence = DerSequence().decode(der)
        raw = f"{sequence[0]:064x}{sequence[1]:064x}"
        return bool(sm2.CryptSM2(private_key="", public_key=_xy(public)).verify_with_sm3(raw, data))


def _xy(public: PublicKey) -> str:
    return public.point.hex()[2:]
