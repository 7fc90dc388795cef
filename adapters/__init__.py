"""The dialects: one room each, found by entry point."""

from adapters.registry import AdapterError, load_adapters

__all__ = ["AdapterError", "load_adapters"]
