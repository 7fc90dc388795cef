"""Which addresses may be dialled, by rule and over the wire."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from yarl import URL

from gateway.core.party import Link
from gateway.net.guard import AddressGuard, GuardRefusal, parse_networks
from gateway.net.messages import RawRequest, RawResponse
from tests.net.test_client import party, post, transport
from tests.net.wire import serving

PRODUCTION = AddressGuard(allow_loopback=False, https_only=True)
DEVELOPMENT = AddressGuard(allow_loopback=True, https_only=False)

FORBIDDEN = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_production_dials_public_addresses_only(text: str) -> None:
    """Loopback, private, link-local, metadata and multicast addresses are refused, however they are dressed."""
    with pytest.raises(GuardRefusal, match="networks"):
        PRODUCTION.check_address(ip_address(text), ())


@pytest.mark.parametrize("text", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_pass(text: str) -> None:
    """A public address is dialled in production."""
    PRODUCTION.check_address(ip_address(text), ())


@pytest.mark.parametrize("proxied", [True, False])
def test_production_never_speaks_in_the_clear(*, proxied: bool) -> None:
    """Plain HTTP is refused in production, within an institution's networks too."""
    networks = parse_networks(("10.1.0.0/16",))
    with pytest.raises(GuardRefusal, match="https"):
        PRODUCTION.check_url(URL("http://10.1.2.3/x"), networks, proxied=proxied)
    PRODUCTION.check_url(URL("https://10.1.2.3/x"), networks, proxied=proxied)


def test_networks_allow_what_they_name() -> None:
    """An institution's networks open those addresses and no others."""
    networks = parse_networks(("10.1.0.0/16",))
    PRODUCTION.check_address(ip_address("10.1.2.3"), networks)
    PRODUCTION.check_address(ip_address("::ffff:10.1.2.3"), networks)
    with pytest.raises(GuardRefusal):
        PRODUCTION.check_address(ip_address("10.2.0.1"), networks)


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_development_dials_loopback_in_the_clear(text: str) -> None:
    """A development home reaches loopback over plain HTTP."""
    DEVELOPMENT.check_address(ip_address(text), ())


def test_development_still_refuses_metadata() -> None:
    """Development opens loopback, not the cloud's metadata address."""
    with pytest.raises(GuardRefusal):
        DEVELOPMENT.check_address(ip_address("169.254.169.254"), ())


@pytest.mark.parametrize("text", ["10.0.0.0/99", "localhost", "10.0.0.1/8"])
def test_bad_network_is_named(text: str) -> None:
    """An entry that is no CIDR network is named in the refusal."""
    with pytest.raises(GuardRefusal, match=text):
        parse_networks((text,))


async def _ok(request: RawRequest) -> RawResponse:
    return RawResponse(status=200, body=request.target.encode())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_names_and_numbers_that_lead_to_loopback_are_refused(host: str, scheme: str) -> None:
    """The address that would be dialled is what counts: a name resolving to loopback is refused like the number."""
    async with serving(_refuse_to_be_reached) as server, transport(PRODUCTION) as carrier:
        answer = await carrier.send(post(f"{scheme}://{host}:{server.port}/"), party())
        assert (answer.status, server.connections) == (None, 0)
    assert answer.error


async def _refuse_to_be_reached(request: RawRequest) -> RawResponse:
    raise AssertionError("the guard let a request through")


async def test_refusal_by_name_speaks_chinese() -> None:
    """The refusal tells where to register a network."""
    async with transport(PRODUCTION) as carrier:
        answer = await carrier.send(post("https://localhost:1/"), party())
    assert "networks" in answer.error
    assert "回环" in answer.error


async def test_registered_network_is_reached() -> None:
    """With loopback in its networks an institution is reached where loopback is closed, by name too."""
    guard = AddressGuard(allow_loopback=False, https_only=False)
    async with serving(_ok) as server, transport(guard) as carrier:
        link = party(networks=("127.0.0.0/8", "::1/128"))
        answers = [await carrier.send(post(f"http://{h}:{server.port}/x"), link) for h in ("127.0.0.1", "localhost")]
    assert [answer.body for answer in answers] == [b"/x", b"/x"]


async def test_target_behind_a_proxy_is_judged_before() -> None:
    """Behind an egress proxy a literal forbidden address and plain HTTP are refused undialled."""
    link = Link(proxy="http://127.0.0.1:1")
    async with transport(PRODUCTION) as carrier:
        for url in ("https://127.0.0.1:1/", "https://[::1]:1/", "http://bank.example/"):
            answer = await carrier.send(post(url), party(proxy=link.proxy))
            assert answer.status is None
            assert "networks" in answer.error or "https" in answer.error
