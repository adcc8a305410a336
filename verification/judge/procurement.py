"""Which guarantees hold a procurement market, for every mechanism: premises tested exactly, ratios against the exact optima.

A guarantee is about what a rule procures when everybody bids the cost, so that is a premise like any other. The optimum a ratio is taken
against is proved by ``solve``; where it is not proved in time, the ratio is the interval between what was found and what was bounded.
Truthfulness is no ratio and is left to :func:`fedmech.audit`, which moves bids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...fl.mechanisms.care_no import BASE, buckets, care_no_lottery
from ...fl.mechanisms.interface import Mechanism, Outcome, as_mechanism, run_mechanism
from ...fl.mechanisms.interface import mechanisms as registered
from ...fl.mechanisms.large_market import LEVELS
from ...fl.mechanisms.outcome import LimitError
from ...fl.mechanisms.singer import needs_one_pool
from ...models.display import Page
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ...solvers.control import Control, Stopped, TimeUp
from ...solvers.solution import Solution
from ..guarantees import (
    CARE_NO,
    DROP_TOP,
    EQUAL_SCORES,
    GRAVIN,
    LARGE_MARKET,
    NOISE,
    NOISE_OPT,
    PEA,
    PEA_PRICED,
    SMALL_COSTS,
    THEOREM_6_2,
    Guarantee,
)
from .bench import (
    Bench,
    bids_are_costs,
    costs_within_each,
    costs_within_pool,
    equal_scores,
    extremes,
    first_is_affordable,
    seats_open,
    theta,
)
from .pages import MarketJudgement
from .ruling import PAYMENTS, Between, Premise, Ruling, at_most, undecided

__all__ = ["ProcurementJudgement", "judge_procurement"]

KEPT: Mapping[tuple[str, str], str] = {
    ("driftpay-co", "rational"): "D-6.1-IR",
    ("driftpay-co", "budget"): "D-6.1-BF",
    ("drop-top", "rational"): "D-DROPTOP",
    ("drop-top", "budget"): "D-DROPTOP",
    ("driftpay-no", "rational"): "D-7a-NO",
    ("driftpay-no", "separate-budgets"): "D-7a-NO",
    ("driftpay-stipend", "rational"): "D-7c-BONUS",
    ("driftpay-stipend", "budget"): "D-7c-BONUS",
    ("coverage-greedy", "rational"): "D-7b-GREEDY",
}
"""Where the ledger has what a registered mechanism promises; other promises go by their own names."""

POOLED = ("driftpay-co", "singer")
SURROGATES = ("driftpay-noisy", "driftpay-lcb", "reputation", "accuracy")


@dataclass(frozen=True)
class ProcurementJudgement(MarketJudgement):
    """What the ledger says of a market.

    Attributes
    ----------
    market : Market
        With its bids for costs, if it has no costs.
    at_bids : bool
        Whether that is so.
    rulings : sequence of Ruling
    optima : mapping of str to Solution
        The optima that ratios were taken against, by problem.
    scores : mapping of str to Fraction
        What each mechanism that ran procures.
    refused : mapping of str to str
        Why the others did not.
    stopped : bool
        Whether time ran out before all of them had their turn.
    """

    market: Market
    at_bids: bool
    rulings: Sequence[Ruling]
    optima: Mapping[str, Solution]
    scores: Mapping[str, Fraction]
    refused: Mapping[str, str]
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything was decided, each ratio exactly."""
        return not self.stopped and not undecided(self.rulings)

    def page(self) -> Page:
        """Return what is said of the market on one page."""
        from .procurement_page import procurement_page

        return procurement_page(self)


@dataclass
class _Case:
    """One mechanism's outcome on the bench."""

    bench: Bench
    entry: Mechanism
    options: Mapping[str, Any]
    outcome: Outcome


