"""Which common mistake a failed signature shows: the wrong strings of `core.wire`, tried against what was signed.

Source: protocol section 7 (`diagnosis`). A signature tells the number that it signs (`points.recover_digest`), so that
a mistake costs one digest to try and the curve is asked once a key and reading. It names the mistake, accepts nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gateway.core.wire.diagnosis import Diagnosis
from gateway.core.wire.wrong_signatures import Mistake, Reading, read_signature
from gateway.core.wire.wrong_strings import LAYOUTS, Layout, Signing, Wrong, join_lines, millisecond_lines, wrong_lines
from gateway.crypto.curve import N
from gateway.crypto.digest import sm3, sm3_hex
from gateway.crypto.keys import PublicKey
from gateway.crypto.points import ecdsa_signs, recover_digest
from gateway.crypto.wrong_digests import MIXTURES, Mixture, other_id, right_digest

_MOST_SUSPECTS: Final = 8
_BUDGET: Final = 32 * 1024 * 1024
"""Bytes that one diagnosis digests at most, a fifth of a second: every layout and digest of the largest body."""

_OTHER_KEY: Final = "签名用的是本方另一把密钥（序列号 {}），应与 serial_no 一致"
_ECDSA: Final = Mistake(code="ECDSA", text="用了 ECDSA 签名（摘要 {}），应为 SM2 签名（SM2-with-SM3，GB/T 32918.2）")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    """A number that was signed under `point`, if the mistakes named were made."""

    point: bytes
    signed: int
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guess:
    """A string, the way it was digested (None: the right one) and the mistakes that both mean."""

    string: bytes
    mistakes: tuple[Mistake, ...]
    mixture: Mixture | None = None


def diagnose(
    signing: Signing, signature: str, keys: Sequence[PublicKey], *, sender_id: str = "", budget: int = _BUDGET
) -> Diagnosis:
    """The diagnosis of a signature's text that should have been over `signing`.

    `keys` are the sender's, first the one that it named. Takes up to a few tenths of a second: run it in a thread.
    """
    expected = signing.expected
    readings = read_signature(signature)
    search = _Search(signing, sender_id, budget)
    found = next((match for match in _matches(search, _suspects(readings, keys))), None)
    if found is None:
        mistakes = _ecdsa(expected, readings, keys[0])
        return Diagnosis(mistakes=mistakes, expected=expected, digest=sm3_hex(expected), signed=None)
    suspect, guess = found
    mistakes = suspect.mistakes + guess.mistakes
    return Diagnosis(mistakes=mistakes, expected=expected, digest=sm3_hex(expected), signed=guess.string)


def _matches(search: _Search, suspects: Sequence[_Suspect]) -> Iterator[tuple[_Suspect, _Guess]]:
    """One mistake beside those of the reading for every suspect, then two for the first."""
    for suspect in suspects:
        for guess in search.find(suspect, search.single()):
            yield suspect, guess
    for suspect in suspects[:1]:
        for guess in search.find(suspect, search.double()):
            yield suspect, guess


def _suspects(readings: Sequence[Reading], keys: Sequence[PublicKey]) -> list[_Suspect]:
    named = [(reading, keys[0], ()) for reading in readings]
    others = [
        (reading, key, (Mistake(code="OTHER_KEY", text=_OTHER_KEY.format(key.serial_no)),))
        for key in keys[1:]
        for reading in readings[:1]
    ]
    asked = islice([*named[:1], *others, *named[1:]], _MOST_SUSPECTS)
    found = [(recover_digest(key.point, reading.r, reading.s), key, reading, more) for reading, key, more in asked]
    return [
        _Suspect(point=key.point, signed=signed, mistakes=(*more, *reading.mistakes))
        for signed, key, reading, more in found
        if signed is not None
    ]


class _Search:
    """Guesses in the order of their likelihood, digested as long as the budget of bytes lasts."""

    def __init__(self, signing: Signing, sender_id: str, budget: int) -> None:
        self._signing = signing
        self._budget = budget
        self._mixtures = (*MIXTURES, *((other_id(sender_id.encode()),) if sender_id else ()))

    def find(self, suspect: _Suspect, guesses: Iterator[_Guess]) -> Iterator[_Guess]:
        """The guesses that this suspect's signature is over."""
        for guess in guesses:
            self._budget -= len(guess.string)
            if self._budget < 0:
                return
            digest = right_digest if guess.mixture is None else guess.mixture.digest
            if int.from_bytes(digest(suspect.point, guess.string)) % N == suspect.signed:
                yield guess

    def single(self) -> Iterator[_Guess]:
        """No further mistake, or one."""
        expected = self._signing.expected
        yield _Guess(string=expected, mistakes=())
        yield from (_laid(self._signing.lines, (), layout) for layout in LAYOUTS)
        yield from (self._mixed(expected, (), mixture) for mixture in self._mixtures)
        for wrong in self._lines():
            yield _Guess(string=join_lines(wrong.lines), mistakes=(_named(wrong),))
        for wrong in millisecond_lines(self._signing):
            yield _Guess(string=join_lines(wrong.lines), mistakes=(_named(wrong),))

    def double(self) -> Iterator[_Guess]:
        """Two mistakes: in the lines, in their ends, in the digest."""
        for layout in LAYOUTS:
            laid = _laid(self._signing.lines, (), layout)
            yield from (self._mixed(laid.string, laid.mistakes, mixture) for mixture in self._mixtures)
        for wrong in self._lines():
            named = (_named(wrong),)
            yield from (_laid(wrong.lines, named, layout) for layout in LAYOUTS)
            yield from (self._mixed(join_lines(wrong.lines), named, mixture) for mixture in self._mixtures)

    def _lines(self) -> Iterator[Wrong]:
        yield from _digested_bodies(self._signing)
        yield from wrong_lines(self._signing)

    @staticmethod
    def _mixed(string: bytes, mistakes: tuple[Mistake, ...], mixture: Mixture) -> _Guess:
        return _Guess(string=string, mistakes=(*mistakes, _named(mixture)), mixture=mixture)


