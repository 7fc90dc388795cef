"""Every sheet with messages that fill it: the key, then type and variant of each message, the leading one first."""

from __future__ import annotations

from gateway.forms.printing import Printer
from tests.forms.papers import make_directory, make_view

BASE = "https://gz.example.gov.cn"
FILLED = {
    "1": [("deposit.declaration.v1", None), ("deposit.review.v1", None)],
    "2": [("deposit.notice.v1", None)],
    "3": [("deposit.reminder.v1", None)],
    "4": [("deposit.agreement.v1", None)],
    "5": [("wage.commitment.v1", None)],
    "6": [("guarantee.issued.v1", None)],
    "7": [("payment.application.v1", None)],
    "8": [("payment.notice.v1", "special")],
    "9": [("release.application.v1", None)],
    "10": [("release.confirmation.v1", "account")],
    "11": [("release.deferral.v1", None)],
    "12": [("deposit.exemption.v1", None)],
    "13": [("deposit.exemption.v1", "small_contract")],
    "guarantee": [("guarantee.issued.v1", "insurer"), ("guarantee.amended.v1", None)],
    "receipt": [("payment.result.v1", None)],
}


def make_views(form):
    return [make_view(type_, variant) for type_, variant in FILLED[form]]


def make_printer(**settings):
    return Printer(make_directory(), verify_base=BASE, **settings)


def print_one(form, medium, views=None, **settings):
    views = views or make_views(form)
    return make_printer(**settings).print_form(form, views[0], views, medium)
