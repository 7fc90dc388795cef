"""What each backend of the bus can be told, and the names that it gives things in the broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.retrying import Backoff

Log = Callable[..., None]
"""Takes an event's stable dotted name and its fields."""


def silence(_event: str, **_fields: object) -> None:
    """Log nothing: the default of a bus that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """Seconds and counts of the in-process backend."""

    delivery_limit: int = 20
    """How often a wake-up may be given back before the bus gives it up."""
    queue_limit: int = 10_000
    """Wake-ups that wait in one recipient's queue at most: a bounded memory however long a recipient is away."""
    reject_pause: float = 1.0
    """How long a failed wake-up is held before it is given back, so that a broken handler does not spin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitSettings:
    """Seconds, counts and bytes of the RabbitMQ backend; `url` is `amqp://` or `amqps://`."""

    url: str
    prefix: str = "gzbzj"
    window: int = 200
    """Publishes to one recipient in flight without their confirm."""
    window_bytes: int = 16 * 1024 * 1024
    """The same in bytes of body: pika's own outbound buffer has no bound."""
    publish_timeout: float = 10.0
    """The longest that one `publish` takes, whatever the broker does."""
    connect_timeout: float = 5.0
    call_timeout: float = 5.0
    """The longest wait for the broker's answer to a declaration, a subscription or a count."""
    delete_timeout: float = 30.0
    """The same for the deletion of a queue, which the broker tries properly for seconds before it forces it."""
    replace_after: float = 20.0
    """How long a queue may confirm nothing, while its broker answers, before it is made anew: several times what a
    cluster takes to elect a leader.
    """
    replace_every: float = 60.0
    """How long a queue that was made anew, or should have been, is left as it is."""
    heartbeat: int = 5
    """Seconds; pika gives a silent connection up after this and five more."""
    delivery_limit: int = 20
    reject_pause: float = 1.0
    supervise_every: float = 5.0
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def exchange(self) -> str:
        """The topic exchange that wake-ups are published to."""
        return f"{self.prefix}.messages"

    @property
    def dead(self) -> str:
        """The exchange for what the broker gave up on, and the name of its one queue."""
        return f"{self.prefix}.dead"

    def queue(self, recipient: str) -> str:
        """Name a recipient's queue."""
        return f"{self.prefix}.q.{recipient}"
