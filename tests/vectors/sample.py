"""The sample client of examples/python, loaded from its file: it shares no code with the gateway."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

FILE = Path(__file__).resolve().parents[2] / "examples" / "python" / "gzbzj.py"


def _load() -> ModuleType:
    spec = spec_from_file_location("sample_client", FILE)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


SAMPLE = _load()
