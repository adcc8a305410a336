"""Every constant at which the models branch, below, at and above what they are given; where the tests of each of them are."""

from __future__ import annotations

from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from fedmech import Market
from fedmech.models.input_error import InputError
from fedmech.models.procurement import generate as procurement_generate
from fedmech.models.procurement import market_text
from fedmech.models.procurement.file import number_literal
from fedmech.models.procurement.generate import generate_market
from fedmech.models.sharing import expression, generate, market, utility
from fedmech.models.sharing.expression import ExpressionError, parse
from fedmech.models.sharing.generate import generate_mots
from fedmech.models.sharing.market import MotsMarket
from fedmech.models.sharing.utility import Utility, conditions

FORMULAS = {
    "MAX_TEXT": lambda size: "eps" + " " * (size - 3),
    "MAX_DEPTH": lambda depth: "(" * (depth - 1) + "eps" + ")" * (depth - 1),
    "MAX_DIGITS": lambda digits: "1" * digits + "*eps",
    "MAX_EXPONENT": lambda exponent: f"eps**{exponent}",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_limits_of_formulas(name: str) -> None:
    """As it is written: the longest that is read is, whatever the limit counts, one shorter than the shortest that is not."""
    limit = getattr(expression, name)
    read = []
    for size in range(limit - 3, limit + 4):
        try:
            parse(FORMULAS[name](size), ("eps",))
        except ExpressionError:
            continue
        read.append(size)
    assert read == list(range(limit - 3, limit + 1))


@pytest.mark.parametrize(
    ("module", "name", "text"), [(expression, "MAX_WEIGHT", "eps**12"), (utility, "MAX_SIZE", "exp(eps)")]
)
def test_limits_of_what_is_multiplied_up_and_evaluated(
    module: ModuleType, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one limit from which the formula is read: what it counts."""
    verdicts = []
    for limit in range(40):
        monkeypatch.setattr(module, name, limit)
        try:
            Utility.read({"expression": text}, Fraction(1, 50), Fraction(0))
            verdicts.append(True)
        except InputError:
            verdicts.append(False)
    read = Utility.read({"expression": text}, Fraction(1, 50), Fraction(0))
    derivatives = (read.slope, read.curvature)
    counted = (
        expression.weight(parse(text, ("eps",)))
        if name == "MAX_WEIGHT"
        else max(expression.size(d) for d in derivatives)
    )
    assert verdicts == [limit >= counted for limit in range(40)]


def sharing_market(*counts: int) -> MotsMarket:
    return MotsMarket.build(
        sizes=list(range(1, len(counts) + 1)),
        counts=counts,
        costs=[1] * len(counts),
        client_variance="1/50",
        utility={"family": "inverse", "a": 30},
    )


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_limits_of_populations(beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*counts: int) -> None:
        if beyond > 0:
            with pytest.raises(ValueError, match=r"between|more than"):
                sharing_market(*counts)
        else:
            assert sharing_market(*counts).population == sum(counts)

    taken(market._MAX_COUNT + beyond)
    taken(1, market._MAX_COUNT + beyond)
    monkeypatch.setattr(market, "_MAX_POPULATION", 10)
    taken(7, 3 + beyond)


@pytest.mark.parametrize("most", [0, 1, 2, 3, 4, 5, 6, 60])
def test_signs_of_rational_functions(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Factored or not, no sign is a wrong one."""
    texts = ("1/eps", "1/(eps - 1/50)", "-1/eps", "eps**2 - eps", "1/(eps - 1/50)**2")
    read = [Utility.read({"expression": text}, Fraction(1, 50), Fraction(0)) for text in texts]
    ends = Fraction(1, 40), Fraction(3), Fraction(1, 50)
    known = [conditions(each, *ends) for each in read]
    monkeypatch.setattr(utility, "MOST_WEIGHT", most)
    for each, best in zip(read, known, strict=True):
        found = conditions(each, *ends)
        for name in ("decreasing", "convex", "increasing_marginal"):
            assert getattr(found, name).holds in (None, getattr(best, name).holds)
    assert known[1].increasing_marginal.holds is True


@pytest.mark.parametrize("places", [1, 38, 39, 40, 41, 42, 60])
@pytest.mark.parametrize("prime", [2, 5, 10])
def test_decimals_of_any_length_are_written(places: int, prime: int) -> None:
    for numerator in (1, -1, 3, 7 * 10**50 + 1):
        value = Fraction(numerator, prime**places)
        written: Any = number_literal(value)
        assert written.startswith('"') == (places > 40)
        assert Fraction(written.strip('"')) == value


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_sizes_of_generated_markets(beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each limit lowered to what is asked for, below and above it."""
    cases: list[tuple[ModuleType, str, int, Any]] = [
        (procurement_generate, "MOST_WORKERS", 6, lambda: generate_market("a", 6)),
        (procurement_generate, "LARGEST_TOP", 9, lambda: generate_market("a", 6, top=9)),
        (generate, "MOST_TYPES", 3, lambda: generate_mots(types=3, clients=9)),
        (generate, "MOST_CLIENTS", 9, lambda: generate_mots(types=3, clients=9)),
        (generate, "LARGEST_SIZE", 30, lambda: generate_mots(types=3, clients=9, top=30)),
    ]
    for module, name, size, made in cases:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, size + beyond)
            if beyond < 0:
                with pytest.raises(InputError, match=f"at most {size + beyond}"):
                    made()
            else:
                made()


@pytest.mark.parametrize("size", [7, 8, 9])
def test_lists_of_a_market_that_are_shown(size: int) -> None:
    limits = market_text.SHOWN_WORKERS, market_text.SHOWN_GROUPS, market_text.SHOWN_REQUESTERS
    shown = Market.build(scores=[1] * size, bids=[1] * size, groups=range(size), budgets=[1] * size)
    text = str(shown)
    for what, limit in zip(("Workers", "Groups", "Requesters"), limits, strict=True):
        assert what in text
        assert (f"{what} (first {limit}; " in text) == (size > limit)
