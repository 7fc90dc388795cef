"""`wgg deposit quote`."""

from __future__ import annotations

import pytest

BASE = ("deposit", "quote", "--area", "350400", "--date", "2026-11-22")


def test_a_quote_holds_the_promised_members(wgg):
    """exempt, ratio, fen, cashMinFen and steps, each step with its basis; unverified parameters show as such."""
    code, answer = wgg(*BASE, "--contract-fen", "1000000000", "--json")
    assert code == 0
    assert (answer["exempt"], answer["ratio"], answer["fen"], answer["cashMinFen"]) == (False, 0.02, 20_000_000, 0)
    assert all(step["basis"] and step["rule"] and step["text"] for step in answer["steps"])
    assert answer["steps"][0]["unverified"]
    assert "deposit.base_ratio" in answer["unverified"]


@pytest.mark.parametrize(
    ("options", "exempt", "fen"),
    [
        ("--contract-fen 399999999 --clean-year-before-signing --commitment", True, 0),
        ("--contract-fen 400000000 --clean-year-before-signing --commitment", False, 8_000_000),
        ("--contract-fen 1000000000 --project-number 2 --open-projects-clean", False, 15_000_000),
        ("--yearly-fen 1000000000 --clean-years 2", False, 10_000_000),
        ("--contract-fen 1000000000 --clean-years 3 --real-name --special-account", True, 0),
        ("--contract-fen 1000000000 --clean-years 3 --arrears-within-two-years", False, 30_000_000),
        ("--contract-fen 1000000000 --serious-dishonesty", False, 40_000_000),
    ],
)
def test_every_option_counts(wgg, options, exempt, fen):
    """The options of the issue reach the calculation."""
    _, answer = wgg(*BASE, *options.split(), "--json")
    assert (answer["exempt"], answer["fen"]) == (exempt, fen)


def test_people_read_the_steps_and_the_result(wgg):
    """The text numbers the steps, marks what is unverified and ends with the amount."""
    text = wgg(*BASE, "--contract-fen", "1000000000")[1]
    assert text.startswith("1. 基准存储比例 2%")
    assert "（待核实）" in text
    assert "应存 200,000.00 元" in text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (BASE, 2),
        ((*BASE, "--contract-fen", "1", "--yearly-fen", "1"), 2),
        ((*BASE, "--contract-fen", str(2**53)), 2),
        ((*BASE[:4], "--contract-fen", "1"), 2),
        (("deposit", "quote", "--area", "990000", "--date", "2026-11-22", "--contract-fen", "1"), 5),
        (("deposit", "quote", "--area", "350400", "--date", "2021-10-31", "--contract-fen", "1"), 5),
    ],
)
def test_what_cannot_be_quoted_has_its_exit_code(wgg, arguments, code):
    """Wrong amounts end with 2, an unknown area or a day before its rules with 5."""
    assert wgg(*arguments)[0] == code


def test_a_homes_own_areas_go_first(wgg, tmp_path):
    """A faulty area file of the home ends with 3."""
    folder = tmp_path / "conf" / "areas"
    folder.mkdir(parents=True)
    (folder / "350400.yaml").write_text("code: 350400\n", encoding="utf-8")
    assert wgg(*BASE, "--contract-fen", "1", "--home", str(tmp_path))[0] == 3
