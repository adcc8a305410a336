"""The mutants of the sharing market's ledger: shipped code with something wrong is no model of the proofs, and turns verdicts."""

from fractions import Fraction as F
from functools import cache
from itertools import islice

import pytest
from campaign import thorough
from fedmech.fl.sharing import swan as swan_module
from fedmech.fl.sharing.pivotal import Pivotal
from fedmech.fl.sharing.unique import Designated, SinglePeaked
from fedmech.models.sharing import averages
from fedmech.models.sharing.market import MotsMarket
from fedmech.verification.claims.swan import averages as reading
from fedmech.verification.claims.swan import claimed_types as claiming
from fedmech.verification.claims.swan import constraints as problem
from fedmech.verification.claims.swan import mechanism, states
from fedmech.verification.ledger import claims, judge
from fedmech.verification.search import (
    constraint_models,
    mots_models,
    own_error_models,
    type_models,
    weight_models,
)
from fedmech.verification.search.finite_models import hold
from proofs_by_name import PROOFS

CLAIMS = claims()

BOX = cache(lambda: list(islice(mechanism.BOX.markets(), 0, None, 40)))
HIGH = cache(lambda: list(islice(states.HIGH.markets(), 0, None, 60)))
LOW = cache(lambda: list(islice(states.LOW.markets(), 0, None, 60)))
MIXED = cache(lambda: list(islice(problem.MIXED.markets(), 0, None, 25)))
PRIVATE = cache(lambda: list(islice(claiming.PRIVATE.markets(), 0, None, 80)))
SEVERAL = cache(lambda: list(islice((m for m in claiming.PRIVATE.markets() if m.type_count > 1), 0, None, 24)))


LONG = ("participants are asked for what they claim", "errors do not fall with the coalition: SCALED")


def worse_error(self, state):
    k = self.check_state(state)
    total = sum((F(n, t.size) for n, t in zip(k, self.types, strict=True)), F(0))
    return self.noise * total / sum(k) + self.client_variance


