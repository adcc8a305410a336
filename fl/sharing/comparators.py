"""What SWAN is compared with in section V: the dynamic mechanism, the modified FL mechanism, and FL without a market.

The text names the first two by a sentence each; how they are spelled out here is reconstructed and said at each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...models.display import Table, show
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.market_text import state_text
from ...solvers.sharing.solve import solve_social_state
from ...solvers.sharing.worth import worth
from .swan import BITS, Swan, utility, welfare


@dataclass(frozen=True)
class ComparatorOutcome:
    """Where a comparator ends.

    Attributes
    ----------
    name : str
        Which comparator.
    state : tuple of int
        Participants of each type; all zeros if nobody trains.
    welfare : Fraction
        Social welfare of the state: of everybody, or of the participants only for FL without a market.
    meets_requirement : bool
        Whether the state meets the market's error requirement.
    incentive_cost : Fraction
        What the platform adds from outside; negative if it would keep money.
    rounds : int
        Rounds until the state was reached again, for the dynamic ones.
    cycles : bool
        Whether the dynamics ended in a cycle; the state is then the best of the cycle.
    """

    name: str
    state: State
    welfare: Fraction
    meets_requirement: bool
    incentive_cost: Fraction
    rounds: int = 0
    cycles: bool = False


def _settle(market: MotsMarket, start: State, respond: object) -> tuple[State, int, bool]:
    seen: dict[State, int] = {}
    path: list[State] = []
    state = start
    while state not in seen:
        seen[state] = len(path)
        path.append(state)
        state = respond(state)  # type: ignore[operator]
    cycle = path[seen[state] :]
    return max(cycle, key=lambda s: welfare(market, s)), len(path), len(cycle) > 1


def dynamic(market: MotsMarket, start: State | None = None) -> ComparatorOutcome:
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
    buyers = market.population - sum(state)
    income = buyers * utility(market, market.error(state)) if any(state) else Fraction(0)
    return ComparatorOutcome(
        "dynamic", state, welfare(market, state), market.meets_requirement(state), -income, rounds, cycles
    )


def modified_fl(market: MotsMarket, rewards: Sequence[Fraction] | None = None) -> ComparatorOutcome:
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
    paid = sum((k * reward for k, reward in zip(state, rewards, strict=True)), Fraction(0))
    buyers = market.population - sum(state)
    income = buyers * utility(market, market.error(state)) if any(state) else Fraction(0)
    return ComparatorOutcome(
        "modified-fl", state, welfare(market, state), market.meets_requirement(state), paid - income, rounds, cycles
    )


def fl_only(market: MotsMarket, *, time_limit: float | None = None) -> ComparatorOutcome:
    """The best the existing FL framework can do, eq. (23), and what its participants must be paid.

    A participant whose utility does not cover its cost is paid the difference; one with a surplus keeps it.
    """
    answer = solve_social_state(market, audience="participants", time_limit=time_limit)
    if answer.state is None or answer.welfare is None or answer.status == "infeasible":
        nobody = (0,) * market.type_count
        return ComparatorOutcome("fl-only", nobody, Fraction(0), False, Fraction(0))
    value = utility(market, market.error(answer.state))
    paid = sum(
        (k * max(Fraction(0), entry.cost - value) for k, entry in zip(answer.state, market.types, strict=True)),
        Fraction(0),
    )
    alone = worth(market, answer.state, BITS, "participants").middle
    return ComparatorOutcome("fl-only", answer.state, alone, True, paid)


def rivals_table(mechanism: Swan, rivals: Sequence[ComparatorOutcome]) -> Table:
    """Return where SWAN and its rivals end, as a table."""
    market = mechanism.market
    rows = [["SWAN", show(mechanism.welfare), "yes", "", state_text(market, mechanism.target)]]
    rows += [
        [
            entry.name,
            show(entry.welfare),
            "yes" if entry.meets_requirement else "no",
            show(entry.incentive_cost),
            state_text(market, entry.state) + (" (cycles)" if entry.cycles else ""),
        ]
        for entry in rivals
    ]
    return Table(["", "welfare", "meets requirement", "incentive cost", "state"], rows, (1, 3), "Compared with")
