"""An official conformance run: who is tested, whether the window is open, and the certificate (domain section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.exits import CHECK, Failure
from gateway.cli.homes import in_store, now_us, open_home
from gateway.cli.output import say
from gateway.core.party import KeyStatus

if TYPE_CHECKING:
    from gateway.conformance.practice import Order, Stored
    from gateway.crypto.keys import PrivateKey


def order_official(home: Path, party_id: str, bounds: Mapping[str, Any]) -> tuple[Order, PrivateKey]:
    """What the home knows of the institution, and the key that will sign.

    Failure outside a sandbox, or for one that is not registered.
    """
    from gateway.bootstrap import load_key
    from gateway.cli.registering import find_party
    from gateway.conformance.practice import Order
    from gateway.crypto.keys import PublicKey

    settings, now = open_home(home), now_us()
    if settings.environment != "sandbox":
        raise Failure(CHECK, "正式测试只在沙箱中进行；此目录是生产环境。")
    directory = in_store(settings, lambda store: store.directory())
    party = find_party(directory, party_id)
    keys = [key for key in directory.keys.values() if key.owner_id == party_id]
    publics = tuple(PublicKey.from_pem(key.public_pem) for key in keys if key.status_at(now) is KeyStatus.ACTIVE)
    if party.kind is None or not publics:
        raise Failure(CHECK, f"{party_id} 没有有效的公钥，或不是机构，不能测试。")
    private = load_key(settings)
    order = Order(
        kind=party.kind,
        publics=publics,
        folder=home / "conformance",
        endpoint=party.endpoint,
        ca_file=party.link.ca_file,
        institution=party_id,
        official=True,
        gateway_key=private,
        **bounds,
    )
    return order, private


def check_window(home: Path, party_id: str, kind: str) -> None:
    """Failure unless the institution's test window is open, for the kind that it is registered with."""
    from gateway.cli.onboarding_counter import at_counter

    application = at_counter(home, lambda counter: counter.desk.find_testing(party_id))
    applied = application.details.kind
    if applied != kind:
        raise Failure(CHECK, f"{party_id} 申请的类别是 {applied}，沙箱登记的是 {kind}；请先改为一致，再行测试。")


def certify_run(stored: Stored, private: PrivateKey, days: int) -> None:
    """Sign the certificate of a run that passed, beside its reports; what to do with it goes to the terminal."""
    from gateway.conformance.certifying import FILE, certify

    path = stored.folder / FILE
    path.write_bytes(certify(stored, private, now=now_us(), days=days))
    public = stored.folder.parents[1] / "keys" / "gateway.pub.pem"
    say(f"证书：{path}；核验用 wgg conformance verify {path} --public-key {public}")
    say(f"登记通过：wgg onboarding pass {stored.run.institution} --certificate {path} --public-key {public}")
