"""Section 4: what the concentration of a Dirichlet does to label distributions, to drift scores, and to other signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ...claim import Judgement
from ...ledger import claim
from ...proofs.dirichlet import CONCENTRATED, LABEL_SKEW
from ...search.finite_models import Model, hold

SOURCE = "DriftPay, section 4"
BETAS = (
    Fraction(1, 20),
    Fraction(1, 10),
    Fraction(1, 4),
    Fraction(3, 10),
    Fraction(1, 3),
    Fraction(1, 2),
    Fraction(1),
    Fraction(5),
)
MEASURED = (5.0, 0.5, 0.05)
"""Concentrations at which drift scores are measured, from alike to unlike clients."""
CLASSES, WORKERS, SAMPLES, SEEDS, FEATURES = 10, 120, 30, (0, 1, 2), 20


def _drawn(classes: int, beta: Fraction, sequence: Sequence[int]) -> Fraction:
    """Probability that a client's labels come in this sequence, by Polya's urn: a label is drawn again the likelier the more of it there are."""
    chance, seen = Fraction(1), [0] * classes
    for place, label in enumerate(sequence):
        chance *= (beta + seen[label]) / (classes * beta + place)
        seen[label] += 1
    return chance


def skewed() -> Iterator[Model]:
    """Moments of one class's share, from the urn."""
    for classes in (2, 3, 10):
        for a in BETAS:
            for b in BETAS:
                mean = _drawn(classes, a, [0])
                squares = {q: _drawn(classes, beta, [0, 0]) for q, beta in (("a", a), ("b", b))}
                values = {f"square_{q}": square for q, square in squares.items()}
                values |= {f"var_{q}": square - mean**2 for q, square in squares.items()}
                yield Model(
                    {},
                    {"K": classes, "a": a, "b": b, "mean": mean, **values},
                    {"classes": classes, "a": str(a), "b": str(b)},
                )


def concentrated() -> Iterator[Model]:
    """Moments of the product of two classes' shares, from the urn."""
    for a in BETAS:
        for b in BETAS:
            values: dict[str, Fraction] = {"a": a, "b": b}
            for q, beta in (("a", a), ("b", b)):
                mean, square = _drawn(2, beta, [0, 1]), _drawn(2, beta, [0, 1, 0, 1])
                values |= {f"mean_{q}": mean, f"square_{q}": square, f"var_{q}": 4 * (square - mean**2)}
            yield Model({}, values, {"a": str(a), "b": str(b)})


def skew_of_partition(beta: float) -> float:
    """Squared distance of a client's label shares from equal ones, on average over the clients of the shipped partition by client."""
    from ....fl.data.dirichlet import dirichlet_per_client

    labels = np.repeat(np.arange(CLASSES), 300)
    parts = dirichlet_per_client(labels, 30, beta, np.random.default_rng(0))
    shares = [np.bincount(labels[part], minlength=CLASSES) / len(part) for part in parts]
    return float(np.mean([((share - 1 / CLASSES) ** 2).sum() for share in shares]))


@claim(
    "D-4-BETA-LABELS",
    source=SOURCE,
    statement="In the common Dirichlet non-IID model, smaller concentration beta induces higher dispersion in client label distributions",
    expected="proved",
    proof=LABEL_SKEW,
)
def judge_labels() -> Judgement:
    """Prove it for the variance of every class's share; look at the shipped partition."""
    tally = hold(LABEL_SKEW, skewed())
    found = [skew_of_partition(beta) for beta in MEASURED]
    if found != sorted(found):
        raise AssertionError(f"the shipped partition has the skews {found} at {MEASURED}")
    return Judgement(
        "proved",
        f"a chain for every number of classes and all concentrations, moments of the distribution as the urn of {tally.models} cases has them; the squared distance of two clients follows. "
        "The shipped partition by client at three concentrations",
        f"all K and beta; shipped: mean squared distance from equal shares {', '.join(f'{d:.3f} at {b:g}' for d, b in zip(found, MEASURED, strict=True))}",
        evidence={"betas": list(MEASURED), "skews": [round(value, 4) for value in found]},
    )


def dispersions() -> list[float]:
    """Standard deviation of drift scores at :data:`MEASURED`: a softmax model of ten Gaussian classes, workers with labels of a Dirichlet, pooled over seeds."""
    from ....fl.scoring import digits_market as scoring

    found: list[list[float]] = [[] for _ in MEASURED]
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        means = rng.normal(size=(CLASSES, FEATURES))

        def draw(labels: np.ndarray, rng: np.random.Generator = rng, means: np.ndarray = means) -> np.ndarray:
            noise = 0.7 * rng.normal(size=(len(labels), FEATURES))
            return np.hstack([means[labels] + noise, np.ones((len(labels), 1))]) / 4

        labels = rng.integers(0, CLASSES, 100)
        start = scoring.train(np.zeros((FEATURES + 1, CLASSES)), draw(labels), labels, 30, 0.25)
        probe = draw(rng.integers(0, CLASSES, 100))
        for place, beta in enumerate(MEASURED):
            scores = []
            for _ in range(WORKERS):
                held = rng.choice(CLASSES, SAMPLES, p=rng.dirichlet([beta] * CLASSES))
                scores.append(scoring.drift_score(scoring.train(start, draw(held), held, 5, 1.0), start, probe))
            found[place].append(float(np.var(scores)))
    return [float(np.sqrt(np.mean(values))) for values in found]


@claim(
    "D-4-BETA",
    source=SOURCE,
    statement="empirically (and consistent with our comparative statistics), dispersion in any algorithm-aligned utility signal increases as beta decreases - read as: of drift scores, the "
    "paper's signal, over the concentrations that experiments use",
    expected="supported",
)
def judge_scores() -> Judgement:
    """Measure drift scores of workers whose labels are drawn at three concentrations."""
    found = dispersions()
    said = ", ".join(f"{value:.4f} at beta {beta:g}" for value, beta in zip(found, MEASURED, strict=True))
    # A tenth more at each step is several times the error of these estimates.
    if any(later <= 1.1 * earlier for earlier, later in pairwise(found)):
        raise AssertionError(f"standard deviations of drift scores: {said}")
    return Judgement(
        "supported",
        "drift scores by the shipped training and scoring code (a softmax model on ten Gaussian classes in 20 dimensions, 5 local steps); an empirical sentence. Of 'any' signal it is not "
        "true, and below some concentration it need not be true of this one either: clients of one class each are all alike but for which class it is (F-4-BETA)",
        f"standard deviation {said}; {WORKERS} workers with {SAMPLES} samples each, {len(SEEDS)} seeds",
        evidence={"betas": list(MEASURED), "deviations": [round(value, 4) for value in found]},
    )


@claim(
    "F-4-BETA",
    source="finding, on DriftPay, section 4 ('any algorithm-aligned utility signal')",
    statement="Not every signal of a client's labels is more dispersed where beta is smaller: how concentrated they are (the sum of squares of the shares, two classes) is less and less so "
    "as beta falls from 1/3 to 0 - {formula}",
    expected="proved",
    proof=CONCENTRATED,
)
def judge_concentration() -> Judgement:
    """Prove it for two classes."""
    tally = hold(CONCENTRATED, concentrated())
    return Judgement(
        "proved",
        f"a chain for all concentrations up to 1/3, moments as the urn has them in {tally.models} cases. On this sum alone the cosine between a client's label shares and equal ones depends; as beta "
        "falls every client comes to hold one class, and there is nothing left by which they differ in it",
        "two classes, all beta",
    )
