"""SWAN sections III-A4 and IV-A: the error model and the network effects."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ....models.sharing import error_model
from ....models.sharing.market import MotsMarket
from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.sharing import LiteralMots
from ...proofs.network import EXAMPLE, IID, JOIN, MERGE, REGIONS, THIRD
from ...search.finite_models import hold
from ...search.mots_models import coalition_models
from ...search.sharing_box import document

LINEAR = {"family": "linear", "a": 1, "s": 1}
_GRID = 4


def _coalition_check(
    holds: Any, limit: int = _GRID, ratios: tuple[str, ...] = ("0", "1/12", "1/4", "1/3", "1/2", "1", "2")
) -> int:
    """Compare a derived equivalence with eq. (3) taken literally, on a grid of coalitions; the number of cases."""
    cases = 0
    for ratio, first, second in itertools.product(ratios, _coalitions(limit), _coalitions(limit)):
        if not holds(Fraction(ratio), first, second):
            raise error_model.DerivationError(f"fails for theta {ratio}, {first}, {second}")
        cases += 1
    return cases


def _coalitions(limit: int) -> list[tuple[int, int]]:
    """Coalitions of ``n`` clients of one size ``D``; unions of them have any harmonic mean."""
    return [(n, D) for n in range(1, limit + 1) for D in range(1, limit + 2)]


def _error(ratio: Fraction, *parts: tuple[int, int]) -> Fraction:
    K = sum(n for n, _ in parts)
    return sum((Fraction(n, D) for n, D in parts), Fraction(0)) / K**2 + ratio * (1 - Fraction(1, K))


def _three_recheck(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    (D,), d = market.D, market.d
    if d != 1 or market.client_variance != 0 or D < 3:
        return False
    # One sample coordinate: the error is data_variance * E[1 / chi^2_D], and E[1 / chi^2_D] = G(D/2 - 1) / (2 G(D/2)),
    # where G(x + 1) = x G(x).
    expected = market.data_variance / (2 * (D / 2 - 1))
    return expected != market.error((1,))


@claim(
    "S-3",
    source="SWAN, eq. (3) (formula lost in the public text; from the authors' earlier paper, agrees with all of the text)",
    statement="The generalisation error of the trained FL model is eps(k) = d v / K^2 sum_i k_i / D_i + s (K - 1) / K,"
    " with data variance v and client variance s.",
    expected="conditional",
    amended="supported",
    recheck=_three_recheck,
)
def judge_error() -> Judgement:
    """Exact parts by sympy, the rest by Monte Carlo on the linear market itself."""
    import sympy

    from ....fl.sharing.linear_market import corrected_error, simulate

    K, D, x = sympy.Symbol("K", positive=True), sympy.Symbol("D", positive=True), sympy.Symbol("x", positive=True)
    client = (1 - 1 / K) ** 2 + (K - 1) / K**2
    if sympy.simplify(client - (K - 1) / K) != 0:
        raise error_model.DerivationError("the client term")
    density = x ** (D / 2 - 1) * sympy.exp(-x / 2) / (2 ** (D / 2) * sympy.gamma(D / 2))
    mean = sympy.integrate(sympy.simplify(density.subs(D, D + 2) / x), (x, 0, sympy.oo), conds="none")
    if sympy.simplify(sympy.gammasimp(mean) - 1 / D) != 0:
        raise error_model.DerivationError("the mean of an inverse chi-squared variable")
    deviations, cases = [], []
    for seed, (d, sizes, data, clients) in enumerate(
        [(1, [5], 1.0, 0.0), (2, [8, 8, 20], 1.0, 0.5), (3, [12, 30, 30, 50], 0.5, 0.1), (4, [10, 10], 2.0, 1.0)]
    ):
        mean_error, standard = simulate(d, sizes, data, clients, repetitions=4_000, seed=seed)
        exact = corrected_error(d, sizes, data, clients)
        deviations.append(abs(mean_error - exact) / standard)
        cases.append({"d": d, "sizes": sizes, "measured": mean_error, "standard_error": standard, "corrected": exact})
    if max(deviations) > 5:
        raise error_model.DerivationError(f"Monte Carlo is {max(deviations):.1f} standard errors off")
    market = MotsMarket.build(sizes=[3], counts=[1], costs=[0], utility=LINEAR)
    return Judgement(
        "conditional",
        "sympy: the client term for every K, and for d = 1 the data term, E[1/chi^2_D] = 1/(D - 2); Monte Carlo of local"
        " least squares and plain averaging for d = 1..4",
        f"all parameters for d = 1; four linear markets of 4,000 draws each for d > 1, seeds 0-3, within"
        f" {max(deviations):.1f} standard errors of the corrected formula",
        document(market, "d = 1, one client with 3 samples: eq. (3) gives 1/3, the expected error is 1/(3 - 2) = 1"),
        "data sizes large against the dimension: the data term is too small by the factor (D - d - 1) / D",
        "supported",
        "with D_i - d - 1 in the place of D_i the formula is exact, for Gaussian features and D_i > d + 1",
        "supported",
        {"monte_carlo": cases},
        Reading(
            "of the plain average of local least squares (the harmonic mean of (3) belongs to it, although (2) speaks of a weighted average of losses), on a participant's own"
            " distribution, exactly",
            "the linear market of the paper; one client with little more data than dimensions",
            "as an approximation for data sizes large against the dimension, which is how such formulas are used",
            "supported",
        ),
    )


@claim(
    "S-C1",
    source="SWAN, corollary 1, eq. (14), formula reconstructed",
    statement="For disjoint non-empty coalitions A and B the error of A and B together is lower than that of either if and"
    " only if theta < min(phi(A, B), phi(B, A)).",
    expected="proved",
    proof=MERGE,
)
def judge_merge() -> Judgement:
    """Derive the condition, then compare it with eq. (3) on a grid."""
    derivation = error_model.merge_condition()
    phi = derivation.results["phi(A, B)"]

    def holds(ratio: Fraction, a: tuple[int, int], b: tuple[int, int]) -> bool:
        merged = _error(ratio, a, b)
        lower = merged < _error(ratio, a) and merged < _error(ratio, b)
        values = [error_model.evaluate(phi, N_A=p[0], H_A=p[1], N_B=q[0], H_B=q[1]) for p, q in ((a, b), (b, a))]
        level = [_error(value, a, b) == _error(value, p) for value, p in zip(values, (a, b), strict=True)]
        return all(level) and lower == (ratio < min(values))

    cases = _coalition_check(holds)
    tally = hold(MERGE, coalition_models(1, 40))
    return Judgement(
        "proved",
        f"a chain for all real parameters; {tally}; sympy: " + "; ".join(derivation.steps),
        f"all parameters; compared with eq. (3) in {cases} cases",
    )


@claim(
    "S-T1",
    source="SWAN, theorem 1, eq. (15), formula reconstructed",
    statement="The participation of a client with data size D brings non-negative network effects if and only if"
    " theta <= Phi = [(2K + 1)/H - K/D] / (K + 1).",
    expected="proved",
    proof=JOIN,
)
def judge_join() -> Judgement:
    """Derive the threshold, then compare it with eq. (3) on a grid."""
    derivation = error_model.join_threshold()

    def holds(ratio: Fraction, coalition: tuple[int, int], newcomer: tuple[int, int]) -> bool:
        size, H = coalition
        limit = error_model.join_limit(size, Fraction(H), newcomer[1])
        helps = _error(ratio, coalition, (1, newcomer[1])) <= _error(ratio, coalition)
        level = _error(limit, coalition, (1, newcomer[1])) == _error(limit, coalition)
        return level and helps == (ratio <= limit)

    cases = _coalition_check(holds)
    tally = hold(JOIN, coalition_models(2, 40))
    return Judgement(
        "proved",
        f"a chain for all real parameters; {tally}; sympy: " + "; ".join(derivation.steps),
        f"all parameters; compared with eq. (3) in {cases} cases",
    )


def _third_recheck(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    old, new = (market.N[0], 0), (market.N[0], 1)
    return 3 * market.D[1] >= market.D[0] and market.error(new) > market.error(old)


@claim(
    "S-T1-THIRD",
    source="SWAN, section IV-A, second item below theorem 1",
    statement='"when [theta] is below this threshold, a new participant requires only one-third of the harmonic mean of'
    " existing participants' data sizes to positively impact the current model\", read as: a newcomer with D >= H/3 helps",
    expected="refuted",
    amended="proved",
    recheck=_third_recheck,
    proof=THIRD,
)
def judge_third() -> Judgement:
    """The least data size that can help, and the smallest coalition for which a third is too little."""
    import sympy

    Phi = error_model.join_threshold().results["Phi"]
    (least,) = sympy.solve(Phi, error_model.D)
    share = sympy.simplify(least / error_model.H)
    K = error_model.K
    if sympy.simplify(share - K / (2 * K + 1)) != 0 or share.subs(K, 1) != sympy.Rational(1, 3):
        raise error_model.DerivationError("the least data size that can help")
    rising = sympy.factor(sympy.together(share.subs(K, K + 1) - share))
    if sympy.limit(share, K, sympy.oo) != sympy.Rational(1, 2) or not rising.is_positive:
        raise error_model.DerivationError("the share does not rise from one third to one half")
    market = next(
        market
        for K_ in itertools.count(1)
        for market in [MotsMarket.build(sizes=[3, 1], counts=[K_, 1], costs=[0, 0], utility=LINEAR)]
        if market.error((K_, 1)) > market.error((K_, 0))
    )
    hold(THIRD, coalition_models(4, 40))
    return Judgement(
        "refuted",
        "sympy: Phi >= 0 if and only if D >= H K / (2 K + 1), which rises from H/3 at K = 1 towards H/2",
        "all parameters",
        document(market, "theta = 0; two clients with 3 samples, joined by one with 3/3 = 1: the error rises"),
        corrected="a newcomer needs at least K / (2 K + 1) of the harmonic mean: one third when K = 1, towards one half as"
        " the coalition grows; a third is necessary, and sufficient only for K = 1 and theta = 0",
        corrected_verdict="proved",
        reading=Reading(
            "sufficient: a newcomer with a third of the harmonic mean helps whenever theta is below the threshold",
            "eq. (3), which has no utility in it; theta = 0, two clients joined by a third",
            "necessary: nobody with less than a third helps, whatever theta and the coalition (part of the formula)",
            "proved",
        ),
    )


def _example_recheck(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    k2 = market.N[1]
    ordered = market.client_variance == 0 and market.D[0] < market.D[1]
    return ordered and market.error((1, k2)) <= market.error((0, k2))


@claim(
    "S-E1",
    source="SWAN, example 1 (its hypothesis is lost; theta = 0 and D_1 < D_2 are what remains of it)",
    statement='"As the number of type-1 participants increases, the generalization error initially increases, but eventually'
    " decreases [...]. In contrast, the generalization error consistently decreases as the number of type-2 participants"
    ' grows." Read with the hypothesis without which the first client lowers the error already: D_2 > (2 + 1/k_2) D_1 (K = k_2 clients of size H = D_2, j of'
    " size D = D_1): {formula}",
    expected="proved",
    recheck=_example_recheck,
    proof=EXAMPLE,
)
def judge_example() -> Judgement:
    """The derived peak, the discrete condition for a rise, and the smallest market without one."""
    derivation = error_model.peak()
    limit = derivation.results["D_2 threshold"]
    market = next(
        MotsMarket.build(sizes=[1, D], counts=[1, 1], costs=[0, 0], utility=LINEAR)
        for D in itertools.count(2)
        if error_model.evaluate(limit, D_1=1, k_2=1) >= D
    )
    cases = 0
    for D_1, D_2, k_2 in itertools.product(range(1, 5), range(2, 16), range(1, 6)):
        if D_1 >= D_2:
            continue
        rises = error_model.evaluate(limit, D_1=D_1, k_2=k_2) < D_2
        switch = error_model.switching_count(Fraction(0), k_2, Fraction(D_2), D_1)
        steps = [_error(Fraction(0), (k_2, D_2), *([(k, D_1)] if k else [])) for k in range(60)]
        effects = [b - a for a, b in itertools.pairwise(steps)]
        if (effects[0] > 0) != rises or (switch is not None) != rises:
            raise error_model.DerivationError(f"the rise at {D_1}, {D_2}, {k_2}")
        if switch is not None and not (all(e > 0 for e in effects[:switch]) and all(e <= 0 for e in effects[switch:])):
            raise error_model.DerivationError(f"the peak at {D_1}, {D_2}, {k_2}")
        cases += 1
    tally = hold(EXAMPLE, coalition_models(5, 40, variance=False))
    return Judgement(
        "proved",
        f"a chain for all real parameters; {tally}; sympy: " + "; ".join(derivation.steps),
        f"all parameters; compared with eq. (3) client by client in {cases} markets",
        document(market, "theta = 0, D_2 below the hypothesis: the first client of type 1 lowers the error already"),
    )


@claim(
    "S-T2",
    source="SWAN, theorem 2 and figure 3, boundaries reconstructed",
    statement="Network effects of clients of size D joining a coalition are first non-negative, then negative (I) if"
    " 1/D < theta <= Phi; always non-negative (II) if theta <= 1/D and theta <= Phi; always negative (III) if theta >= 1/D"
    " and theta > Phi; first negative, then positive (IV) if Phi < theta < 1/D.",
    expected="proved",
    proof=REGIONS,
)
def judge_regions() -> Judgement:
    """Derive the regions, then follow every client of a grid of coalitions."""
    derivation = error_model.regions()
    counted = {"I": 0, "II": 0, "III": 0, "IV": 0}
    for (size, H), D, ratio in itertools.product(
        _coalitions(3), (1, 2, 3, 5), ("0", "1/9", "1/5", "1/3", "1/2", "3/5", "1", "3/2")
    ):
        theta = Fraction(ratio)
        kind = error_model.region(theta, size, Fraction(H), D)
        switch = error_model.switching_count(theta, size, Fraction(H), D)
        steps = [_error(theta, (size, H), *([(j, D)] if j else [])) for j in range(40)]
        helps = [b <= a for a, b in itertools.pairwise(steps)]
        at = len(helps) if switch is None else min(switch, len(helps))
        first = kind in ("I", "II")
        if helps != [first] * at + [not first] * (len(helps) - at):
            raise error_model.DerivationError(f"region {kind} at theta {ratio}, K {size}, H {H}, D {D}")
        counted[kind] += 1
    tally = hold(REGIONS, coalition_models(3, 40))
    return Judgement(
        "proved",
        f"a chain for all real parameters; {tally}; sympy: " + "; ".join(derivation.steps),
        f"all parameters; followed for 39 clients each in {sum(counted.values())} cases ({counted}). At theta = 1/D the"
        " effect never changes sign, so a closed boundary between III and IV would be wrong; the text's is lost",
        evidence={"cases": counted, "root": str(derivation.results["x* in IV"])},
    )


@claim(
    "S-T2-IID",
    source="SWAN, section IV-A, below theorem 2",
    statement="when [theta = 0] (representing an i.i.d. data distribution [...]), the network effects of client participation will correspond to Regions II or IV",
    expected="proved",
    proof=IID,
)
def judge_iid() -> Judgement:
    """Two of the four regions lie above theta = 1/D > 0; both others occur."""
    tally = hold(IID, coalition_models(5, 40, variance=False))
    seen = dict.fromkeys(("II", "IV"), 0)
    for (K, H), (_, D) in itertools.product(_coalitions(_GRID), _coalitions(_GRID)):
        effects = [_error(Fraction(0), (K, H), (n, D)) for n in range(1, 4 * K * H + 2)]
        effects = [_error(Fraction(0), (K, H)), *effects]
        falls = [after <= before for before, after in itertools.pairwise(effects)]
        if falls != sorted(falls):
            raise error_model.DerivationError(f"an effect that does not turn positive for good: {K}, {H}, {D}")
        seen["II" if falls[0] else "IV"] += 1
    if not all(seen.values()):
        raise error_model.DerivationError("a region that does not occur")
    return Judgement(
        "proved",
        f"a chain for all real parameters, on that of theorem 2; {tally}; eq. (3) itself on a grid",
        f"all parameters; {seen['II']} coalitions and newcomers of the grid in Region II, {seen['IV']} in Region IV",
    )
