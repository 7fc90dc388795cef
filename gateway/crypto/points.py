"""Points of sm2p256v1 added and multiplied, and the digest that a signature was made over.

Source: GB/T 32918.1 and .2. For public values (a diagnosis) and test keys: slow, and not in constant time.
"""

from __future__ import annotations

import secrets

from gateway.crypto import curve
from gateway.crypto.curve import A, N, P

Point = tuple[int, int, int]
"""Jacobian coordinates: x = X / Z², y = Y / Z³; Z is 0 at infinity."""

_INFINITY: Point = (0, 1, 0)


def recover_digest(point: bytes, r: int, s: int) -> int | None:
    """The number e, below n, that (r, s) signs under the key `04 ‖ x ‖ y`; None where there is none.

    Verification asks whether r = e + x1 with (x1, y1) = s·G + (r + s)·P; so every (r, s) is a signature of one e.
    """
    total = (r + s) % N
    if not (1 <= r < N and 1 <= s < N and total):
        return None
    x = _affine_x(_combine(s, total, point))
    return None if x is None else (r - x) % N


def sign_number(secret: bytes, e: int) -> tuple[int, int]:
    """(r, s) of a number under a secret (32 bytes): for test keys that sign what no honest signer does.

    Not in constant time; never for a key that guards anything.
    """
    d = int.from_bytes(secret)
    while True:
        k = 1 + secrets.randbelow(N - 1)
        x = _affine_x(_combine(k, 0, curve.G))
        r = (e + (x or 0)) % N
        s = pow(1 + d, -1, N) * (k - r * d) % N
        if r and s and r + k != N:
            return r, s


def ecdsa_signs(point: bytes, r: int, s: int, e: int) -> bool:
    """Whether (r, s) is an ECDSA signature of e on this curve: what a general EC library makes with an SM2 key."""
    if not (1 <= r < N and 1 <= s < N):
        return False
    inverse = pow(s, -1, N)
    x = _affine_x(_combine(e * inverse % N, r * inverse % N, point))
    return x is not None and x % N == r


def _combine(first: int, second: int, point: bytes) -> Point:
    """first·G + second·P, both at once (Shamir)."""
    base, other = _decode(curve.G), _decode(point)
    steps = (_INFINITY, base, other, _add(base, other))
    sum_ = _INFINITY
    for place in range(255, -1, -1):
        sum_ = _double(sum_)
        step = (first >> place & 1) | (second >> place & 1) << 1
        if step:
            sum_ = _add(sum_, steps[step])
    return sum_


def _decode(point: bytes) -> Point:
    return int.from_bytes(point[1:33]), int.from_bytes(point[33:]), 1


def _affine_x(point: Point) -> int | None:
    x, _, z = point
    return x * pow(z, -2, P) % P if z else None


def _double(point: Point) -> Point:
    x, y, z = point
    if not z:
        return _INFINITY
    y2 = y * y % P
    s = 4 * x * y2 % P
    z2 = z * z % P
    m = (3 * x * x + A * z2 * z2) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * y2 * y2) % P, 2 * y * z % P


def _add(left: Point, right: Point) -> Point:
    if not left[2] or not right[2]:
        return right if not left[2] else left
    x1, y1, z1 = left
    x2, y2, z2 = right
    z1z1, z2z2 = z1 * z1 % P, z2 * z2 % P
    u1, s1 = x1 * z2z2 % P, y1 * z2 * z2z2 % P
    h, r = (x2 * z1z1 - u1) % P, (y2 * z1 * z1z1 - s1) % P
    if not h:
        return _INFINITY if r else _double(left)
    h2 = h * h % P
    h3, v = h * h2 % P, u1 * h2 % P
    x3 = (r * r - h3 - 2 * v) % P
    return x3, (r * (v - x3) - s1 * h3) % P, h * z1 * z2 % P
