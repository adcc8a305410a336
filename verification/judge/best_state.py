"""What is said of a sharing market's best state, and of the payments that are to bring it about: each claim's premises, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from ...fl.sharing.equilibria import Equilibria, equilibria, is_equilibrium, is_supported, share_table
from ...fl.sharing.swan import MOST_PATTERNS, NoTarget, Swan, count_patterns, patterns, swan, welfare
from ...fl.sharing.unique import SinglePeaked
from ...models.sharing.expression import OutsideDomain
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.utility import Conditions
from ...solvers.control import Control, Stopped
from ...solvers.sharing.answer import SocialAnswer
from ...solvers.sharing.requirement import error_range, relevant_errors
from ...solvers.sharing.solve import solve_social_state
from ...solvers.sharing.worth import Worth, compare, utility_between, worth
from .ruling import Between, Premise, Ruling

__all__ = ["BestState"]

MOST_CANDIDATES = 2**14
"""Patterns that are looked at for one that is optimal."""
MOST_STATES = 2_000
"""States at which single-peaked payments are looked at one by one."""


class BestState:
    """A market's best state, proved, and the rulings on it.

    Where the utility leaves intervals, two numbers that cannot be told apart contradict nobody: what hangs on them is left open.

    Attributes
    ----------
    mechanism : Swan or None
        SWAN, once :meth:`payments` could set it up.
    equilibria : Equilibria or None
        Its equilibria, if its incentive ratio is defined.
    """

    def __init__(self, market: MotsMarket, best: SocialAnswer, control: Control):
        assert best.state is not None
        assert best.error is not None
        assert best.welfare is not None
        self.market, self.control = market, control
        self.state: State = best.state
        self.error: Fraction = best.error
        self.worth: Worth = best.welfare
        self.mechanism: Swan | None = None
        self.equilibria: Equilibria | None = None

    def _unless_close(self, holds: bool) -> bool | None:
        """A failure counts only where it hangs on exact numbers."""
        return holds if holds or self.market.utility.rational else None

    def everybody(self) -> Ruling:
        """Lemma 1: one more buyer adds just U."""
        low, high = utility_between(self.market, self.error)
        positive = True if low > 0 else False if high <= 0 else None
        says = "the utility is positive at the error of the best state"
        shows = str(low) if low == high else f"{float((low + high) / 2):.6g}"
        premise = Premise(says, positive, None, f"U = {shows}")
        return Ruling("S-L1", "market", "everybody obtains the model", [premise], holds=positive or None)

    def whole(self, assumptions: Conditions) -> Ruling:
        """Proposition 1 as it holds: some optimum is all-or-none in every type, or a single client."""
        market = self.market
        high = next((i for i, n in enumerate(market.counts) if n and not market.is_low(i)), None)
        premises = [
            Premise("every type is low", high is None, None if high is None else market.types[high].id),
            Premise("U is convex in 1 / (eps - client_variance)", assumptions.increasing_marginal.holds),
            Premise("there is no requirement", market.max_error is None),
        ]
        holds = None if any(premise.holds is False for premise in premises) else self._some_whole()
        return Ruling("S-P1-LOW", "market", "some optimum is all-or-none or one client", premises, holds=holds)

    def _some_whole(self) -> bool | None:
        market = self.market
        if sum(self.state) == 1 or all(k in (0, n) for k, n in zip(self.state, market.counts, strict=True)):
            return True
        if count_patterns(market) > MOST_CANDIDATES:
            return None
        alone = [tuple(int(i == at) for i in range(market.type_count)) for at, n in enumerate(market.counts) if n]
        orders = [compare(market, worth(market, state), self.worth) for state in (*patterns(market), *alone)]
        return False if max(orders) < 0 else True if market.utility.rational else None

    def alone(self) -> Ruling:
        """F-HIGH-ALONE: a high client participates alone or not at all."""
        market, state = self.market, self.state
        premise = Premise("the utility falls strictly with the error", self._falls_strictly())
        crowd = [i for i, k in enumerate(state) if k and not market.is_low(i) and sum(state) > 1]
        made_by = {"type": market.types[crowd[0]].id} if crowd else {}
        measure = "high clients participate alone or not at all"
        return Ruling("F-HIGH-ALONE", "market", measure, [premise], holds=not crowd, made_by=made_by)

    def _falls_strictly(self) -> bool | None:
        """Utilities that do not rise are analytic: with different values at both ends they are flat nowhere in between."""
        low, high = relevant_errors(self.market)
        if low == high or error_range(self.market).least == error_range(self.market).greatest:
            return True
        try:
            near, far = utility_between(self.market, low), utility_between(self.market, high)
        except OutsideDomain:
            return None
        return True if near[0] > far[1] else False if self.market.utility.rational else None

    def dominates(self) -> Ruling:
        """Proposition 3: no less welfare than where only participants have the model."""
        left = self.control.remaining()
        limit = None if left is None else left / 2
        alone = solve_social_state(self.market, audience="participants", time_limit=limit)
        claim, measure = "S-P3", "W*_FL - W*"
        if alone.status != "optimal" or alone.state is None or alone.welfare is None or alone.error is None:
            return Ruling(claim, "market", measure, [Premise("the best state of (23) is known", None)])
        low, high = utility_between(self.market, alone.error)
        positive = True if low >= 0 else False if high < 0 else None
        premises = [Premise("the utility is not negative at the error of the best state of (23)", positive)]
        if positive is False:
            return Ruling(claim, "market", measure, premises)
        if alone.welfare.exact and self.worth.exact:
            above = Between.exactly(alone.welfare.low - self.worth.low)
            return Ruling(claim, "market", measure, premises, Fraction(0), above, above.low <= 0)
        # Buyers only add to the welfare of the other's best state.
        more = sum(alone.state) == self.market.population and alone.state == self.state
        behind = compare(self.market, alone.welfare, self.worth)
        holds = True if more or behind < 0 else False if behind > 0 else None
        return Ruling(claim, "market", measure, premises, Fraction(0), None, holds)

    def payments(self) -> Iterator[Ruling]:
        """Theorem 3 as it holds, and the payments in its place.

        Raises
        ------
        Stopped
            If time runs out.
        """
        market = self.market
        try:
            mechanism = swan(market, control=self.control)
        except NoTarget:
            raise Stopped("time-limit") from None
        self.mechanism, target = mechanism, mechanism.target
        if mechanism.ratio is not None:
            self.equilibria = equilibria(mechanism, control=self.control)
            yield self._stays(mechanism)
        premises = [
            Premise("W* > 0", mechanism.welfare > 0),
            Premise("L(k*) > L_min", mechanism.lagrangian(target) > mechanism.least),
            Premise("f(k*) = L(k*)", mechanism.potential(target, self.control) == mechanism.lagrangian(target)),
        ]
        claim, measure = "S-T3-BALANCE", "incentive cost"
        if all(premise.holds for premise in premises):
            cost = mechanism.incentive_cost(target)
            holds = self._unless_close(cost == 0)
            yield Ruling(claim, "swan", measure, premises, Fraction(0), Between.exactly(cost), holds)
        else:
            yield Ruling(claim, "swan", measure, premises)
        yield self._single_peaked(target)

    def _stays(self, mechanism: Swan) -> Ruling:
        market = self.market
        claim = "S-T3-STATE" if market.max_error is None else "S-T3-STATE-REQ"
        few = count_patterns(market) <= MOST_PATTERNS
        supported = is_supported(mechanism, self.control) if few else None
        says = "k* maximises the Lagrangian over the patterns, the missing model among them"
        measure, premises = "k* is an equilibrium", [Premise(says, supported)]
        if not supported:
            return Ruling(claim, "swan", measure, premises)
        stays = is_equilibrium(market, lambda state: mechanism.share(state, self.control), mechanism.target)
        return Ruling(claim, "swan", measure, premises, holds=self._unless_close(stays))

    def _single_peaked(self, target: State) -> Ruling:
        """F-T3-UNIQUE: the payments that leave k* as the only equilibrium, at the same balance."""
        market = self.market
        payments = SinglePeaked(market, target)
        balanced = payments.incentive_cost(target) == payments.shared - welfare(market, target)
        only = is_equilibrium(market, payments.share, target)
        if only and math.prod(n + 1 for n in market.counts) <= MOST_STATES:
            table = share_table(market, payments.share)
            stable = [state for state in table if any(state) and is_equilibrium(market, table.__getitem__, state)]
            only = stable == [target]
        measure = "k* is the only equilibrium"
        return Ruling("F-T3-UNIQUE", "single-peaked", measure, [], holds=self._unless_close(balanced and only))
