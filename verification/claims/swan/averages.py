"""Equations (2) and (3): which average, and whose error; what of the network effects rests on the answer."""

from __future__ import annotations

import itertools
from fractions import Fraction

from ....models.sharing.averages import AVERAGES, WHOSE, averaged_error, least_error_shares, shares
from ....models.sharing.error_model import DerivationError
from ...claim import Judgement
from ...ledger import claim
from ...proofs.network import BUYER, BY_SIZE
from ...proofs.weights import ALONE_IS_LEAST, MEMBERS, WEIGHTS
from ...search.finite_models import hold
from ...search.mots_models import average_models
from ...search.weight_models import alone_weight_models, member_models, weight_models

CASES = (
    (1, (6, 9, 30), 1, Fraction(1, 2)),
    (2, (8, 8, 20), 1, Fraction(1, 2)),
    (3, (12, 30, 30, 50), Fraction(1, 2), Fraction(1, 10)),
    (4, (10, 40), 2, Fraction(1)),
)
DRAWS = 40_000


@claim(
    "F-3-AVERAGES",
    source="finding, on SWAN, eqs. (2) and (3)",
    statement="With shares p_m of the participants' models in the average, the error is sum_m p_m^2 d v / D_m + s (1 - sum p^2) on the distribution of a participant "
    "drawn by its share, with 1 - 2/K + sum p^2 for 1 - sum p^2 on that of one drawn with equal chances, and with 1 + sum p^2 on that of a client that takes no part; "
    "eq. (3) is the first with p = 1/K, and not with the weights by data that eq. (2) speaks of",
    expected="supported",
)
def judge_averages() -> Judgement:
    """Monte Carlo on the linear market, all readings on the same draws, with the exact data term."""
    from ....fl.sharing.linear_market import simulate_averages

    worst, cases = 0.0, []
    for seed, (d, sizes, data, clients) in enumerate(CASES):
        measured = simulate_averages(d, sizes, float(data), float(clients), repetitions=DRAWS, seed=seed)
        own = [Fraction(d) * data / (D - d - 1) for D in sizes]
        for average in AVERAGES:
            for whose in WHOSE:
                exact = averaged_error(shares(sizes, average), own, clients, whose)
                mean, standard = measured[average, whose]
                away = abs(mean - float(exact)) / standard
                worst = max(worst, away)
                cases.append(
                    {"sizes": sizes, "average": average, "whose": whose, "measured": mean, "exact": float(exact)}
                )
    if worst > 5:
        raise DerivationError(f"Monte Carlo is {worst:.1f} standard errors off")
    return Judgement(
        "supported",
        "Monte Carlo of local least squares, averaged plainly and by data size, on the distributions of a participant and of another client; D - d - 1 in the place of D, which is "
        "exact for Gaussian features (S-3)",
        f"four linear markets of {DRAWS:,} draws each, seeds 0-3, six readings each, within {worst:.1f} standard errors",
        evidence={"monte_carlo": cases},
    )


@claim(
    "F-T1-BUYER",
    source="finding, on SWAN, theorem 1 (which gives participants' error to buyers too)",
    statement="On the distribution of a client that takes no part, a newcomer to the plain average does no harm if and only if theta >= -Phi, Phi of eq. (15): client "
    "variance, which makes newcomers unwelcome to participants, makes them welcome to buyers, and from theta = 1/D on every newcomer is",
    expected="proved",
    proof=BUYER,
)
def judge_buyer() -> Judgement:
    """The chain of Theorem 1 with the other sign of the spread."""
    tally = hold(BUYER, average_models(7, 60))
    return Judgement("proved", f"a chain for all real parameters; {tally}", "all parameters")


@claim(
    "F-E1-BY-SIZE",
    source="finding, on SWAN, eq. (2) and Example 1",
    statement="Averaged by data size, as eq. (2) weighs losses, at theta = 0 every newcomer lowers the error, by the share D / (S + D) of it that its data have of all data: "
    "the first half of Example 1 is due to the plain average",
    expected="proved",
    proof=BY_SIZE,
)
def judge_by_size() -> Judgement:
    """One over the sum of the sizes falls."""
    tally = hold(BY_SIZE, average_models(8, 60))
    return Judgement("proved", f"a chain for all real parameters; {tally}", "all parameters, theta = 0")


@claim(
    "F-3-WEIGHTS",
    source="finding, on SWAN, eqs. (2) and (3)",
    statement="No weights of the participants' models leave a client that takes no part, or a participant drawn with equal chances, a smaller error than those in proportion to "
    "1 / (d v / D_m + s), that is D / (1 + theta D): by data at theta = 0, plain as theta grows; a participant drawn by its share has the least error at 1 / (d v / D_m - s) where every type "
    "is low, and else where the model of the most data is taken alone",
    expected="proved",
    proof=(WEIGHTS, ALONE_IS_LEAST),
)
def judge_least_error_weights() -> Judgement:
    """Cauchy and Schwarz by induction; a square weighs a negative term no more than its share does."""
    tally = hold(WEIGHTS, weight_models(3, 12))
    alone = hold(ALONE_IS_LEAST, alone_weight_models(4, 10))
    return Judgement(
        "proved",
        f"two chains for any number of clients, b_m = d v / D_m + s or d v / D_m - s; {tally}; with a high type: {alone}",
        "all parameters",
    )


@claim(
    "F-T1-WEIGHTS",
    source="finding, on SWAN, theorems 1 and 2",
    statement="Under the weights of least error every newcomer lowers the error of buyers, and of participants drawn by their share where every type is low: their network effects are never "
    "negative, whatever the sizes and theta. For participants drawn with equal chances they stay non-monotonic: a newcomer does no harm if and only if its precision w = 1 / (q + theta) "
    "has w K (K + 1) >= 2 theta V (V + w), V that of the coalition; among equals theta <= 1/D, as under the plain average; at theta = 0 every newcomer helps",
    expected="proved",
    proof=(WEIGHTS, MEMBERS),
)
def judge_weighted_newcomers() -> Judgement:
    """One more term in a sum of precisions; and two fractions compared."""
    tally = hold(WEIGHTS, weight_models(5, 6))
    members = hold(MEMBERS, member_models(6, 40))
    # Small clients join one of much data: at first they harm, in the end they help.
    theta, sizes = Fraction(1, 20), [40, *[10] * 40]
    errors = []
    for K in range(1, len(sizes) + 1):
        own = [Fraction(1, D) for D in sizes[:K]]
        errors.append(averaged_error(least_error_shares(own, theta, "member"), own, theta, "member"))
    helps = [after <= before for before, after in itertools.pairwise(errors)]
    if helps != sorted(helps) or len({*helps}) != 2:
        raise DerivationError("the example of non-monotonic effects")
    return Judgement(
        "proved",
        f"a chain for any number of clients, one for real parameters; {tally}; for members: {members}; of clients of 10 samples that join one of 40 at theta = 1/20 the first "
        f"{helps.index(True)} harm the members, all others help",
        "all parameters",
    )
