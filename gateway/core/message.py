"""A message as the gateway keeps it: the sender's bytes untouched, with what was proved and promised about them."""

from __future__ import annotations

from gateway.core.value_class import value_class


@value_class
class Message:
    """One accepted message. `body` is exactly what the sender signed; `origin` the Authorization made over it.

    `digest` is the SM3 of `body` in lower-case hex. `receipt` is the body of the 202, kept to be repeated byte for
    byte (protocol section 5). `received_at` is microseconds UTC, the legal instant of receipt.
    """

    source: str
    id: str
    type: str
    subject: str
    recipient: str
    correlation_id: str | None
    digest: str
    body: bytes
    origin: str
    received_at: int
    receipt_no: str
    receipt: bytes
    traceparent: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The idempotency key: sender and id (protocol section 2)."""
        return (self.source, self.id)
