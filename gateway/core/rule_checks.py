"""The tests behind the rules of domain section 4: each returns the pointers at which a payload breaks its rule.

Bounds that differ by area and date come from `facts.area`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from gateway.core.calendar import add_months, local_date
from gateway.core.identity import IdentityError, verify_resident_id, verify_uscc
from gateway.core.money import MoneyError, verify_words
from gateway.core.rules import NESTED, RuleFacts
from gateway.core.wire.instants import parse_rfc3339
from gateway.core.wire.refusal import child

_FORMS: Final = MappingProxyType({"bank": "bank_guarantee", "insurer": "insurance", "guarantor": "company_guarantee"})
_CAUSES: Final = frozenset({"payment", "release", "seizure"})
_TERMS: Final = ("irrevocable", "onDemand", "independent")

_Path = tuple[str | int, ...]


def _find(data: Mapping[str, Any], name: str) -> Iterator[tuple[_Path, Mapping[str, Any]]]:
    """Every object of a payload that has this member, with its path: to point at what is broken."""
    stack: list[tuple[_Path, Any]] = [((), data)]
    while stack:
        path, node = stack.pop()
        if type(node) is dict:
            if name in node:
                yield path, node
            stack += [((*path, key), member) for key, member in node.items() if type(member) in NESTED]
        else:
            stack += [((*path, index), member) for index, member in enumerate(node) if type(member) in NESTED]


def _point_at_broken(facts: RuleFacts, name: str, fits: Callable[[Mapping[str, Any]], bool]) -> Sequence[str]:
    if all(fits(node) for node in facts.objects if name in node):
        return ()
    return [_point(path, name) for path, node in _find(facts.data, name) if not fits(node)]


def _point(path: _Path, name: str) -> str:
    pointer = "/data"
    for part in (*path, name):
        pointer = child(pointer, part)
    return pointer


def differing_words(facts: RuleFacts) -> Sequence[str]:
    """Amounts in words that are not well written or say another amount than the figures."""
    return _point_at_broken(facts, "words", lambda amount: _reads(amount["words"], amount["fen"]))


@lru_cache(maxsize=4096)
def _reads(words: str, fen: int) -> bool:
    """Kept, for the messages of one case say the same amounts again and again."""
    try:
        verify_words(words, fen)
    except MoneyError:
        return False
    return True


def odd_codes(facts: RuleFacts) -> Sequence[str]:
    """Social credit codes whose check character fails."""
    return _point_at_broken(facts, "uscc", lambda named: _fits(named["uscc"]))


@lru_cache(maxsize=4096)
def _fits(uscc: str) -> bool:
    """Kept, for the same few firms stand in message after message."""
    try:
        verify_uscc(uscc)
    except IdentityError:
        return False
    return True


def differing_total(facts: RuleFacts) -> Sequence[str]:
    """A total that is not the sum of its payees."""
    payees = sum(payee["amount"]["fen"] for payee in facts.data["payees"])
    return () if payees == facts.data["total"]["fen"] else ("/data/total/fen",)


def open_deadline(facts: RuleFacts) -> Sequence[str]:
    """A decision whose deadline has not passed yet: its last day is the contractor's."""
    passed = _date(facts.data["decision"]["deadline"]) < facts.today
    return () if passed else ("/data/decision/deadline",)


def false_ids(facts: RuleFacts) -> Sequence[str]:
    """Resident identity numbers that fail GB 11643."""
    residents = [
        (index, payee["idNumber"])
        for index, payee in enumerate(facts.data["payees"])
        if payee["kind"] == "person" and payee.get("idType") != "other"
    ]
    return [f"/data/payees/{index}/idNumber" for index, number in residents if not _is_resident(number, facts.today)]


def _is_resident(number: str, today: date) -> bool:
    try:
        verify_resident_id(number, today)
    except IdentityError:
        return False
    return True


def low_amount(facts: RuleFacts) -> Sequence[str]:
    """A guarantee below its order's amount."""
    wanted = facts.order.amount_fen if facts.order else 0
    return () if facts.data["amount"]["fen"] >= wanted else ("/data/amount/fen",)


def foreign_form(facts: RuleFacts) -> Sequence[str]:
    """A form of guarantee that another kind of institution issues."""
    kind = facts.order.institution_kind if facts.order else ""
    return () if facts.data["guaranteeKind"] == _FORMS.get(kind) else ("/data/guaranteeKind",)


def weak_terms(facts: RuleFacts) -> Sequence[str]:
    """A bank's or guarantee company's guarantee that is not irrevocable, on demand and independent."""
    if facts.data["guaranteeKind"] == "insurance":
        return ()
    return [f"/data/{name}" for name in _TERMS if facts.data[name] is not True]


def other_beneficiary(facts: RuleFacts) -> Sequence[str]:
    """A beneficiary that the application does not name; an order of a former release does not know its own."""
    named = facts.order.beneficiary if facts.order else None
    if named in (None, facts.data["beneficiary"]["name"]) or facts.data["guaranteeKind"] == "insurance":
        return ()
    return ("/data/beneficiary/name",)


def short_term(facts: RuleFacts) -> Sequence[str]:
    """An end before the same date of the month that the area's shortest term reaches."""
    least = add_months(_date(facts.data["validFrom"]), facts.area.guarantee_minimum_months)
    return () if _date(facts.data["validTo"]) >= least else ("/data/validTo",)


