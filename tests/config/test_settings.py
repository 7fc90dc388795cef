from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import ConfigError, check_role, hide_password, load_settings, render_home_file
from gateway.config.models import HomeFile

ROOT = Path(__file__).parents[2]


def write(home: Path, text: str) -> Path:
    (home / "gateway.yaml").write_text(text, encoding="utf-8")
    return home


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    """A home whose file says nothing runs the embedded default with the protocol's figures."""
    settings = load_settings(write(tmp_path, ""), {})
    assert settings.embedded
    assert settings.database == f"sqlite:///{tmp_path}/gateway.db"
    assert settings.key_file == tmp_path / "keys/gateway.pem"
    assert settings.bus == "local"
    assert settings.limits.body_bytes == 1 << 20
    assert settings.delivery.schedule_seconds == (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600)
    assert (settings.delivery.repeat_seconds, settings.delivery.give_up_hours) == (10_800, 72)


def test_settings_are_frozen(tmp_path: Path) -> None:
    """Nobody changes settings after they were checked."""
    settings = load_settings(write(tmp_path, ""), {})
    with pytest.raises(ValidationError):
        settings.bus = "amqp://elsewhere/"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("sqlite:///data/a.db", "sqlite:///{home}/data/a.db"),
        ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db"),
        ("postgresql://wgg@db.example/wgg", "postgresql://wgg@db.example/wgg"),
    ],
)
def test_database_paths_start_at_the_home(tmp_path: Path, written: str, resolved: str) -> None:
    """A relative SQLite path is the home's, an absolute one and a server's URL stay."""
    settings = load_settings(write(tmp_path, f"database: {written}"), {})
    assert settings.database == resolved.format(home=tmp_path)


def test_variables_override_the_file(tmp_path: Path) -> None:
    """WGG_ variables win over the file, two underscores go a level down, lists are YAML, others are ignored."""
    settings = load_settings(
        write(tmp_path, "deployment: xm\nlisten: {port: 1}\n"),
        {
            "WGG_DATABASE": "postgresql://h/d",
            "WGG_LISTEN__PORT": "9000",
            "WGG_DELIVERY__GIVE_UP_HOURS": "1.5",
            "WGG_DELIVERY__SCHEDULE_SECONDS": "[1, 2.5]",
            "WGG_DEVELOPMENT": "true",
            "WGG_LOG__FILE": "logs/a.jsonl",
            "WGG_HOME": "/elsewhere",
            "WGG_TEST_AMQP_URL": "amqp://h/",
            "PATH": "/bin",
        },
    )
    assert settings.deployment == "xm"
    assert settings.database == "postgresql://h/d"
    assert settings.listen.port == 9000
    assert settings.delivery.give_up_hours == 1.5
    assert settings.delivery.schedule_seconds == (1, 2.5)
    assert settings.endpoint_policy.plain_http
    assert settings.log.file == tmp_path / "logs/a.jsonl"


