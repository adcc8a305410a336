"""What DriftPay-CO costs: how often a scan asks the oracle, how large the network is, what is left to do beside."""

from __future__ import annotations

from .auction import FEASIBLE_SETS, SETS, profile
from .chain import Proof, Step, Theory
from .critical import BINARY
from .formula import Vocabulary

__all__ = ["NETWORK", "SCAN", "WORK"]

SCAN_CLAIM = "F == S and count(A) <= n and count(A) <= count(S) + 1"
SCAN = Proof(
    """
    The scan asks for a prefix if all shorter ones passed. Nobody beyond the first that fails is asked for, and where the test fails it fails from there on: so those whose prefix was asked for
    and passed are the chosen ones, and at most one more was asked for.
    """,
    SETS
    | FEASIBLE_SETS
    | profile("")
    | Theory(
        Vocabulary("A F: Set; count: Set -> Real; n: Real"),
        {
            "counts keep": "every(S, T, implies(fits(S, T), count(S) <= count(T)))",
            "counts drop": "every(S, k, count(S) <= count(drop(S, k)) + 1)",
            "all counted": "every(S, count(S) <= n)",
        },
        {
            "asked": "every(k, iff(inside(k, A), takes(k) and every(j, implies(takes(j) and before(j, k), passes(j)))))",
            "found": "every(k, iff(inside(k, F), inside(k, A) and passes(k)))",
        },
    ),
    SCAN_CLAIM,
    (
        *BINARY.steps,
        Step("takes part", "every(k, implies(passes(k), takes(k)))", ("passes",)),
        Step(
            "same members",
            "every(k, iff(inside(k, F), inside(k, S)))",
            ("passes too", "asked", "found", "chosen", "prefix", "total", "takes part"),
            says="what the scan finds is the chosen prefix",
        ),
        Step("same prefix", "F == S", ("same members", "members")),
        Step(
            "one failure",
            "every(j, k, implies(inside(j, A) and not passes(j) and inside(k, A) and not passes(k), j == k))",
            ("asked", "total"),
            says="it asks for one prefix that fails, at most",
        ),
        Step(
            "the rest passed",
            "every(k, implies(inside(k, A) and not passes(k), fits(drop(A, k), F)))",
            ("one failure", "drop", "fits", "found"),
        ),
        Step("none failed", "implies(every(k, implies(inside(k, A), passes(k))), fits(A, F))", ("fits", "found")),
        Step(
            "one more",
            "count(A) <= count(F) + 1",
            ("the rest passed", "none failed", "counts keep", "counts drop"),
            says="one more question than members of the prefix, at most",
        ),
        Step("questions", SCAN_CLAIM, ("same prefix", "one more", "all counted")),
    ),
)

NETWORK_CLAIM = "nodes == 2 + n + m*L + m and edges <= 4*n*m and calls*flow <= n*flow"
NETWORK = Proof(
    """
    One edge for each worker, one for each worker and requester, one for each requester and group, one for each requester; groups are not empty, so there are at most n.
    """,
    Theory(
        Vocabulary("n m L nodes edges calls flow: Real"),
        {"sizes": "1 <= L and L <= n and m >= 1", "time": "flow >= 0", "questions": "0 <= calls and calls <= n"},
        {"nodes": "nodes == 2 + n + m*L + m", "edges": "edges == n + n*m + m*L + m"},
    ),
    NETWORK_CLAIM,
    (
        Step("workers", "n <= n*m", ("sizes",)),
        Step("pairs", "m*L <= n*m", ("sizes",)),
        Step("requesters", "m <= n*m", ("sizes",)),
        Step("few edges", "edges <= 4*n*m", ("edges", "workers", "pairs", "requesters")),
        Step("in all", "calls*flow <= n*flow", ("questions", "time")),
        Step("network", NETWORK_CLAIM, ("nodes", "few edges", "in all")),
    ),
)

WORK_CLAIM = "compares + calls + tests + pays <= n*n + 3*n"
WORK = Proof(
    "A sort by insertion compares every pair at most once; a test for each answer of the oracle; a payment for each winner.",
    Theory(
        Vocabulary("n compares calls tests pays: Real"),
        {"size": "n >= 0", "questions": "calls <= n"},
        {"sort": "2*compares <= n*(n - 1)", "tests": "tests == calls", "payments": "pays <= n"},
    ),
    WORK_CLAIM,
    (
        Step("pairs", "compares <= n*n", ("sort", "size")),
        Step("polynomial", WORK_CLAIM, ("pairs", "questions", "tests", "payments")),
    ),
)
