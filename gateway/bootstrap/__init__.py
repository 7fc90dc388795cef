"""The one place that names concrete classes."""

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.homes import found_home, load_key, new_key, open_home_store
from gateway.bootstrap.process import serve

__all__ = ["SystemClock", "found_home", "load_key", "new_key", "open_home_store", "serve"]