def before_contract_end(facts: RuleFacts) -> Sequence[str]:
    """An end before the contract's."""
    return _ends_before(facts, months=0)


def before_usual_end(facts: RuleFacts) -> Sequence[str]:
    """An end before the usual time after the contract's."""
    return _ends_before(facts, months=facts.area.guarantee_usual_months)


def _ends_before(facts: RuleFacts, *, months: int) -> Sequence[str]:
    end = facts.order.contract_end if facts.order else None
    enough = end is None or _date(facts.data["validTo"]) >= add_months(_date(end), months)
    return () if enough else ("/data/validTo",)


def other_release(facts: RuleFacts) -> Sequence[str]:
    """An account's closure for a guarantee, or the other way round."""
    closes = facts.data["releaseKind"] == "account_closure"
    return () if facts.order is None or closes is facts.order.cash else ("/data/releaseKind",)


def missing_promises(facts: RuleFacts) -> Sequence[str]:
    """A completed project without the pledge or the archived ledger."""
    if facts.data["ground"] != "completed":
        return ()
    return [f"/data/{name}" for name in ("pledged", "ledgerArchived") if facts.data[name] is not True]


def short_display(facts: RuleFacts) -> Sequence[str]:
    """A display that is too short: days count from first to last and end before the day of the application."""
    if facts.data["ground"] != "completed":
        return ()
    shown, latest = facts.data["publicity"], _date(facts.data["applicationDate"]) - timedelta(days=1)
    days = {
        place: (min(_date(shown[f"{place}To"]), latest) - _date(shown[f"{place}From"])).days + 1
        for place in ("siteBoard", "website")
    }
    return [f"/data/publicity/{place}To" for place, count in days.items() if count < facts.area.release_display_days]


def open_complaint(facts: RuleFacts) -> Sequence[str]:
    """A release while a complaint is open."""
    return () if facts.data["noOpenComplaint"] is True else ("/data/noOpenComplaint",)


def open_claim(facts: RuleFacts) -> Sequence[str]:
    """A release while a payment notice of the case is open."""
    return ("/data/caseNo",) if facts.case is not None and facts.case.claim_open else ()


def past_special_due(facts: RuleFacts) -> Sequence[str]:
    """A special due date that is over before the notice was received."""
    special = facts.data.get("specialPayment")
    passed = special is not None and local_date(parse_rfc3339(special["due"])) < facts.today
    return ("/data/specialPayment/due",) if passed else ()


def other_number(facts: RuleFacts) -> Sequence[str]:
    """The number of another guarantee than the order's own."""
    own = facts.order.guarantee_no if facts.order else None
    return () if own in (None, facts.data.get("guaranteeNo", own)) else ("/data/guaranteeNo",)


def missing_commitment(facts: RuleFacts) -> Sequence[str]:
    """The exemption of a small contract in a case where no commitment was filed."""
    small = facts.data["ground"] == "small_contract"
    return () if not small or (facts.case is not None and facts.case.committed) else ("/data/ground",)


def low_deposit(facts: RuleFacts) -> Sequence[str]:
    """An amount below contract times ratio, but for an area's cap."""
    data, cap = facts.data, facts.area.deposit.cap_fen
    computed = data["contractAmount"]["fen"] * data["ratioPermyriad"] // 10_000
    least = computed if cap is None else min(computed, cap)
    return () if data["requiredAmount"]["fen"] >= least else ("/data/requiredAmount/fen",)


def odd_ratio(facts: RuleFacts) -> Sequence[str]:
    """A ratio beyond the area's floor or ceiling."""
    if "ratioPermyriad" not in facts.data:
        return ()
    ratio, bounds = Fraction(facts.data["ratioPermyriad"], 10_000), facts.area.deposit
    return () if bounds.floor_ratio <= ratio <= bounds.ceiling_ratio else ("/data/ratioPermyriad",)


def high_cash_minimum(facts: RuleFacts) -> Sequence[str]:
    """A cash minimum above the amount to be stored."""
    required, least = facts.data.get("requiredAmount"), facts.data.get("cashMinimum")
    fits = required is None or least is None or least["fen"] <= required["fen"]
    return () if fits else ("/data/cashMinimum/fen",)


def high_exemption(facts: RuleFacts) -> Sequence[str]:
    """An exemption of a contract that is not strictly under the threshold."""
    if facts.data["ground"] != "small_contract":
        return ()
    below = facts.data["contractAmount"]["fen"] < facts.area.deposit.exempt_below_fen
    return () if below else ("/data/contractAmount/fen",)


def unexplained_fall(facts: RuleFacts) -> Sequence[str]:
    """A fall of the principal without cause; a payment is one only by a notice that the order knows."""
    notices = facts.order.notices if facts.order else {}
    explained = sum(
        move["amount"]["fen"]
        for move in facts.data.get("movements", ())
        if move["direction"] == "out" and move["kind"] in _CAUSES
        if move["kind"] != "payment" or move.get("noticeNo") in notices
    )
    fall = facts.data["opening"]["fen"] - facts.data["closing"]["fen"]
    return () if fall <= explained else ("/data/closing/fen",)


def _date(text: str) -> date:
    return date.fromisoformat(text)