def judge_procurement(
    market: Market,
    mechanisms: Iterable[str | Callable[..., Outcome] | Mechanism] | None = None,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int | None = None,
    time_limit: float | None = None,
    separate_seconds: float | None = None,
    control: Control | None = None,
) -> ProcurementJudgement:
    """Hold a market to every guarantee of the mechanisms that can run on it.

    Parameters
    ----------
    market : Market
        One that knows bids only is judged as if they were the costs.
    mechanisms : iterable, optional
        Names, or callables ``market -> Outcome``; all that are registered if left out.
    options : mapping of str to mapping, optional
        Options by mechanism.
    seed : int, optional
        For the mechanisms that draw.
    time_limit : float, optional
        Seconds for everything; each optimum gets half of what is left.
    separate_seconds : float, optional
        Without a limit on everything, one on OPT-SEP, which is strongly NP-hard.
    control : Control, optional
        The clock, where the caller has one.

    Raises
    ------
    InputError
        For an unknown mechanism or option, or options of a mechanism that is not judged.
    """
    chosen = registered("procurement") if mechanisms is None else [as_mechanism(rule) for rule in mechanisms]
    given = _settings(market, chosen, options or {}, seed)
    at_bids = market.scaled.costs is None
    if at_bids:
        market = market.with_scaled(costs=market.scaled.bids)
    bench = Bench(market, control or Control.for_seconds(time_limit), separate_seconds)
    rulings: list[Ruling] = []
    refused: dict[str, str] = {}
    cases: dict[str, _Case] = {}
    stopped = False
    for entry in chosen:
        try:
            bench.control.check()
            bench.control.progress(f"judging {entry.name}")
            settings = given[entry.name]
            refusal = entry.refusal(market, settings)
            if refusal is not None:
                refused[entry.name] = refusal
                continue
            case = _Case(bench, entry, settings, run_mechanism(market, entry, **settings))
            rulings += _on_mechanism(case)
            cases[entry.name] = case
        except LimitError as error:
            if entry.shipped:
                raise
            refused[entry.name] = str(error)
        except (Stopped, KeyboardInterrupt) as stop:
            stopped = True
            reason = "time is up" if isinstance(stop, Stopped | TimeUp) else "interrupted"
            refused |= {rest.name: reason for rest in chosen[chosen.index(entry) :]}
            break
    try:
        # OPT-SEP is the hardest of all: what needs it comes last.
        for case in cases.values():
            rulings += _guaranteed(case, "opt-sep")
        rulings += _between(bench, cases)
    except KeyboardInterrupt:
        stopped = True
    place = {entry.name: at for at, entry in enumerate(chosen)}
    rulings.sort(key=lambda ruling: place.get(ruling.subject, len(place)))
    scores = {name: case.outcome.score for name, case in cases.items()}
    return ProcurementJudgement(market, at_bids, rulings, bench.optima, scores, refused, stopped)


def _settings(
    market: Market, chosen: Sequence[Mechanism], options: Mapping[str, Mapping[str, Any]], seed: int | None
) -> dict[str, dict[str, Any]]:
    """Read the options of each mechanism, the seed among them where it draws."""
    names = [entry.name for entry in chosen]
    for name in options:
        if name not in names:
            raise InputError(f"options for {str(name)!r}, which is not judged", field="options")
    found = {}
    for entry in chosen:
        draws = seed is not None and any(option.name == "seed" for option in entry.options)
        given = ({"seed": seed} if draws else {}) | dict(options.get(entry.name, {}))
        found[entry.name] = entry.read_options(market, given)
    return found


def _on_mechanism(case: _Case) -> Iterator[Ruling]:
    """Rule on what a mechanism is known, or said by its registration, to guarantee, but for what is measured against OPT-SEP."""
    name = case.entry.name
    yield from _guaranteed(case, "opt")
    if name in POOLED and case.entry.shipped:
        yield _somebody(case)
    for promise in PAYMENTS:
        if promise in case.entry.claims:
            known = KEPT.get((name, promise), promise) if case.entry.shipped else promise
            yield _promise(case, promise, known, [])
    if name == "coverage-greedy" and case.entry.shipped:
        yield _promise(case, "budget", "D-7b-GREEDY", [_one_pool(case), _half_share(case)])


