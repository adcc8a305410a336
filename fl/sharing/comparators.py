"""What SWAN is compared with in section V: the dynamic mechanism, the modified FL mechanism, and FL without a market.

The text names the first two by a sentence each; how they are spelled out here is reconstructed and said at each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ...models.display import Table, show
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.market_text import state_text
from ...solvers.sharing.solve import solve_social_state
from ..registry import Option, mechanism
from .interface import SharingOutcome, sharing_outcome, utility, welfare
from .swan import Swan


def _settle(market: MotsMarket, start: State, respond: Callable[[State], State]) -> tuple[State, int, bool]:
    seen: dict[State, int] = {}
    path: list[State] = []
    state = start
    while state not in seen:
        seen[state] = len(path)
        path.append(state)
        state = respond(state)
    cycle = path[seen[state] :]
    return max(cycle, key=lambda s: welfare(market, s)), len(path), len(cycle) > 1


@mechanism(
    "dynamic",
    market="sharing",
    summary="price equal to utility, no rewards; clients expect the error of the last round",
    source="SWAN section V, its reference [14]; reconstructed",
    options=(),
)
def dynamic(market: MotsMarket, start: State | None = None) -> SharingOutcome:
    """The dynamic mechanism (its reference [14]), reconstructed: clients expect the last round's error to stay.

    In each round a client participates if the utility of a model with the last state's error covers its cost; the others
    buy at a price equal to their utility, which pays the participants nothing.  The first expectation is the error of
    everybody's participation, unless a start is given.
    """

    def respond(state: State) -> State:
        if not any(state):
            return state
        value = utility(market, market.error(state))
        return tuple(entry.count if value >= entry.cost else 0 for entry in market.types)

    state, rounds, cycles = _settle(market, market.counts if start is None else start, respond)
    price = utility(market, market.error(state)) if any(state) else None
    return sharing_outcome(market, state, price, mechanism="dynamic", rounds=rounds, cycles=cycles)


@mechanism(
    "modified-fl",
    market="sharing",
    summary="price equal to utility, fixed rewards; clients respond to the last state",
    source="SWAN section V, its reference [55]; reconstructed",
    options=(
        Option("rewards", "vector", "reward of a participant of each type; the mean cost of all clients if left out"),
    ),
)
def modified_fl(market: MotsMarket, rewards: Sequence[Fraction] | None = None) -> SharingOutcome:
    """The modified FL mechanism (its reference [55]), reconstructed: price equal to utility, fixed rewards.

    A buyer ends with nothing, so a client participates if utility plus reward covers its cost.  Rewards are the same for
    all types unless given: the mean participation cost of all clients.  Clients respond to the last state's error,
    from nobody's participation expecting the greatest error.
    """
    if rewards is None:
        total = sum((entry.cost * entry.count for entry in market.types), Fraction(0))
        rewards = [total / market.population] * market.type_count

    def respond(state: State) -> State:
        error = market.error(state) if any(state) else market.error_range[1]
        value = utility(market, error)
        return tuple(
            entry.count if value + reward >= entry.cost else 0
            for entry, reward in zip(market.types, rewards, strict=True)
        )

    state, rounds, cycles = _settle(market, (0,) * market.type_count, respond)
    price = utility(market, market.error(state)) if any(state) else None
    return sharing_outcome(market, state, price, rewards, mechanism="modified-fl", rounds=rounds, cycles=cycles)


@mechanism(
    "fl-only",
    market="sharing",
    summary="the best of FL without a market: only participants have the model, and are paid what they lack",
    source="SWAN section V, eq. (23)",
    options=(),
)
def fl_only(market: MotsMarket, *, time_limit: float | None = None) -> SharingOutcome:
    """The best the existing FL framework can do, eq. (23), and what its participants must be paid.

    A participant whose utility does not cover its cost is paid the difference; one with a surplus keeps it.
    """
    answer = solve_social_state(market, audience="participants", time_limit=time_limit)
    if answer.state is None or answer.welfare is None or answer.status == "infeasible":
        return sharing_outcome(market, (0,) * market.type_count, audience="participants", mechanism="fl-only")
    value = utility(market, market.error(answer.state))
    rewards = [max(Fraction(0), entry.cost - value) for entry in market.types]
    return sharing_outcome(market, answer.state, None, rewards, audience="participants", mechanism="fl-only")


def rivals_table(mechanism: Swan, rivals: Sequence[SharingOutcome]) -> Table:
    """Return where SWAN and its rivals end, as a table."""
    market = mechanism.market
    rows = [["SWAN", show(mechanism.welfare), "yes", "", state_text(market, mechanism.target)]]
    rows += [
        [
            entry.mechanism,
            show(entry.welfare),
            "yes" if entry.meets_requirement else "no",
            show(entry.incentive_cost),
            state_text(market, entry.state) + (" (cycles)" if entry.cycles else ""),
        ]
        for entry in rivals
    ]
    return Table(["", "welfare", "meets requirement", "incentive cost", "state"], rows, (1, 3), "Compared with")
