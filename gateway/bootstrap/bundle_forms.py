"""The printed forms of a bundle: every form that its messages fill."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config import Settings
from gateway.core.evidence.holdings import Holdings
from gateway.core.evidence.leaves import MESSAGE
from gateway.forms.printing import Medium, Printer
from gateway.ports import Store


async def print_forms(settings: Settings, store: Store, holdings: Holdings, medium: Medium) -> Mapping[str, bytes]:
    """File name → content. Raises PrintingUnavailable where this machine lacks what PDF needs."""
    keys = [
        (leaf.members["source"], leaf.members["id"])
        for leaf in holdings.leaves
        if leaf.kind == MESSAGE and leaf.members["replayOf"] is None
    ]
    views = [view for source, number in keys if (view := await store.message(source, number)) is not None]
    printer = Printer(await store.directory(), verify_base=settings.public_url)
    return {printed.name: printed.content for printed in printer.print_all(views, medium)}
