"""A home's settings: read whole, checked whole, frozen."""

from __future__ import annotations

from gateway.config.endpoints import EndpointPolicy
from gateway.config.errors import ConfigError, Mistake
from gateway.config.links import load_link
from gateway.config.loading import SETTINGS_FILE, load_settings, unknown_variables
from gateway.config.models import (
    BusOptions,
    ClockBounds,
    DeliveryPlan,
    HomeFile,
    Limits,
    Listen,
    Log,
    Settings,
    Sweeps,
)
from gateway.config.roles import ROLES, check_role
from gateway.config.sample import render_home_file
from gateway.config.urls import hide_password

__all__ = [
    "ROLES",
    "SETTINGS_FILE",
    "BusOptions",
    "ClockBounds",
    "ConfigError",
    "DeliveryPlan",
    "EndpointPolicy",
    "HomeFile",
    "Limits",
    "Listen",
    "Log",
    "Mistake",
    "Settings",
    "Sweeps",
    "check_role",
    "hide_password",
    "load_link",
    "load_settings",
    "render_home_file",
    "unknown_variables",
]
