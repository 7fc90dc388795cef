"""Messages for the tests of this room: examples turned into envelopes, and a walk that applies them."""

from __future__ import annotations

import copy
from dataclasses import replace

from gateway.catalogue import example, load_areas, load_calendar, load_catalogue
from gateway.core.area import NATIONAL, Area, Period
from gateway.core.effects import Held, Timing, apply
from gateway.core.errors import Problem
from gateway.core.parameters import DEFAULTS
from gateway.core.wire.envelope import parse_envelope

NOW = 1_795_219_200_000_000
CATALOGUE = load_catalogue()
AREAS = load_areas()
TIMING = Timing(calendar=load_calendar(), delivered=True)


def areas_with(parameters):
    """Every area as it is; with other parameters of orders the whole country alone."""
    if parameters == DEFAULTS:
        return AREAS
    national = AREAS[NATIONAL].periods[-1]
    period = Period(since=national.since, parameters=replace(national.parameters, orders=parameters))
    return {NATIONAL: Area(code=NATIONAL, name="全国", periods=(period,))}


def make(type_, variant=None, *, kind="bank", subject="DD-1", change=None, **ends):
    """The envelope of an example; `change` may alter its data."""
    event = copy.deepcopy(example(type_, variant=variant, kind=kind, subject=subject, now_us=NOW, **ends))
    if change is not None:
        change(event["data"])
    CATALOGUE.check(event["type"], event)
    return parse_envelope(event)


def decide(order, envelope, *, kind="bank", now=NOW, parameters=DEFAULTS, case=None, others=()):
    """The effects of one message, as the accept step asks for them."""
    held = Held(order=order, case=case, others={other.subject: other for other in others})
    row = CATALOGUE.row(envelope.type)
    role = envelope.source if envelope.source in {"platform", "gateway"} else "institution"
    return apply(
        held,
        envelope,
        row=row,
        source_role=role,
        institution_kind=kind,
        now=now,
        areas=areas_with(parameters),
        timing=TIMING,
    )


def follow(*steps, order=None, kind="bank", parameters=DEFAULTS):
    """The order after a sequence of types, (type, variant) pairs or envelopes."""
    for step in steps:
        envelope = (
            make(step, kind=kind)
            if isinstance(step, str)
            else make(*step, kind=kind)
            if isinstance(step, tuple)
            else step
        )
        order = decide(order, envelope, kind=kind, parameters=parameters).order
    return order


def refusal_of(order, envelope, **settings):
    """The problem that this message meets, None if it is accepted."""
    try:
        decide(order, envelope, **settings)
    except Problem as problem:
        return problem
    return None
