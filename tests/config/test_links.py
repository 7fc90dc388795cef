from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError, EndpointPolicy, load_link
from gateway.config.sample import render_link_file
from gateway.core.party import Link

SAMPLE = Path(__file__).parents[2] / "conf/institutions/sample.yaml"


def test_the_link_sample_is_the_model() -> None:
    """conf/institutions/sample.yaml has every field and loads as core's defaults."""
    assert SAMPLE.read_text(encoding="utf-8") == render_link_file()
    assert load_link(SAMPLE) == Link()


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    """Files named in a link file are found beside it and kept as absolute paths."""
    for name in ("ca.crt", "client.crt", "client.key"):
        (tmp_path / name).touch()
    file = tmp_path / "xmccb.yaml"
    file.write_text(
        "ca_file: ca.crt\nclient_certificate: client.crt\nclient_key: client.key\n"
        "proxy: http://proxy.example:3128\nnetworks: [10.8.0.0/16, 'fd00::/8']\nconcurrency: 2\n"
    )
    link = load_link(file)
    assert link == Link(
        ca_file=f"{tmp_path}/ca.crt",
        client_certificate=f"{tmp_path}/client.crt",
        client_key=f"{tmp_path}/client.key",
        proxy="http://proxy.example:3128",
        networks=("10.8.0.0/16", "fd00::/8"),
        concurrency=2,
    )


def test_all_mistakes_of_a_link_are_told_at_once(tmp_path: Path) -> None:
    """Bounds, missing files, half a client certificate and bad networks stand in one error, by file and field."""
    file = tmp_path / "xmccb.yaml"
    file.write_text("ca_file: no.crt\nclient_key: no.key\nproxy: socks5://h\nnetworks: [10.8.0.1/16]\ntimeout: 3\n")
    with pytest.raises(ConfigError) as caught:
        load_link(file)
    assert {(mistake.file, mistake.field) for mistake in caught.value.mistakes} == {
        (str(file), field)
        for field in ("ca_file", "client_key", "client_certificate", "proxy", "networks.0", "timeout")
    }


OPEN = EndpointPolicy(plain_http=True, loopback=True)
STRICT = EndpointPolicy(plain_http=False, loopback=False)


@pytest.mark.parametrize(
    "url",
    ["https://bank.example/wgg", "https://bank.example:8443/a?b=c", "https://10.8.0.9/x", "https://[2001:db8::1]/"],
)
def test_plain_addresses_are_endpoints_anywhere(url: str) -> None:
    """An https URL with a host is an endpoint in every home."""
    assert STRICT.check(url) == url
    assert OPEN.check(url) == url


@pytest.mark.parametrize(
    "url",
    ["http://bank.example/", "https://localhost/", "https://127.0.0.1:1/", "https://[::1]/", "https://a.localhost/x"],
)
def test_plain_http_and_loopback_are_for_development(url: str) -> None:
    """What would leave the signed bytes open or call the gateway's own host needs a development home."""
    assert OPEN.check(url) == url
    with pytest.raises(ValueError, match="开发目录"):
        STRICT.check(url)


@pytest.mark.parametrize(
    "url",
    ["", "bank.example", "ftp://h/", "https://", "https://u:p@h/", "https://h:x/", "https://h/#a", "https://h/a b"],
)
def test_other_texts_are_no_endpoints(url: str) -> None:
    """An endpoint is a whole http(s) URL without credentials, fragment or blanks."""
    with pytest.raises(ValueError, match="地址"):
        OPEN.check(url)
