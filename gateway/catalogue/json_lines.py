"""The line of a member in a JSON file, so that a mistake is told with its place.

Only files with a mistake are read again for it: JSON is YAML, whose reader knows the lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

Steps = Sequence[str | int]

_FOREIGN: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
"""What JSON text may hold as it is and YAML takes for a line's end, or not at all."""


def find_line(file: Path, steps: Steps) -> int:
    """The line (from 1) of the member that these names and indices lead to, or of the last one on the way."""
    try:
        node = yaml.compose(_FOREIGN.sub("?", file.read_text(encoding="utf-8")), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return 1
    line = 1
    for step in steps:
        found = None if node is None else _descend(node, step)
        if found is None:
            break
        line, node = found
    return line


def _descend(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    """The line and the node of one member."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line + 1, item) for key, item in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None


def find_reference(file: Path, reference: str) -> int | None:
    """The first line that holds this text within quotes, None where there is none."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if f'{reference}"' in line), None)
