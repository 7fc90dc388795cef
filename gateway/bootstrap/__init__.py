"""The one place that names concrete classes. Whoever serves imports `process` itself: commands start without it."""

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.homes import found_home, load_key, new_key, open_home_store, open_legal_time

__all__ = ["SystemClock", "found_home", "load_key", "new_key", "open_home_store", "open_legal_time"]