def test_all_mistakes_are_told_at_once_by_file_and_field(tmp_path: Path) -> None:
    """One start shows every mistake: wrong types, bounds, unknown names, contradictions and bad variables."""
    home = write(
        tmp_path,
        """
environment: production
development: true
databse: sqlite:///x.db
home: /elsewhere
listen: {port: 70000, hots: a}
limits: {body_bytes: true, accept_queue: 10, batch: 64}
delivery: {jitter: 1, schedule_seconds: [15, soon]}
log: quiet
bus: kafka://x
""",
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(home, {"WGG_CLOCK__WINDOW_SECONDS": "301", "WGG_NONSENSE": "1", "WGG_DEPLOYMENT__X": "1"})
    found = {(mistake.file, mistake.field): mistake.text for mistake in caught.value.mistakes}
    file = str(tmp_path / "gateway.yaml")
    assert set(found) == {
        (file, "development"),
        (file, "databse"),
        (file, "home"),
        (file, "listen.port"),
        (file, "listen.hots"),
        (file, "limits.body_bytes"),
        (file, "delivery.jitter"),
        (file, "delivery.schedule_seconds.1"),
        (file, "log"),
        (file, "bus"),
        ("环境变量", "WGG_CLOCK__WINDOW_SECONDS"),
        ("环境变量", "WGG_DEPLOYMENT__X"),
    }
    assert "database" in found[(file, "databse")]
    assert "65535" in found[(file, "listen.port")]
    assert all(f"{where}：{field}：" in str(caught.value) for where, field in found)
    assert "pydantic" not in str(caught.value)


def test_contradictions_show_beside_other_mistakes(tmp_path: Path) -> None:
    """A contradiction in one section is not hidden by a mistake in another."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, "limits: {batch: 9, accept_queue: 8}\nlisten: {port: x}"), {})
    assert {mistake.field for mistake in caught.value.mistakes} == {"limits.batch", "listen.port"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b", "顶层应为"),
        ("a: [1", "不是合法的 YAML：第 1 行"),
        ("bus: local\nbus: local", "名称 bus 重复"),
        ("1: local", "顶层应为"),
        ("listen: {port: 1, port: 2}", "名称 port 重复"),
    ],
)
def test_a_file_that_is_no_plain_mapping_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """YAML faults and repeated names are told with their place."""
    with pytest.raises(ConfigError, match=said):
        load_settings(write(tmp_path, text), {})


def test_a_missing_or_unreadable_file_is_a_mistake(tmp_path: Path) -> None:
    """A directory that is no home says how to make one; bytes that are no UTF-8 are told as such."""
    with pytest.raises(ConfigError, match="wgg init"):
        load_settings(tmp_path, {})
    (tmp_path / "gateway.yaml").write_bytes("deployment: 厦门".encode("gbk"))
    with pytest.raises(ConfigError, match="无法读取"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    "field",
    ["database: ''", "database: mysql://h/d", "database: 'sqlite:///:memory:'", "bus: redis://h", "bus: 'amqp://h:x/'"],
)
def test_addresses_of_other_systems_are_refused(tmp_path: Path, field: str) -> None:
    """Only the databases and buses that the gateway speaks with may be named."""
    with pytest.raises(ConfigError, match=field.split(":", maxsplit=1)[0]):
        load_settings(write(tmp_path, field), {})


@pytest.mark.parametrize("role", ["api", "relay", "worker", "timers"])
def test_split_roles_need_servers(tmp_path: Path, role: str) -> None:
    """A role of its own on SQLite or on the local bus is a configuration error that names both fields."""
    settings = load_settings(write(tmp_path, ""), {})
    check_role(settings, "all")
    with pytest.raises(ConfigError) as caught:
        check_role(settings, role)
    assert [mistake.field for mistake in caught.value.mistakes] == ["database", "bus"]
    check_role(load_settings(tmp_path, {"WGG_DATABASE": "postgresql://h/d", "WGG_BUS": "amqp://h/"}), role)


def test_the_sample_file_is_the_models(tmp_path: Path) -> None:
    """conf/gateway.sample.yaml has every field with its comment and says exactly the defaults."""
    sample = (ROOT / "conf/gateway.sample.yaml").read_text(encoding="utf-8")
    assert sample == render_home_file()
    assert load_settings(write(tmp_path, sample), {}) == load_settings(write(tmp_path, ""), {})
    _each_field_is_commented(HomeFile)


def _each_field_is_commented(model: type) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        if hasattr(field.annotation, "model_fields"):
            _each_field_is_commented(field.annotation)


def test_passwords_of_addresses_are_hidden() -> None:
    """What people see of an address keeps its user and host, never its password."""
    assert hide_password("postgresql://u:geheim@h:5432/d") == "postgresql://u:***@h:5432/d"
    assert hide_password("local") == "local"


def test_a_mistake_never_repeats_a_password(tmp_path: Path) -> None:
    """A wrong address is not echoed, for it may hold a password."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, "database: mysql://u:geheim@h/d"), {})
    assert "geheim" not in str(caught.value)
