"""Wake-ups as AMQP messages and back.

The CloudEvents attributes travel as `cloudEvents:` headers (CloudEvents AMQP binding), the body is the raw bytes.
"""

from __future__ import annotations

from pika import BasicProperties
from pika.delivery_mode import DeliveryMode

from gateway.ports import Publication, Wakeup

DELIVERY = "gzbzj-delivery"
_CONTENT_TYPE = "application/cloudevents+json"


def properties_of(publication: Publication) -> BasicProperties:
    """Write a publication's AMQP properties: persistent, with its delivery id and CloudEvents attributes."""
    return BasicProperties(
        content_type=_CONTENT_TYPE,
        delivery_mode=DeliveryMode.Persistent.value,
        message_id=publication.headers.get("cloudEvents:id"),
        type=publication.type,
        headers={**publication.headers, DELIVERY: publication.delivery_id},
    )


def delivery_id_of(properties: BasicProperties) -> int | None:
    """Read which delivery row a message names; None when it is not one of ours."""
    value = (properties.headers or {}).get(DELIVERY)
    return value if isinstance(value, int) else None


def wakeup_of(recipient: str, properties: BasicProperties, *, redelivered: bool) -> Wakeup | None:
    """Read a wake-up; None when the message is not one of ours."""
    delivery_id = delivery_id_of(properties)
    if delivery_id is None:
        return None
    return Wakeup(delivery_id=delivery_id, recipient=recipient, redelivered=redelivered)
