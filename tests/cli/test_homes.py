from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.core.party import GATEWAY
from tests.cli.conftest import Wgg

CONF = Path(__file__).parents[2] / "conf"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_init_makes_a_home_that_passes_the_doctor(wgg: Wgg, tmp_path: Path) -> None:
    """A new home has settings, a key of mode 0600 and a database, and tells what comes next."""
    folder = tmp_path / "a" / "home"
    made = wgg("init", folder, "--json")
    assert made.code == 0, made.err
    assert (mode(folder), mode(folder / "keys/gateway.pem"), mode(folder / "gateway.yaml")) == (0o700, 0o600, 0o600)
    settings = load_settings(folder, {})
    assert (settings.environment, settings.development, settings.deployment) == ("sandbox", True, "home")
    assert "wgg platform add" in made.err
    examined = wgg("doctor", "--home", folder, "--json")
    assert examined.code == 0, examined.out
    assert [row["check"] for row in examined.json] == [
        "国密库",
        "设置",
        "目录与参数",
        "网关密钥",
        "数据库",
        "时钟",
        "总线",
        "公钥有效期",
        "存证链",
        "公众核验",
        "测试证书",
    ]
    listed = wgg("institution", "list", "--home", folder, "--json").json
    assert [(party["id"], party["keys"][0]["serialNo"]) for party in listed] == [
        (GATEWAY, made.json["gatewaySerialNo"])
    ]


def test_a_production_home_allows_no_loopback(wgg: Wgg, tmp_path: Path) -> None:
    """--production makes a home where plain HTTP and loopback endpoints are refused."""
    assert wgg("init", tmp_path / "home", "--production").code == 0
    settings = load_settings(tmp_path / "home", {})
    assert (settings.environment, settings.development) == ("production", False)
    wgg("keys", "generate", tmp_path / "a.pem")
    for endpoint in ("http://bank.example/x", "https://127.0.0.1/x"):
        ended = wgg(
            *("institution", "add", "--home", tmp_path / "home", "--id", "xmccb", "--kind", "bank", "--name", "n"),
            *("--public-key", tmp_path / "a.pub.pem", "--endpoint", endpoint),
        )
        assert (ended.code, "开发目录" in ended.err) == (2, True)


def test_init_refuses_what_is_not_empty(wgg: Wgg, tmp_path: Path) -> None:
    """A directory with anything in it is left alone."""
    (tmp_path / "mine.txt").write_text("x")
    assert wgg("init", tmp_path).code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("options", "code"),
    [(["--database", "mysql://h/d"], 2), (["--database", "postgresql://nobody@127.0.0.1:9/none"], 7)],
)
def test_a_failed_init_leaves_nothing(wgg: Wgg, tmp_path: Path, options: list[str], code: int) -> None:
    """When a home cannot be made whole, nothing stays behind and it can be tried again."""
    ended = wgg("init", tmp_path / "home", *options)
    assert ended.code == code, ended.err
    assert not (tmp_path / "home").exists()
    assert wgg("init", tmp_path / "home").code == 0


def test_keys_are_made_once(wgg: Wgg, tmp_path: Path) -> None:
    """Both halves have mode 0600, the serial is printed, and neither file is ever overwritten."""
    made = wgg("keys", "generate", tmp_path / "a.pem", "--json")
    before = (tmp_path / "a.pem").read_bytes()
    assert (mode(tmp_path / "a.pem"), mode(tmp_path / "a.pub.pem")) == (0o600, 0o600)
    assert len(made.json["serialNo"]) == 40
    assert wgg("keys", "generate", tmp_path / "a.pem").code == 3
    (tmp_path / "a.pub.pem").unlink()
    assert wgg("keys", "generate", tmp_path / "a.pem").code == 3
    assert (tmp_path / "a.pem").read_bytes() == before


