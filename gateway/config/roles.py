"""Which roles a process may take with which settings."""

from __future__ import annotations

from typing import Final

from gateway.config.errors import ConfigError, Mistake
from gateway.config.loading import SETTINGS_FILE
from gateway.config.models import Settings

ALL: Final = "all"
ROLES: Final = ("api", "relay", "worker", "timers", ALL)


def check_role(settings: Settings, role: str) -> None:
    """Raise ConfigError for a split role on SQLite or on the local bus (architecture point 7)."""
    file = str(settings.home / SETTINGS_FILE)
    reasons = (
        (settings.embedded, "database", "SQLite 只能由一个进程使用"),
        (settings.bus == "local", "bus", "local 总线只在一个进程之内"),
    )
    mistakes = [
        Mistake(file=file, field=field, text=f"{why}，不能以 --role {role} 分开运行；请改用 --role all，或换成集群组件")
        for broken, field, why in reasons
        if broken and role != ALL
    ]
    if mistakes:
        raise ConfigError(mistakes)
