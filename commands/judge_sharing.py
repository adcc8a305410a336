"""``fedmech judge`` on a sharing market: what is said of it as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .console import exact_pair, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models.sharing.market import MotsMarket, State
    from ..solvers.sharing.answer import SocialAnswer
    from ..verification.judge.alignment import Alignment
    from ..verification.judge.sharing import SharingJudgement
    from ..verification.judge.views import TypeView

__all__ = ["read_state", "sharing_document"]


def read_state(market: MotsMarket, given: list[str]) -> State:
    """Read ``type=count`` texts, several separated by commas; types left out have nobody.

    Raises
    ------
    InputError
        For a type that does not exist or is named twice, or a number that is none.
    """
    from ..models.exact import parse_integer
    from ..models.input_error import InputError

    known = {entry.id: at for at, entry in enumerate(market.types)}
    found: dict[str, int] = {}
    # A name may hold a comma: then its text is an option of its own.
    parts = [part for text in given for part in ([text] if text.rpartition("=")[0] in known else text.split(","))]
    for part in parts:
        name, equals, count = part.rpartition("=")
        if not equals:
            raise InputError(f"expected TYPE=COUNT, got {part!r}", field="state")
        if name.strip() in known and name not in known:
            name = name.strip()
        if name not in known:
            raise InputError(f"no type is called {name!r}; there are {', '.join(known)}", field="state")
        if name in found:
            raise InputError(f"{name!r} is given twice", field="state")
        try:
            found[name] = parse_integer(count.strip())
        except InputError as error:
            raise InputError(f"{name!r}: {error.message}", field="state") from None
    return tuple(found.get(name, 0) for name in known)


# JSON -----------------------------------------------------------------------------------------------------------------


def sharing_document(judged: SharingJudgement) -> dict[str, Any]:
    """Return everything but the rulings."""
    market, best, assumed = judged.market, judged.best, judged.assumptions
    return {
        "market": "sharing",
        "status": best.status,
        "exactness": best.exactness,
        **exact_pair("heterogeneity", market.heterogeneity),
        "aligned": judged.aligned,
        "aligned_with_requirement": None if judged.required is None else judged.required.aligned,
        "alignment": {
            name: None if found is None else _alignment(market, found)
            for name, found in (("free", judged.free), ("with_requirement", judged.required))
        },
        "types": [
            {
                "type": market.types[each.index].id,
                "heterogeneity": "low" if each.low else "high",
                "participates": each.pattern,
            }
            for each in judged.views
        ],
        "regions": _regions(market, judged.views),
        "thresholds": _thresholds(market, judged.views),
        "given": None
        if judged.given is None
        else {"regions": _regions(market, judged.given), "thresholds": _thresholds(market, judged.given)},
        "conditions": {name: condition.holds for name, condition in judged.conditions.items()}
        | (
            {}
            if assumed is None
            else {
                "increasing_marginal_utility": assumed.increasing_marginal.holds,
                "convex_utility": assumed.convex.holds,
            }
        ),
        "conditions_fail_at": {
            name: {
                "coalition": _named(market, condition.fails_at[0]),
                "joined_by": market.types[condition.fails_at[2]].id,
            }
            for name, condition in judged.conditions.items()
            if condition.fails_at is not None
        },
        "proposition_1": {"low_all_or_none": judged.whole_low, "high_none_all_or_stationary": judged.high_stationary},
        **_swan(judged),
        "changes": _changes(judged),
        "complete": judged.complete,
    }


def _alignment(market: MotsMarket, found: Alignment) -> dict[str, Any]:
    return {
        "aligned": found.aligned,
        "decided": found.decided,
        "best": _answer(market, found.best),
        "least_error": _answer(market, found.least),
    }


def _answer(market: MotsMarket, answer: SocialAnswer) -> dict[str, Any]:
    welfare = answer.welfare
    known = welfare.low if welfare is not None and welfare.exact else None
    return {
        "status": answer.status,
        "state": None if answer.state is None else _named(market, answer.state),
        **exact_pair("error", answer.error),
        "welfare": None if welfare is None else number(welfare.middle),
        "welfare_exact": exact_pair("welfare", known)["welfare_exact"],
        "bound": number(answer.bound),
    }


def _regions(market: MotsMarket, views: Sequence[TypeView]) -> dict[str, str]:
    return {market.types[each.index].id: each.region for each in views}


def _thresholds(market: MotsMarket, views: Sequence[TypeView]) -> dict[str, Any]:
    return {
        market.types[each.index].id: {
            **exact_pair("inverse_size", each.inverse),
            **exact_pair("phi", each.limit),
            "switching_count": each.switching,
            "remaining": each.remaining,
        }
        for each in views
    }


def _swan(judged: SharingJudgement) -> dict[str, Any]:
    mechanism, found = judged.mechanism, judged.equilibria
    cost = ratio = None
    if mechanism is not None and mechanism.ratio is not None:
        ratio, cost = mechanism.ratio, mechanism.incentive_cost(mechanism.target)
    unique = None if found is None or (len(found.states) < 2 and not found.complete) else len(found.states) == 1
    return {
        "balance": {**exact_pair("incentive_ratio", ratio), **exact_pair("incentive_cost", cost)},
        "equilibria": None
        if found is None or mechanism is None
        else {
            "states": [_named(judged.market, state) for state in found.states],
            "complete": found.complete,
            "unique": unique,
            "target_is_one": mechanism.target in found.states,
        },
    }


def _changes(judged: SharingJudgement) -> dict[str, Any]:
    market = judged.market
    return {
        "requirement_below": None
        if judged.requirement_limit is None
        else exact_pair("max_error", judged.requirement_limit),
        "costs": [
            {
                "type": None if change.type is None else market.types[change.type].id,
                **exact_pair("factor" if change.type is None else "cost", change.value),
                "best_state_then": None if change.value is None else _named(market, change.kept),
                "searched": change.searched,
            }
            for change in judged.cost_changes
        ],
    }


def _named(market: MotsMarket, state: State) -> dict[str, int]:
    return {entry.id: k for entry, k in zip(market.types, state, strict=True)}