def _guaranteed(case: _Case, problem: str) -> Iterator[Ruling]:
    """Rule on the guarantees of a mechanism against one optimum."""
    for guarantee, against, who, ruler in _GUARANTEES:
        if against == problem and case.entry.name in who and case.entry.shipped:
            yield from ruler(case, guarantee)


# Rulings --------------------------------------------------------------------------------------------------------------


def _one_pool(case: _Case) -> Premise:
    refusal = needs_one_pool(case.bench.market)
    return Premise("all workers can be placed at once", refusal is None, None, refusal)


def _half_share(case: _Case) -> Premise:
    share = Fraction(case.options.get("share", Fraction(1, 2)))
    return Premise("the share in the test is 1/2", share == Fraction(1, 2), None, str(share))


def _ratio(
    case: _Case,
    guarantee: Guarantee,
    premises: Sequence[Premise],
    terms: Callable[[], tuple[tuple[Any, ...], dict[str, str]]],
    *,
    problem: str = "opt",
    procured: Fraction | None = None,
    note: str = "",
) -> Iterator[Ruling]:
    """Rule on a guarantee against an optimum, which is solved for only where its premises hold."""
    measure = {"opt": "OPT / ALG", "opt-sep": "OPT-SEP / ALG"}[problem]
    premises = [bids_are_costs(case.bench), *premises]
    if not all(premise.holds for premise in premises):
        yield Ruling(guarantee.claim, case.entry.name, measure, premises, note=note)
        return
    numbers, made_by = terms()
    critical = case.outcome.details.get("critical_worker")
    if critical is not None:
        made_by = made_by | {"first left out": case.bench.name(critical)}
    yield at_most(
        guarantee.claim,
        case.entry.name,
        measure,
        premises,
        case.bench.optimum(problem),
        case.outcome.score if procured is None else procured,
        guarantee.factor(*numbers),
        strict=guarantee.strict,
        made_by=made_by,
        note=note,
    )