def _laid(lines: tuple[bytes, ...], mistakes: tuple[Mistake, ...], layout: Layout) -> _Guess:
    return _Guess(string=layout.join(lines), mistakes=(*mistakes, _named(layout)))


def _named(row: Wrong | Layout | Mixture) -> Mistake:
    return Mistake(code=row.code, text=row.text)


def _digested_bodies(signing: Signing) -> Iterator[Wrong]:
    """The body's digest where the body belongs."""
    *head, body = signing.lines
    digests = (
        ("SM3 十六进制（小写）", sm3_hex(body).encode()),
        ("SM3 十六进制（大写）", sm3_hex(body).upper().encode()),
        ("SM3 Base64", base64.b64encode(sm3(body))),
        ("SHA-256 十六进制", hashlib.sha256(body).hexdigest().encode()),
        ("MD5 十六进制", hashlib.md5(body, usedforsecurity=False).hexdigest().encode()),
    )
    for name, digest in digests:
        text = f"报文体一行放的是报文体的摘要（{name}），应为报文体原文"
        yield Wrong(code="BODY_DIGEST", text=text, lines=(*head, digest))


def _ecdsa(expected: bytes, readings: Sequence[Reading], key: PublicKey) -> tuple[Mistake, ...]:
    digests = (("SM3", sm3(expected)), ("SHA-256", hashlib.sha256(expected).digest()))
    for reading in readings[:1]:
        for name, digest in digests:
            if ecdsa_signs(key.point, reading.r, reading.s, int.from_bytes(digest)):
                return (Mistake(code=_ECDSA.code, text=_ECDSA.text.format(name)), *reading.mistakes)
    return ()
