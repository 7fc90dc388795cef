"""The deposit: each step on both sides of its bound, the combination, exactness and what must never fall."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue import load_areas
from gateway.core.deposit import DepositError, Project, quote_deposit
from gateway.core.money import MOST_FEN

SANMING = load_areas()["350400"].at(date(2026, 11, 22))
BIG = 1_000_000_000  # ten million yuan
SMALL_FAVOURS = {"clean_year_before_signing": True, "commitment": True}
CLEAN_FAVOURS = {"clean_years": 3, "real_name": True, "special_account": True}


def with_tariff(**changes):
    return replace(SANMING, deposit=replace(SANMING.deposit, **changes))


def quote(held=SANMING, **facts):
    if "yearly_fen" not in facts:
        facts.setdefault("contract_fen", BIG)
    return quote_deposit(Project(**facts), held)


def rules_of(found):
    return [step.rule for step in found.steps if step.applied]


@pytest.mark.parametrize(
    ("facts", "percent"),
    [
        ({}, "2"),
        ({"number": 1, "open_projects_clean": True}, "2"),
        ({"number": 2, "open_projects_clean": True}, "1.5"),
        ({"number": 3, "open_projects_clean": True}, "1.5"),
        ({"number": 2}, "2"),
        ({"clean_years": 1}, "2"),
        ({"clean_years": 2}, "1"),
        ({"clean_years": 3}, "1"),  # three years, but neither real names nor a special account
        ({"number": 2, "open_projects_clean": True, "clean_years": 2}, "0.75"),
        ({"arrears_within_two_years": True}, "3"),
        ({"serious_dishonesty": True}, "4"),
        ({"arrears_within_two_years": True, "serious_dishonesty": True}, "4"),
        ({"number": 2, "open_projects_clean": True, "arrears_within_two_years": True}, "3"),
        ({"clean_years": 2, "serious_dishonesty": True}, "4"),
        ({"yearly_fen": BIG}, "2"),
    ],
)
def test_ratios_combine_as_the_area_says(facts, percent):
    """Points off come first, then the cut or the highest increase; an increase bars both reductions."""
    found = quote(**facts)
    assert found.ratio == Fraction(percent) / 100
    assert found.fen == BIG * Fraction(percent) / 100
    assert not found.exempt


@pytest.mark.parametrize(
    ("fen", "facts", "exempt"),
    [
        (399_999_999, SMALL_FAVOURS, True),
        (400_000_000, SMALL_FAVOURS, False),
        (399_999_999, {"commitment": True}, False),
        (399_999_999, {"clean_year_before_signing": True}, False),
        (399_999_999, {**SMALL_FAVOURS, "serious_dishonesty": True}, False),
        (BIG, CLEAN_FAVOURS, True),
        (BIG, {**CLEAN_FAVOURS, "clean_years": 2}, False),
        (BIG, {**CLEAN_FAVOURS, "real_name": False}, False),
        (BIG, {**CLEAN_FAVOURS, "special_account": False}, False),
        (BIG, {**CLEAN_FAVOURS, "arrears_within_two_years": True}, False),
    ],
)
def test_exemption_needs_every_condition(fen, facts, exempt):
    """Strictly under the threshold with a clean year and a commitment, or three clean years with both systems."""
    found = quote(contract_fen=fen, **facts)
    assert found.exempt is exempt
    assert (found.fen == 0) is exempt


def test_a_yearly_amount_says_nothing_about_the_threshold():
    """Form 13 speaks of the contract's amount; an area may count the yearly one as well."""
    facts = {"yearly_fen": 399_999_999, **SMALL_FAVOURS}
    assert not quote(**facts).exempt
    assert quote(with_tariff(exempt_amounts=frozenset({"contract", "yearly"})), **facts).exempt


def test_what_an_increase_bars_stands_in_the_area_file():
    """Where an area bars nothing, the points, the cut and the increase all apply."""
    found = quote(
        with_tariff(barred_by_increase=frozenset()),
        number=2,
        open_projects_clean=True,
        clean_years=2,
        arrears_within_two_years=True,
    )
    assert found.ratio == Fraction(15, 1000) / 2 * Fraction(3, 2)


@pytest.mark.parametrize(("floor", "percent"), [("1.99", "2"), ("2", "2"), ("2.01", "2.01")])
def test_the_ratio_is_raised_to_its_floor(floor, percent):
    """Below the floor the floor holds, at and above it nothing changes."""
    found = quote(with_tariff(floor_ratio=Fraction(floor) / 100))
    assert found.ratio == Fraction(percent) / 100
    assert ("floor" in rules_of(found)) is (percent != "2")


@pytest.mark.parametrize(("ceiling", "percent"), [("1.99", "1.99"), ("2", "2"), ("2.01", "2")])
def test_the_ratio_is_lowered_to_its_ceiling(ceiling, percent):
    """Above the ceiling the ceiling holds, at and below it nothing changes."""
    found = quote(with_tariff(ceiling_ratio=Fraction(ceiling) / 100))
    assert found.ratio == Fraction(percent) / 100
    assert ("ceiling" in rules_of(found)) is (percent != "2")


def test_points_off_never_make_a_ratio_negative():
    """A cut larger than the ratio leaves the floor."""
    found = quote(with_tariff(later_project_cut=Fraction(1)), number=2, open_projects_clean=True)
    assert found.ratio == SANMING.deposit.floor_ratio