SWAN = {
    "errors do not fall with the coalition: JOIN": (MotsMarket, "error", worse_error, "JOIN", lambda: mots_models.coalition_models(1, 20)),
    "errors do not fall with the coalition: MERGE": (MotsMarket, "error", worse_error, "MERGE", lambda: mots_models.coalition_models(1, 20)),
    "errors do not fall with the coalition: REGIONS": (MotsMarket, "error", worse_error, "REGIONS", lambda: mots_models.coalition_models(1, 20)),
    "errors do not fall with the coalition: THIRD": (MotsMarket, "error", worse_error, "THIRD", lambda: mots_models.coalition_models(1, 20)),
    "errors do not fall with the coalition: EXAMPLE": (
        MotsMarket, "error", worse_error, "EXAMPLE", lambda: mots_models.coalition_models(1, 20, variance=False)
    ),
    "errors do not fall with the coalition: ALONE": (MotsMarket, "error", worse_error, "ALONE", lambda: mots_models.alone_models(HIGH())),
    "a buyer's error is a participant's": (
        averages, "averaged_error", lambda weights, own, variance, whose: F(1, len(own)) + variance * (1 - F(1, len(own))), "BUYER",
        lambda: mots_models.average_models(1, 20),
    ),
    "averages by size are plain ones": (
        averages, "shares", lambda sizes, average="plain": [F(1, len(sizes))] * len(sizes), "BY_SIZE", lambda: mots_models.average_models(1, 20)
    ),
    "weights of least error are plain ones": (
        averages, "least_error_shares", lambda own, variance, whose="buyer": [F(1, len(own))] * len(own), "WEIGHTS",
        lambda: weight_models.weight_models(1, 9),
    ),
    "the best model is not taken alone": (
        averages, "least_error_shares", lambda own, variance, whose="buyer": [F(1, len(own) + 1)] * len(own), "ALONE_IS_LEAST",
        lambda: weight_models.alone_weight_models(1, 5),
    ),
    "a member's error is a buyer's": (
        averages, "averaged_error",
        lambda weights, own, variance, whose: sum((p * p * (e + variance) for p, e in zip(weights, own, strict=True)), variance), "MEMBERS",
        lambda: weight_models.member_models(1, 20),
    ),
    "errors do not fall with the coalition: EXCLUDED": (
        MotsMarket, "error", worse_error, "EXCLUDED", lambda: constraint_models.excluded_models(MIXED())
    ),
    "errors do not fall with the coalition: SCALED": (
        MotsMarket, "error", worse_error, "SCALED", lambda: constraint_models.scaled_models(LOW())
    ),
    "SWAN's game shares twice": (
        swan_module.Swan, "share", lambda self, state, control=None: 2 * self.ratio * (self.potential(state) - self.least) / self.market.population, "EXISTS",
        lambda: constraint_models.existing_models(BOX()),
    ),
    "SWAN pays participants one unit more": (
        swan_module.Swan, "rewards", lambda self, state: tuple(t.cost - self.price(state) + 1 for t in self.market.types), "LEAST_COST",
        lambda: constraint_models.least_cost_models(BOX(), 1),
    ),
    "SWAN's balance is that of k* everywhere": (
        swan_module.Swan, "incentive_cost", lambda self, state: F(0), "AWAY", lambda: constraint_models.away_models(BOX())
    ),
    "single-peaked payments peak elsewhere": (
        SinglePeaked, "share", lambda self, state: F(sum(abs(k - t) for k, t in zip(state, self.target, strict=True))), "EQUIVALENT",
        lambda: constraint_models.equivalent_models(LOW()),
    ),
    "welfare leaves costs out": (
        MotsMarket, "welfare", lambda self, state, buyers=None: self.population * self.utility.exact(self.error(state)), "POPULATION",
        lambda: constraint_models.population_models(LOW()),
    ),
    "SWAN always adds one": (
        swan_module.Swan, "incentive_cost", lambda self, state: F(1), "MONOTONE", lambda: constraint_models.monotone_models(BOX())
    ),
    "SWAN shares twice with who overstates": (
        swan_module.Swan, "share", lambda self, state, control=None: 2 * self.ratio * (self.potential(state) - self.least) / self.market.population, "OVERSTATED",
        lambda: type_models.overstated_models(list(islice(claiming.CLIENTS.markets(), 0, None, 40))),
    ),
    "participants are paid what they claim": (
        Pivotal, "rewards", lambda self, measured=None: tuple(t.cost for t in self.market.types), "PIVOTAL", lambda: type_models.pivotal_models(PRIVATE())
    ),
    "participants are asked for what they claim": (
        Pivotal, "rewards", lambda self, measured=None: tuple(2 * t.cost for t in self.market.types), "LEAST_PRIVATE",
        lambda: type_models.least_private_models(SEVERAL(), 2),
    ),
    "what is measured is not paid for": (
        Pivotal, "_utility", lambda self, measured: F(3), "MEASURED", lambda: type_models.measured_models(PRIVATE())
    ),
    "buyers have participants' errors": (
        own_error_models, "averaged_error", lambda weights, own, variance, whose: averages.averaged_error(weights, own, variance), "OWN_ERROR",
        lambda: own_error_models.own_error_models(HIGH()),
    ),
    "costs are left out of welfare: EVERYBODY": (
        MotsMarket, "cost", lambda self, state: F(sum(state)), "ALONE", lambda: mots_models.alone_models(HIGH())
    ),
    "SWAN shares twice": (
        swan_module.Swan, "share", lambda self, state, control=None: 2 * self.ratio * (self.potential(state) - self.least) / self.market.population, "SUPPORTED",
        lambda: mots_models.supported_models(BOX()),
    ),
    "SWAN's potential is off": (
        swan_module.Swan, "potential", lambda self, state, control=None: self.lagrangian(state) + (0 < state[0] < self.market.counts[0]) * 99, "SUPPORTED",
        lambda: mots_models.supported_models(list(mechanism.BOX.markets())[::15]),
    ),
    "SWAN pays one unit more": (
        swan_module.Swan, "incentive_cost", lambda self, state: F(1), "BALANCE", lambda: mots_models.balance_models(BOX())
    ),
    "single-peaked payments are flat": (
        SinglePeaked, "share", lambda self, state: F(1), "SINGLE_PEAKED", lambda: mots_models.peaked_models(BOX())
    ),
    "flat payments do not converge": (
        SinglePeaked, "share", lambda self, state: F(any(state)), "CONVERGE", lambda: mots_models.converging_models(BOX())
    ),
    "designated payments reward leaving": (
        Designated, "payoff", lambda self, type, number, participates, model: F(model), "DOMINANT", lambda: mots_models.designated_models(BOX())
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", thorough(SWAN, LONG.__contains__))
def test_broken_sharing_code_is_no_model(name, monkeypatch):
    owner, method, wrong, which, models = SWAN[name]
    hold(PROOFS[which], models())
    monkeypatch.setattr(owner, method, wrong)
    with pytest.raises(AssertionError):
        hold(PROOFS[which], models())


@pytest.mark.parametrize("swap", [("participant", "buyer"), ("by-size", "plain")])
def test_another_error_than_the_measured_one_turns_the_verdict(swap, monkeypatch):
    one, other = swap
    right_error, right_shares = averages.averaged_error, averages.shares
    if one == "participant":
        monkeypatch.setattr(
            reading, "averaged_error", lambda weights, own, variance, whose: right_error(weights, own, variance, other)
        )
    else:
        monkeypatch.setattr(reading, "shares", lambda sizes, average: right_shares(sizes, other))
    entry = judge(CLAIMS["F-3-AVERAGES"])
    assert not entry.agrees
    assert "standard errors off" in entry.judgement.method
