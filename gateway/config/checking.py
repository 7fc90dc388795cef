"""A document checked whole against its model: every mistake, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.config.mistakes import Place, describe, place_of

Model = TypeVar("Model", bound=BaseModel)
Finding = tuple[Place, str]


def check_document(
    document: Mapping[str, Any],
    model: type[Model],
    contradictions: Callable[[Model], Sequence[Finding]],
) -> tuple[Model, list[Finding]]:
    """The checked values and all findings; values are those of the defaults where a finding stands.

    Contradictions are looked for among what was right, so that they show together with the other mistakes.
    """
    try:
        checked, findings = model.model_validate(document), []
    except ValidationError as error:
        findings = [(place_of(detail), describe(detail, model)) for detail in error.errors()]
        checked = model.model_validate(_without(document, [place for place, _ in findings]))
    spoiled = {place[:1] for place, _ in findings}
    findings += [finding for finding in contradictions(checked) if finding[0][:1] not in spoiled]
    return checked, findings


def _without(document: Mapping[str, Any], places: Sequence[Place]) -> dict[str, Any]:
    copy = deepcopy(dict(document))
    for place in places:
        _drop(copy, place)
    return copy


def _drop(copy: dict[str, Any], place: Place) -> None:
    """Leave out a member; a faulty list goes whole."""
    inner = copy
    for part in place[:-1]:
        if not isinstance(inner.get(part), dict):
            inner.pop(part, None)
            return
        inner = inner[part]
    inner.pop(place[-1], None)