@pytest.mark.parametrize(("cap", "fen"), [(19_999_999, 19_999_999), (20_000_000, 20_000_000), (20_000_001, 20_000_000)])
def test_the_amount_is_capped(cap, fen):
    """An amount over the cap is the cap; one at or below it stays."""
    found = quote(with_tariff(cap_fen=cap))
    assert (found.fen, "cap" in rules_of(found)) == (fen, fen == 19_999_999)


@pytest.mark.parametrize(
    ("contract", "unit", "fen"),
    [(1, 1, 1), (50, 1, 1), (51, 1, 2), (BIG, 100, 20_000_000), (BIG + 50, 100, 20_000_100)],
)
def test_amounts_are_rounded_up_once(contract, unit, fen):
    """Part of a unit counts as a whole one, so that rounding never lowers a deposit."""
    assert quote(with_tariff(rounding_fen=unit), contract_fen=contract).fen == fen


@pytest.mark.parametrize(("share", "cash"), [("0", 0), ("0.25", 5_000_001), ("1", 20_000_001)])
def test_the_cash_minimum_is_a_share_of_the_deposit(share, cash):
    """It is rounded up as well and never exceeds the deposit."""
    assert quote(with_tariff(cash_share=Fraction(share)), contract_fen=BIG + 50).cash_min_fen == cash


def test_the_largest_amount_is_exact():
    """Nothing is lost at 2^53 - 1 fen."""
    assert quote(contract_fen=MOST_FEN).fen == -(-MOST_FEN * 2 // 100)


def test_every_step_tells_its_basis_and_what_is_unverified():
    """Steps carry the parameter's basis; parameters that nobody has confirmed are listed once."""
    found = quote(number=2, open_projects_clean=True, clean_years=2)
    assert all(step.basis == SANMING.sources[step.parameter].basis for step in found.steps)
    assert found.unverified[0] == "deposit.base_ratio"
    assert "deposit.later_project_cut" not in found.unverified
    assert rules_of(found) == ["base-ratio", "later-project", "clean-years", "amount"]


def test_a_favour_that_is_refused_is_told_with_its_reason():
    """The contractor reads why a reduction or exemption did not apply."""
    found = quote(contract_fen=399_999_999, number=2, clean_years=2, serious_dishonesty=True)
    refused = {step.rule: step.text for step in found.steps if not step.applied}
    assert "未作无欠薪承诺" in refused["exempt-below-threshold"]
    assert "有增幅情形" in refused["later-project"]
    assert "有增幅情形" in refused["clean-years"]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"contract_fen": 1, "yearly_fen": 1},
        {"contract_fen": 0},
        {"yearly_fen": MOST_FEN + 1},
        {"contract_fen": 1, "number": 0},
        {"contract_fen": 1, "clean_years": -1},
    ],
)
def test_an_impossible_project_is_refused(facts):
    """Exactly one positive amount within the protocol's bound, a first project, no negative years."""
    with pytest.raises(DepositError):
        Project(**facts)


FLAGS = st.fixed_dictionaries(
    {
        "number": st.integers(1, 4),
        "clean_years": st.integers(0, 4),
        **{
            name: st.booleans()
            for name in (
                *("open_projects_clean", "real_name", "special_account", "clean_year_before_signing", "commitment"),
                *("arrears_within_two_years", "serious_dishonesty"),
            )
        },
    }
)
AMOUNTS = st.integers(1, MOST_FEN) | st.integers(399_999_990, 400_000_010)


@given(facts=FLAGS, one=AMOUNTS, other=AMOUNTS)
def test_a_higher_contract_never_lowers_the_deposit(facts, one, other):
    """With all else equal the deposit rises with the amount, over the threshold too."""
    low, high = sorted((one, other))
    assert quote(contract_fen=low, **facts).fen <= quote(contract_fen=high, **facts).fen


@given(facts=FLAGS, amount=AMOUNTS, flag=st.sampled_from(["arrears_within_two_years", "serious_dishonesty"]))
def test_a_black_mark_never_lowers_the_deposit(facts, amount, flag):
    """Arrears or dishonesty cost at least what a clean record costs."""
    clean, marked = ({**facts, flag: value} for value in (False, True))
    assert quote(contract_fen=amount, **clean).fen <= quote(contract_fen=amount, **marked).fen


@given(
    facts=FLAGS,
    amount=AMOUNTS,
    flag=st.sampled_from(
        ["open_projects_clean", "real_name", "special_account", "clean_year_before_signing", "commitment"]
    ),
)
def test_a_merit_never_raises_the_deposit(facts, amount, flag):
    """What speaks for a contractor never costs it anything."""
    without, merit = ({**facts, flag: value} for value in (False, True))
    assert quote(contract_fen=amount, **merit).fen <= quote(contract_fen=amount, **without).fen


@given(facts=FLAGS, amount=AMOUNTS)
def test_a_deposit_stays_within_its_limits(facts, amount):
    """Unless exempt the ratio lies between floor and ceiling, the amount is rounded up by under a fen."""
    found = quote(contract_fen=amount, **facts)
    if found.exempt:
        assert (found.ratio, found.fen, found.cash_min_fen) == (0, 0, 0)
    else:
        assert SANMING.deposit.floor_ratio <= found.ratio <= SANMING.deposit.ceiling_ratio
        assert 0 <= found.fen - amount * found.ratio < 1
        assert 0 <= found.cash_min_fen <= found.fen
