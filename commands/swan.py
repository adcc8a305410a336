"""``fedmech swan``: the best social state, what SWAN announces, and the equilibria."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    INFEASIBLE,
    STOPPED,
    JsonOption,
    MotsArgument,
    guarded,
    number,
    print_json,
    say,
    show,
    table,
    text_width,
    whole_limit,
    write,
)
from .mots import load_mots

if TYPE_CHECKING:
    from ..fl.sharing.equilibria import Equilibria
    from ..fl.sharing.swan import Swan
    from ..models.sharing.market import MotsMarket

__all__ = ["swan_command"]


@dataclass(frozen=True)
class Announced:
    """What SWAN announces at the best state, by itself or as one of several offers, and what it is compared with.

    ``found`` are the equilibria, None where they were not looked for; ``assumption`` says of increasing marginal utility whether it
    holds; ``rivals`` are those that were reached in time.
    """

    mechanism: Swan
    offers: list[tuple[str, Any]]
    found: Equilibria | None
    rivals: list[Any]
    assumption: str

    def to_document(self) -> dict[str, Any]:
        """Return all of it, for JSON."""
        mechanism, found, target = self.mechanism, self.found, self.mechanism.target
        market = mechanism.market
        document = mechanism.answer.to_dict() | {
            "mechanism": "swan",
            "scenario": mechanism.scenario,
            "multiplier": number(mechanism.multiplier),
            "incentive_ratio": number(mechanism.ratio),
            "least_lagrangian_exact": mechanism.least_exact,
            "increasing_marginal_utility": self.assumption,
            "equilibria": None if found is None else [_named(market, state) for state in found.states],
            "equilibria_complete": found is not None and found.complete,
            "target_is_equilibrium": found is not None and target in found.states,
            "comparators": [
                {
                    "name": entry.mechanism,
                    "state": _named(market, entry.state),
                    "welfare": number(entry.welfare),
                    "meets_requirement": entry.meets_requirement,
                    "incentive_cost": number(entry.incentive_cost),
                    "cycles": entry.cycles,
                }
                for entry in self.rivals
            ],
        }
        for name, offer in self.offers:
            rewards = zip(market.types, offer.rewards(target), strict=True)
            terms = {
                "price": number(offer.price(target)),
                "rewards": {entry.id: number(reward) for entry, reward in rewards},
                "incentive_cost": number(offer.incentive_cost(target)),
            }
            document |= terms if name == "SWAN" else {"unique_payments": terms}
        return document

    def write(self) -> None:
        """Write all of it, for reading."""
        from ..fl.sharing.comparators import rivals_table
        from ..solvers.sharing.answer import answer_facts

        mechanism, offers, target = self.mechanism, self.offers, self.mechanism.target
        table(None, ["", ""], [[*fact] for fact in answer_facts(mechanism.answer)])
        rows = [
            [
                entry.id,
                f"{k:,} of {entry.count:,}",
                show(entry.cost),
                *(show(offer.rewards(target)[i]) for _, offer in offers),
            ]
            for i, (entry, k) in enumerate(zip(mechanism.market.types, target, strict=True))
        ]
        rows.append(["price", "", "", *(show(offer.price(target)) for _, offer in offers)])
        rows.append(["incentive cost", "", "", *(show(offer.incentive_cost(target)) for _, offer in offers)])
        columns = ["type", "participants", "cost", *(f"reward, {name}" for name, _ in offers)]
        table(f"Announced at the best state ({mechanism.scenario} heterogeneity)", columns, rows, (1, 2, 3, 4))
        table("Incentives", ["", ""], _equilibrium_rows(mechanism, self.found, self.assumption))
        write("\n" + rivals_table(mechanism, self.rivals).text(text_width()) + "\n")


@guarded
def swan_command(
    file: MotsArgument = None,
    time_limit: Annotated[float | None, typer.Option(help="seconds for everything")] = None,
    unique: Annotated[bool, typer.Option("--unique", help="also the payments that leave one equilibrium only")] = False,
    json: JsonOption = False,
) -> None:
    """Set up SWAN: social state, price, rewards, balance, equilibria, and what it is compared with."""
    from ..fl.sharing.comparators import dynamic, fl_only, modified_fl
    from ..fl.sharing.equilibria import equilibria
    from ..fl.sharing.swan import NoTarget, swan
    from ..fl.sharing.unique import SinglePeaked
    from ..models.sharing.utility import conditions
    from ..solvers.control import Control, TimeUp
    from ..solvers.sharing.requirement import relevant_errors

    market, control = load_mots(file), Control.for_seconds(time_limit)
    found, rivals, assumption, cut_short = None, [], "undecided", False
    with whole_limit(time_limit):
        try:
            mechanism = swan(market, control=control)
        except NoTarget as error:
            say(f"error: {error}")
            raise typer.Exit(INFEASIBLE if error.infeasible else STOPPED) from None
        try:
            found = equilibria(mechanism, control=control) if mechanism.ratio is not None else None
            for rival in (dynamic, modified_fl):
                rivals.append(rival(market))
            rivals.append(fl_only(market, time_limit=control.remaining()))
            ground = conditions(market.utility, *relevant_errors(market), market.client_variance)
            assumption = {True: "holds", False: "fails", None: "undecided"}[ground.increasing_marginal.holds]
        # State, price and rewards are there already: what is missing are comparisons.
        except TimeUp:
            cut_short = True
            say("the time limit came before all comparisons were made")
    # Without an incentive ratio SWAN has nothing to announce.
    offers: list[tuple[str, Any]] = [] if mechanism.ratio is None else [("SWAN", mechanism)]
    if unique:
        offers.append(("single-peaked", SinglePeaked(market, mechanism.target)))
    announced = Announced(mechanism, offers, found, rivals, assumption)
    if json:
        print_json(announced.to_document())
    else:
        announced.write()
    if cut_short:
        raise typer.Exit(STOPPED)


def _equilibrium_rows(mechanism: Any, found: Any, assumption: str) -> list[list[str]]:
    from ..models.sharing.market_text import state_text

    market = mechanism.market
    rows = [
        [
            "incentive ratio",
            "undefined: every pattern has the same Lagrangian" if mechanism.ratio is None else show(mechanism.ratio),
        ],
        ["multiplier", show(mechanism.multiplier)],
        ["increasing marginal utility", assumption],
    ]
    if found is not None:
        shown = "; ".join(state_text(market, state) for state in found.states[:5]) + (
            " ..." if len(found.states) > 5 else ""
        )
        whole = "all" if found.complete else "some"
        rows.append(["equilibria", f"{len(found.states)} ({whole}, by {found.method}): {shown or 'none'}"])
        rows.append(
            ["best state", "is an equilibrium" if mechanism.target in found.states else "is NOT an equilibrium"]
        )
    return rows


def _named(market: MotsMarket, state: tuple[int, ...]) -> dict[str, int]:
    return {entry.id: k for entry, k in zip(market.types, state, strict=True)}
