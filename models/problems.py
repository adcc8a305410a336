"""The problems: what each asks, as a formula, where it stands, and a command that solves it."""

from __future__ import annotations

from dataclasses import dataclass

from .input_error import InputError
from .names import nearest_name

__all__ = ["SYMBOLS", "Problem", "find_problem", "problems"]

PLACES = (
    ("x_ij in {0, 1}, sum_j x_ij <= 1", "each worker i has at most one requester j"),
    ("sum_{i in l} x_ij <= tau_lj", "caps: workers of group l at requester j"),
    ("sum_i x_ij <= s_j", "seats of requester j"),
)

SCORE = ("max sum_ij v_i x_ij", "")
POOLED = ("sum_ij c_i x_ij <= B", "the pooled budget")

SYMBOLS = {
    "v_i": "score of worker i",
    "c_i": "cost of worker i, or of a client of type i",
    "B_j, B": "budget of requester j; the pooled budget, their sum",
    "tau_lj": "cap on workers of group l at requester j",
    "s_j": "seats of requester j",
    "q_ir": "coverage of probe r by worker i",
    "k_i, N_i, N": "participants and clients of type i; all clients",
    "D_i": "samples of a client of type i",
    "U, eps": "utility of a model, and its generalisation error",
    "v, theta": "dimension times data variance; client variance over v",
}
"""What the letters of the formulas stand for."""


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes
    ----------
    name, title : str
    asks : str
        In words.
    formula : tuple of (str, str)
        As plain text, one constraint a line, with what it says.
    latex : str
        The same, for a display.
    source : str
        The paper and the place in it; stated or reconstructed.
    remark : str
        What is known of it.
    example : str
        A command; without a file, on the market that ships with the package.
    """

    name: str
    title: str
    asks: str
    formula: tuple[tuple[str, str], ...]
    latex: str
    source: str
    remark: str
    example: str

    @property
    def symbols(self) -> dict[str, str]:
        """What the letters of its formula stand for."""
        words = " ".join(line for line, _ in self.formula)
        for sign in "(){}":
            words = words.replace(sign, " ")
        return {letters: says for letters, says in SYMBOLS.items() if {*letters.split(", ")} & {*words.split()}}


def _within(text: str) -> str:
    """LaTeX of the constraints that all procurement problems share, after an objective, and with what is `text`."""
    return (
        r"\begin{aligned} " + text + r" \mathrm{s.t.}\quad & \textstyle\sum_j x_{ij} \leq 1 \quad \forall i \\ "
        r"& \textstyle\sum_{i \in \ell} x_{ij} \leq \tau_{\ell j} \quad \forall \ell, j \\ "
        r"& \textstyle\sum_i x_{ij} \leq s_j \quad \forall j %s \end{aligned}"
    )


_SCORE = r"\max\quad & \textstyle\sum_{i,j} v_i x_{ij} \\"
_BINARY = r"\\ & x_{ij} \in \{0, 1\}"

PROBLEMS = (
    Problem(
        "opt",
        "OPT",
        "the greatest score within the pooled budget",
        (SCORE, *PLACES, POOLED),
        _within(_SCORE) % (r"\\ & \textstyle\sum_{i,j} c_i x_{ij} \leq B" + _BINARY),
        "DriftPay, section 6, Theorem 6.2 (stated)",
        "Weakly NP-hard: a knapsack within a matroid. Proved for a million workers in seconds.",
        "fedmech solve --problem opt",
    ),
    Problem(
        "orp",
        "ORP",
        "the greatest score that caps and seats admit, money aside; of a set S of workers it is M(S)",
        (SCORE, *PLACES),
        _within(_SCORE) % _BINARY,
        "DriftPay, section 5, the definition of M(S) (stated); seats are the paper's staffing cap",
        "Greedy is exact: the sets that can be placed are independent in a matroid.",
        "fedmech solve --problem orp",
    ),
    Problem(
        "opt-frac",
        "OPT-FRAC",
        "OPT with workers hired in part",
        (
            SCORE,
            ("0 <= x_ij <= 1, sum_j x_ij <= 1", "each worker i is hired in parts, no more than whole"),
            *PLACES[1:],
            POOLED,
        ),
        _within(_SCORE) % r"\\ & \textstyle\sum_{i,j} c_i x_{ij} \leq B \\ & 0 \leq x_{ij} \leq 1",
        "DriftPay, section 6 (the relaxation is ours)",
        "Solved exactly by one rational price of money; bounds OPT from above.",
        "fedmech solve --problem opt-frac",
    ),
    Problem(
        "opt-sep",
        "OPT-SEP",
        "the greatest score with every requester within its own budget",
        (SCORE, *PLACES, ("sum_i c_i x_ij <= B_j", "each requester's own budget")),
        _within(_SCORE) % (r"\\ & \textstyle\sum_i c_i x_{ij} \leq B_j \quad \forall j" + _BINARY),
        "DriftPay, section 7a (per-requester budgets, stated)",
        "Strongly NP-hard: a multiple knapsack. A time limit leaves the best point and a valid bound.",
        "fedmech solve --problem opt-sep --time-limit 20",
    ),
    Problem(
        "cover",
        "COVER",
        "the greatest coverage of representation clusters within the pooled budget",
        (
            ("max sum_r max_{i hired} q_ir", "the best of those who are hired, probe by probe"),
            *PLACES,
            POOLED,
        ),
        _within(r"\max\quad & \textstyle\sum_r \max_{i: \sum_j x_{ij} = 1} q_{ir} \\")
        % (r"\\ & \textstyle\sum_{i,j} c_i x_{ij} \leq B" + _BINARY),
        "DriftPay, section 7b (monotone submodular value, stated)",
        "Monotone and submodular; solved by branch and bound with a proof.",
        "fedmech solve coverage.market.json --problem cover",
    ),
    Problem(
        "social-state",
        "Problem 2",
        "who trains in a model trading and sharing market, so that welfare is greatest",
        (
            ("max N * U(eps(k)) - sum_i c_i k_i", "welfare: everybody has the model, participants pay its costs"),
            ("eps(k) <= max_error", "where one is required"),
            ("sum_i k_i >= 1, 0 <= k_i <= N_i", "whole numbers of participants"),
            ("eps(k) = v * sum_i k_i / D_i / K^2 + theta * v * (1 - 1 / K)", "eq. (3), with K = sum_i k_i"),
        ),
        r"\begin{aligned} \max\quad & N\, U(\varepsilon(k)) - \textstyle\sum_i c_i k_i \\ \mathrm{s.t.}\quad & "
        r"\varepsilon(k) \leq \varepsilon_{\max}, \quad \textstyle\sum_i k_i \geq 1, \quad 0 \leq k_i \leq N_i,\ k_i \in \mathbb{Z} \end{aligned}",
        "SWAN, section IV, problem 2 (reconstructed)",
        "Proved optimal by branch and bound over exact intervals; everybody else buys the model.",
        "fedmech solve --problem social-state",
    ),
)


def problems() -> tuple[Problem, ...]:
    """Return all problems, in the order in which they are best read."""
    return PROBLEMS


def find_problem(name: str) -> Problem:
    """Return a problem by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = {entry.name: entry for entry in PROBLEMS}
    if name not in found:
        hint = nearest_name(name, found) or f"; one of {', '.join(found)}"
        raise InputError(f"unknown problem {name!r}{hint}", field="problem")
    return found[name]
