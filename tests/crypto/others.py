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
        signer = sm2.CryptSM2(private_key=private.secret.hex(), public_key=_xy(private.public), asn1=True)
        return bytes.fromhex(signer.sign_with_sm3(data, f"{1 + secrets.randbelow(N - 1):064x}"))

    def verifies(self, public: PublicKey, der: bytes, data: bytes) -> bool:
        sequence = DerSequence().decode(der)
        raw = f"{sequence[0]:064x}{sequence[1]:064x}"
        return bool(sm2.CryptSM2(private_key="", public_key=_xy(public)).verify_with_sm3(raw, data))


def _xy(public: PublicKey) -> str:
    return public.point.hex()[2:]