def _theorem_6_2(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    def terms() -> tuple[tuple[Any, ...], dict[str, str]]:
        low, high, made_by = extremes(case.bench)
        return (low, high), made_by

    yield from _ratio(case, guarantee, [first_is_affordable(case.bench)], terms)


def _equal(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    premises = [equal_scores(case.bench), costs_within_pool(case.bench)]
    yield from _ratio(case, guarantee, premises, lambda: ((), {}))


def _beta(bench: Bench) -> tuple[Fraction, Premise, dict[str, str]]:
    """Return the least beta with every cost at most beta B, whether it is below 1, and who makes it."""
    dear = bench.top(bench.costs)
    cost = Fraction(0) if dear is None else bench.costs[dear]
    small = cost < bench.budget or cost == 0
    beta = cost / bench.budget if bench.budget else Fraction(0)
    says = "every cost is at most beta B for some beta < 1"
    shows = f"beta = {beta}" if small else f"cost {cost}, B = {bench.budget}"
    premise = Premise(says, small, None if small or dear is None else bench.name(dear), shows)
    return beta, premise, {} if dear is None else {"beta": bench.name(dear)}


def _small_costs(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    beta, premise, made_by = _beta(case.bench)
    yield from _ratio(case, guarantee, [premise], lambda: ((beta,), made_by))


def _large_market(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    bench = case.bench
    levels = int(case.options.get("levels", LEVELS))
    drawn: list[int] = case.outcome.details["levels"]
    twins = Counter(zip(bench.scores, bench.costs, drawn, strict=True))
    uneven = next(
        (
            i
            for i, (v, c, level) in enumerate(zip(bench.scores, bench.costs, drawn, strict=True))
            if any(twins[v, c, other] != twins[v, c, level] for other in range(1, levels + 1))
        ),
        None,
    )
    beta, premise, made_by = _beta(bench)
    premises = [
        Premise(
            "every worker has as many twins on every level",
            uneven is None,
            None if uneven is None else bench.name(uneven),
            f"{levels} levels",
        ),
        premise,
    ]
    yield from _ratio(case, guarantee, premises, lambda: ((levels, beta), made_by))


def _somebody(case: _Case) -> Ruling:
    bench = case.bench
    premises = [bids_are_costs(bench), first_is_affordable(bench)]
    wanted = Between.exactly(int(bench.somebody))
    hired = Fraction(len(case.outcome.winner_indices))
    return at_most("D-6.2-SOME", case.entry.name, "somebody / hired", premises, wanted, hired, Fraction(1))


def _drop_top(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    top = case.outcome.details.get("top")
    made_by = {} if top is None else {"set aside": case.bench.name(top)}
    yield from _ratio(case, guarantee, [], lambda: ((), made_by))


def _gravin(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    best = case.outcome.details["best"]
    yield from _ratio(case, guarantee, [], lambda: ((), {} if best is None else {"best": case.bench.name(best)}))


def _pea(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    bench = case.bench
    priced = case.outcome.details.get("virtual_price") is not None
    premises = [equal_scores(bench), costs_within_each(bench), seats_open(bench)]
    premises.append(Premise("some virtual price fills every place", priced))
    if guarantee is PEA:
        alike = int((bench.market.group_sizes > 0).sum()) <= 1 or bench.market.m == 1
        premises.append(Premise("there is one group or one requester", alike))

    def terms() -> tuple[tuple[Any, ...], dict[str, str]]:
        widest, made_by = theta(bench.market)
        return (widest,), made_by

    yield from _ratio(case, guarantee, premises, terms, problem="opt-sep")


def _care_no(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    bench = case.bench
    base = Fraction(case.options.get("base", BASE))
    outcomes = care_no_lottery(bench.market, base)
    unpriced = next((h for h, drawn in enumerate(outcomes) if drawn.details.get("virtual_price") is None), None)
    who = None if unpriced is None else int(buckets(bench.market, base)[unpriced][0])
    premises = [
        costs_within_each(bench),
        seats_open(bench),
        Premise(
            "in every bucket some virtual price fills every place",
            unpriced is None,
            None if who is None else bench.name(who),
        ),
    ]
    expected = sum((drawn.score for drawn in outcomes), Fraction(0)) / max(1, len(outcomes))

    def terms() -> tuple[tuple[Any, ...], dict[str, str]]:
        widest, made_by = theta(bench.market)
        return (widest, base, max(1, len(outcomes))), made_by

    note = "ALG is the expected score over the drawn bucket"
    yield from _ratio(case, guarantee, premises, terms, problem="opt-sep", procured=expected, note=note)


def _noise(case: _Case, guarantee: Guarantee) -> Iterator[Ruling]:
    bench = case.bench
    seen = next(
        values
        for values in (
            case.outcome.details.get("estimates"),
            case.outcome.details.get("bounds"),
            case.options.get("reputations"),
            case.options.get("accuracies"),
        )
        if values is not None
    )
    off = [abs(value - v) / v for value, v in zip(seen, bench.scores, strict=True)]
    worst = bench.top(off)
    eta = Fraction(0) if worst is None else off[worst]
    premises = [
        Premise(
            "|v^ - v| <= eta v with eta < 1",
            eta < 1,
            None if eta < 1 or worst is None else bench.name(worst),
            f"eta = {eta}",
        ),
        costs_within_pool(bench),
    ]

    def terms() -> tuple[tuple[Any, ...], dict[str, str]]:
        low, high, made_by = extremes(bench)
        return (eta, low, high), made_by | ({} if worst is None else {"eta": bench.name(worst)})

    yield from _ratio(case, guarantee, premises, terms)
    premises = [bids_are_costs(bench), *premises]
    measure = "ALG(v) / ALG(v^)"
    if not all(premise.holds for premise in premises):
        yield Ruling(NOISE.claim, case.entry.name, measure, premises)
        return
    numbers, made_by = terms()
    clean = Between.exactly(bench.unestimated)
    factor = NOISE.factor(*numbers)
    yield at_most(NOISE.claim, case.entry.name, measure, premises, clean, case.outcome.score, factor, made_by=made_by)


def _promise(case: _Case, promise: str, claim: str, premises: Sequence[Premise]) -> Ruling:
    """Rule on payments: no winner below its bid, no budget exceeded."""
    bench, outcome, name = case.bench, case.outcome, case.entry.name
    measure, one = PAYMENTS[promise], Fraction(1)
    if promise == "budget":
        spent = Between.exactly(outcome.total_payment)
        return at_most(claim, name, measure, premises, spent, bench.budget, one)
    pairs: list[tuple[Fraction, Fraction, str, str]]
    winners = outcome.winner_indices.tolist()
    if promise == "rational":
        pairs = [(bench.bids[i], outcome.payment(i), "worker", bench.name(i)) for i in winners]
    else:
        paid = [Fraction(0)] * bench.market.m
        for i in winners:
            paid[int(outcome.assignment[i])] += outcome.payment(i)
        pairs = [
            (paid[j], bench.budgets[j], "requester", str(name)) for j, name in enumerate(bench.market.requester_ids)
        ]
    # What exceeds nothing at all is worse than any ratio; nothing beside nothing is none.
    compared = [pair for pair in pairs if pair[0] or pair[1]]
    if not compared:
        return Ruling(claim, name, measure, premises, one, None, True)
    above, below, role, who = max(compared, key=lambda pair: (pair[1] == 0, pair[0] / pair[1] if pair[1] else pair[0]))
    return at_most(claim, name, measure, premises, Between.exactly(above), below, one, made_by={role: who})


def _between(bench: Bench, cases: Mapping[str, _Case]) -> Iterator[Ruling]:
    """Rule on what is said of pooled and separate budgets beside each other."""
    if "opt-sep" in bench.optima and "opt" in bench.optima:
        separate, pooled = bench.optimum("opt-sep"), bench.optimum("opt")
        if pooled.exact:
            yield at_most("D-7a-POOL", "optima", "OPT-SEP / OPT", [], separate, pooled.low, Fraction(1))
    if {"driftpay-co", "pea"} <= {name for name, case in cases.items() if case.entry.shipped}:
        score, pooled_score = Between.exactly(cases["pea"].outcome.score), cases["driftpay-co"].outcome.score
        premises, measure = [equal_scores(bench)], "PEA / DriftPay-CO"
        yield at_most("F-7a-POOL", "driftpay-co, pea", measure, premises, score, pooled_score, Fraction(1))


_GUARANTEES: tuple[tuple[Guarantee, str, Sequence[str], Callable[[_Case, Guarantee], Iterator[Ruling]]], ...] = (
    (THEOREM_6_2, "opt", POOLED, _theorem_6_2),
    (EQUAL_SCORES, "opt", POOLED, _equal),
    (SMALL_COSTS, "opt", POOLED, _small_costs),
    (LARGE_MARKET, "opt", ("large-market",), _large_market),
    (GRAVIN, "opt", ("gravin",), _gravin),
    (DROP_TOP, "opt", ("drop-top",), _drop_top),
    (NOISE_OPT, "opt", SURROGATES, _noise),
    (PEA, "opt-sep", ("pea",), _pea),
    (PEA_PRICED, "opt-sep", ("pea",), _pea),
    (CARE_NO, "opt-sep", ("care-no",), _care_no),
)
"""Each guarantee, the optimum it is against, the mechanisms it is about, and what rules on it."""
