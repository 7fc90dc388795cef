"""What operators' dashboards live on is told by real deliveries and shown by /metrics (both databases)."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller
from tests.resilience.institutions import ask, banks


async def scrape(gateway: Gateway) -> dict[tuple[str, ...], float]:
    """Samples by their name and the values of their labels."""
    answer = await Caller(gateway, "platform", "platform").get("/metrics")
    families = text_string_to_metric_families(answer.body.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def rise(before: dict[tuple[str, ...], float], after: dict[tuple[str, ...], float], *sample: str) -> float:
    return after.get(sample, 0) - before.get(sample, 0)


async def test_attempts_are_timed_and_ends_are_counted(either: Gateway):
    """A push that is answered, one that is refused and one that nobody answers: three spans, two ends."""
    before = await scrape(either)
    async with banks(either, "well", "sick") as (well, _):
        well.script.append(well.refuse("NO", "不予受理"))
        await ask(either, "well", 2)
        await either.change("sick", endpoint="http://127.0.0.1:9/")
        await ask(either, "sick", 1)
        await either.deliver()
    after = await scrape(either)
    assert rise(before, after, "wgg_delivery_attempt_seconds_count", "well") == 2
    assert rise(before, after, "wgg_delivery_attempt_seconds_count", "sick") == 1
    ends = {end: rise(before, after, "wgg_deliveries_closed_total", end) for end in ("delivered", "refused", "dead")}
    assert ends == {"delivered": 1, "refused": 1, "dead": 0}  # what tells the platform stands in its mailbox


async def test_a_message_that_is_given_up_is_counted_and_alerts(either: Gateway):
    """The end is `dead`; the alert is counted, and counts on when it is closed."""
    before = await scrape(either)
    async with banks(either, "sick") as _:
        await either.change("sick", endpoint="http://127.0.0.1:9/")
        await ask(either, "sick", 1)
        await either.after(80 * 3600)
    after = await scrape(either)
    assert rise(before, after, "wgg_deliveries_closed_total", "dead") == 1
    assert after["wgg_alerts_raised", "DEAD_LETTER"] == 1


async def test_the_oldest_message_shows_its_age(either: Gateway):
    """A message under way ages by recipient; a recipient with nothing under way is not shown."""
    async with banks(either, "well", "sick") as _:
        await either.change("sick", endpoint="http://127.0.0.1:9/")
        await ask(either, "sick", 2)
        await ask(either, "well", 1)
        await either.deliver()
        either.clock.advance(60)
        shown = await scrape(either)
    assert shown["wgg_oldest_head_age_seconds", "sick"] == 60
    assert ("wgg_oldest_head_age_seconds", "well") not in shown
