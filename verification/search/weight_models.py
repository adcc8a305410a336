"""Averages of local models as models of proofs: errors, and the weights that leave the least, from the shipped code."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ...models.sharing import averages
from .finite_models import Model

__all__ = ["alone_weight_models", "member_models", "weight_models"]

CLIENTS = 4
Weights = tuple[Fraction, ...]


def _weighings(draw: random.Random, made: list[Weights]) -> list[Weights]:
    """Some weights, most of which add up to 1 over the first few clients, beside those given."""
    drawn = []
    for count in range(1, CLIENTS + 1):
        raw = [Fraction(draw.randint(0, 4)) for _ in range(count)]
        whole = sum(raw) or Fraction(1)
        drawn.append((*(x / whole for x in raw), *[Fraction(0)] * (CLIENTS - count)))
    drawn.append(tuple(Fraction(draw.randint(-3, 3), 2) for _ in range(CLIENTS)))
    return [*made, *drawn]


def _model(own: list[Fraction], s: Fraction, whose: averages.Whose, draw: random.Random, **more: Any) -> Model:
    sign = -1 if whose == "participant" else 1
    terms = [error + sign * s for error in own]
    # What no weights change is left out of the error.
    fixed = {"participant": s, "buyer": s}

    def unchanged(count: int) -> Fraction:
        return fixed.get(whose, s * (1 - Fraction(2, count)))

    best = {n: averages.least_error_shares(own[:n], s, whose) for n in range(1, CLIENTS + 1)}
    padded = {n: (*shares, *[Fraction(0)] * (CLIENTS - n)) for n, shares in best.items()}

    def squares(p: Weights, n: int) -> Fraction:
        return averages.averaged_error(p[:n], own[:n], s, whose) - unchanged(n) if n else Fraction(0)

    precisions = [Fraction(0)]
    for term in terms:
        precisions.append(precisions[-1] + (1 / term if term else 0))
    values: dict[str, Any] = {
        "share": lambda p, j: p[j], "b": terms.__getitem__, "w": lambda j: 1 / terms[j], "V": precisions.__getitem__,
        "best": padded.__getitem__, "T": lambda p, n: sum(p[:n], Fraction(0)), "Q": squares, "least": lambda n: squares(padded[n], n),
        "term": lambda p, j: p[j] ** 2 * terms[j], "pull": lambda p, j: p[j] * terms[j] * precisions[j],
        "gap": lambda p, j: squares(p, j) * precisions[j] - sum(p[:j], Fraction(0)) ** 2,
        "convex": lambda p: all(0 <= x <= 1 for x in p), **more,
    }  # fmt: skip
    weighings = _weighings(draw, [*padded.values()])
    return Model({"Weighting": weighings, "Int": range(CLIENTS)}, values, {"own": own, "s": s, "whose": whose})


def _drawn(draw: random.Random) -> tuple[list[Fraction], Fraction]:
    return [Fraction(1, draw.randint(1, 9)) for _ in range(CLIENTS)], Fraction(draw.randint(0, 12), draw.randint(1, 12))


def weight_models(seed: int, count: int) -> Iterator[Model]:
    """Four clients in some order, on everybody's distribution in turn; for a participant's they are of low types."""
    draw = random.Random(seed)
    while count:
        own, s = _drawn(draw)
        whose = averages.WHOSE[count % len(averages.WHOSE)]
        if whose == "participant":
            s = min(own) * Fraction(draw.randint(0, 5), 6)
        count -= 1
        yield _model(own, s, whose, draw)


def alone_weight_models(seed: int, count: int) -> Iterator[Model]:
    """Participants among whom somebody is of a high type, the one with most data first."""
    draw = random.Random(seed)
    while count:
        own, s = _drawn(draw)
        if min(own) > s:
            continue
        count -= 1
        yield _model(sorted(own), s, "participant", draw, i0=0)


def member_models(seed: int, count: int) -> Iterator[Model]:
    """A coalition, of equals every other time, and a newcomer, both averaged with the least error of a member."""
    draw = random.Random(seed)
    for place in range(count):
        own, s = _drawn(draw)
        K = draw.randint(1, CLIENTS - 1)
        if place % 2:
            own = [own[0]] * CLIENTS
        before, after = (
            averages.averaged_error(averages.least_error_shares(some, s, "member"), some, s, "member")
            for some in (own[:K], own[: K + 1])
        )
        values = {
            "K": K, "V": sum((1 / (error + s) for error in own[:K]), Fraction(0)), "w": 1 / (own[K] + s), "q": own[K], "theta": s,
            "x": before, "a": after,
        }  # fmt: skip
        yield Model({}, values, {"own": own, "s": s, "K": K})