def test_the_database_commands(wgg: Wgg, home: Path) -> None:
    """The schema is checked and brought up again and again; a database without one fails the check with 3."""
    assert wgg("db", "check").code == 0
    assert wgg("db", "upgrade", "--json").json["upgraded"] is True
    for path in home.glob("gateway.db*"):
        path.unlink()
    ended = wgg("db", "check")
    assert (ended.code, "wgg db upgrade" in ended.err) == (3, True)
    assert wgg("db", "upgrade").code == 0
    assert wgg("db", "check").code == 0


def test_a_new_home_is_named_either_way(wgg: Wgg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--home` is another spelling of the folder; none or two different ones end with 2, and WGG_HOME is none."""
    assert wgg("init", "--home", tmp_path / "a").code == 0
    assert wgg("init", tmp_path / "b", "--home", tmp_path / "b").code == 0
    monkeypatch.setenv("WGG_HOME", str(tmp_path / "c"))
    assert wgg("init").code == 2
    assert wgg("init", tmp_path / "c", "--home", tmp_path / "d").code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def spoil_calendar(home: Path) -> None:
    """A calendar of the home's own, with a mistake."""
    (home / "conf/calendar").mkdir(parents=True)
    (home / "conf/calendar/2027.yaml").write_text("year: 2027\n")


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda home: (home / "keys/gateway.pem").chmod(0o644), "网关密钥"),
        (lambda home: (home / "keys/gateway.pem").unlink(), "网关密钥"),
        (lambda home: (home / "gateway.db").unlink(), "数据库"),
        (spoil_calendar, "目录与参数"),
        (lambda home: (home / "gateway.yaml").write_text("bus: amqp://127.0.0.1:9/"), "总线"),
        (lambda home: (home / "gateway.yaml").write_text("bus: kafka"), "设置"),
        (lambda home: (home / "gateway.yaml").write_text("public_url: http://gz.example.gov.cn"), "公众核验"),
        (lambda home: (home / "gateway.yaml").write_text("public_url: https://127.0.0.1"), "公众核验"),
    ],
)
def test_the_doctor_names_what_is_wrong(wgg: Wgg, home: Path, spoil: object, check: str) -> None:
    """Each fault of a home makes its own row fail, and the command end with 3."""
    assert callable(spoil)
    spoil(home)
    ended = wgg("doctor", "--json")
    assert ended.code == 3
    failed = {row["check"]: row["detail"] for row in ended.json if not row["ok"]}
    assert failed[check]


def test_the_doctor_needs_no_home(wgg: Wgg) -> None:
    """Without a home the host's own crypto is looked at."""
    ended = wgg("doctor", "--json")
    assert (ended.code, [row["check"] for row in ended.json]) == (0, ["国密库"])


def test_mistakes_in_areas_and_calendar_stop_the_start_together(wgg: Wgg, home: Path) -> None:
    """A start over broken area and calendar files ends with 3 and names every mistake by file, line and field."""
    shutil.copytree(CONF / "areas", home / "conf" / "areas")
    shutil.copytree(CONF / "calendar", home / "conf" / "calendar")
    area = home / "conf" / "areas" / "350200.yaml"
    text = area.read_text(encoding="utf-8").replace("value: 2%", "value: zwei").replace("basis: 服务", "bass: 服务", 1)
    area.write_text(text, encoding="utf-8")
    (home / "conf" / "calendar" / "2027.yaml").write_text("year: 2027\nfoo: 1\n", encoding="utf-8")
    ended = wgg("serve", "--port", "0")
    assert ended.code == 3
    for place in (
        r"350200.yaml 第 [0-9]+ 行 parameters.deposit.base_ratio\[0\].value：",
        r"350200.yaml 第 [0-9]+ 行 parameters.pay.start\[0\].bass：",
        r"2027.yaml 第 2 行 foo：",
        r"2027.yaml 第 1 行 holidays：",
    ):
        assert re.search(place, ended.err), ended.err
