"""Chains: every step is held, and what is no chain is refused when it is made or when it is checked."""

from dataclasses import replace
from fractions import Fraction as F
from itertools import product

import pytest
from fedmech.verification.ledger import claims
from fedmech.verification.proofs import chain, drop_top, families, ratios, truthful, variations
from fedmech.verification.proofs.chain import Held, Proof, ProofError, Step, Theory, have_z3
from fedmech.verification.proofs.formula import BadFormula, Vocabulary, evaluate, parse, plain, symbols

MODULES = (truthful, ratios, variations, drop_top, families)
PROOFS = {
    name: getattr(module, name)
    for module in MODULES
    for name in module.__all__
    if isinstance(getattr(module, name), Proof)
}
WORDS = Vocabulary("x y z: Real; k l: Worker; v: Worker -> Real; inside: Worker Set -> Bool; S T: Set; a b: Bool")
needs_z3 = pytest.mark.skipif(not have_z3(), reason="z3 is not installed")


def proof(*steps: Step, axioms=None, assumptions=None, statement=None) -> Proof:
    last = steps[-1].claim if steps else "x > 0"
    return Proof("", Theory(WORDS, axioms or {}), statement or last, steps, assumptions or {})


# ------------------------------------------------------------------ the chains of the ledger


@needs_z3
@pytest.mark.parametrize("name", PROOFS)
def test_every_step_is_held(name):
    held = PROOFS[name].check()
    assert held.missing is None
    assert held.algebra + held.smt == len(PROOFS[name].steps)


def test_every_proved_claim_carries_its_proofs():
    for claim in claims().values():
        if "proved" in (claim.expected, claim.amended):
            assert claim.proofs or claim.recheck is not None
        for carried in claim.proofs:
            assert plain(carried.statement) in carried.sentence()
    # Existence claims are the only ones that a witness alone proves.
    alone = {id for id, claim in claims().items() if claim.expected == "proved" and not claim.proofs}
    assert alone == {"D-2-VCG", "D-4-REPAIR", "F-BUYER-LEAVE", "F-BUYER-MANY"}


def test_printed_sentences_carry_what_is_proved():
    """No placeholder is left over, and the sentence of a proved claim holds the very formulas that its chains end in."""
    for claim in claims().values():
        assert "{formula" not in claim.says
        assert "{assumptions" not in claim.says
        for carried in claim.proofs if claim.expected == "proved" else ():
            assert plain(carried.statement) in claim.says


# ------------------------------------------------------------------ what is no chain


def test_no_step_is_no_proof():
    with pytest.raises(ProofError, match="no step"):
        proof()
    with pytest.raises(ProofError, match="no step"):
        replace(truthful.TRUTHFUL, steps=())


def test_a_step_rests_on_premises_and_earlier_steps_only():
    one, two = Step("one", "x >= 0", ("start",)), Step("two", "x >= 0 or y > 0", ("one",))
    proof(one, two, axioms={"start": "x > 0"})
    with pytest.raises(ProofError, match="neither a premise"):
        proof(one, two)
    with pytest.raises(ProofError, match="neither a premise"):
        proof(two, one, axioms={"start": "x > 0"})
    with pytest.raises(ProofError, match="neither a premise"):
        proof(Step("one", "x >= 0", ("one",)))


def test_a_name_stands_for_one_thing():
    with pytest.raises(ProofError, match="two things"):
        proof(Step("start", "x >= 0", ("start",)), axioms={"start": "x > 0"})
    with pytest.raises(ProofError, match="two premises"):
        proof(Step("one", "x >= 0", ("start",)), axioms={"start": "x > 0"}, assumptions={"start": "x > 1"})
    with pytest.raises(ProofError, match="two premises"):
        _ = Theory(WORDS, {"start": "x > 0"}) | Theory(WORDS, {"start": "x > 1"})


def test_the_last_claim_is_the_statement():
    step = Step("one", "x >= 0", ("start",))
    with pytest.raises(ProofError, match="not the statement"):
        proof(step, axioms={"start": "x > 0"}, statement="x > 0")
    # Blanks and brackets do not make another formula.
    proof(step, axioms={"start": "x > 0"}, statement="(x)>=0")


def test_formulas_speak_of_the_vocabulary():
    with pytest.raises(ProofError, match="'w' is not in the vocabulary"):
        proof(Step("one", "w >= 0"))
    with pytest.raises(ProofError, match="no formula"):
        proof(Step("one", "x >="))


@needs_z3
@pytest.mark.parametrize(
    ("claim", "given"),
    [
        ("x > 0", {"start": "x >= 0"}),
        ("every(k, v(k) > 0)", {"start": "some(k, v(k) > 0)"}),
        ("S == T", {"start": "every(k, implies(inside(k, S), inside(k, T)))"}),
        ("x*y > 0", {"start": "x > 0", "other": "y >= 0"}),
    ],
)
def test_steps_that_do_not_follow_are_refused(claim, given):
    with pytest.raises(ProofError, match="z3 says"):
        proof(Step("one", claim, tuple(given)), axioms=given).check()


@needs_z3
def test_ill_sorted_formulas_are_refused():
    with pytest.raises((BadFormula, ProofError)):
        proof(Step("one", "inside(S, k)")).check()


def test_without_z3_a_proof_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(chain, "have_z3", lambda: False)
    held = truthful.RATIONAL.check()
    assert held == Held(0, 0, "z3 (extra smt)")
    assert "held by nobody here" in str(held)


# ------------------------------------------------------------------ steps of algebra


def algebra(claim, because, **given):
    return proof(Step("one", claim, tuple(given), because), axioms=given).check()


def test_algebra_holds_identities_with_signs():
    assert algebra("x*y + y > 0", (("a", "b"), ("b",)), a="x >= 0", b="y > 0") == Held(1, 0)
    assert algebra("x/y >= 1", (("a", "b"),), a="x - y >= 0", b="1/y > 0") == Held(1, 0)
    assert algebra("2*x < 3*y", ((2, "a"), ("b",)), a="x < y", b="y > 0") == Held(1, 0)
    assert algebra("x**2 - 2*x*y + y**2 >= 0", (("a", "a"),), a="x - y >= 0") == Held(1, 0)


@pytest.mark.parametrize(
    ("match", "claim", "because"),
    [
        ("left over", "x*y - y > 0", (("a", "b"), ("b",))),
        ("not positive", "x - y >= 0", (("a",), (-1, "b"))),
        ("not positive", "x - y >= 0", (("a",), (0, "b"))),
        ("strictly", "x*y > 0", (("a", "b"),)),
        ("not among", "z >= 0", (("z",),)),
        ("inequality", "x == y", (("a",),)),
        ("comparison", "0 <= x <= y", (("a",),)),
        ("left over", "x + y >= 0", (("a",),)),
    ],
)
def test_wrong_algebra_is_refused(match, claim, because):
    with pytest.raises(ProofError, match=match):
        algebra(claim, because, a="x >= 0", b="y > 0")


# ------------------------------------------------------------------ the language


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("every(k, implies(inside(k, S), v(k) >= 0))", "for every k: inside(k, S) => v(k) >= 0"),
        ("some(k, l, k != l)", "for some k, l: k != l"),
        ("iff(a, b or not a)", "a <=> b or not a"),
        ("implies(implies(a, b), a)", "(a => b) => a"),
        ("implies(a, implies(b, a))", "a => b => a"),
        ("(a or b) and a", "(a or b) and a"),
        ("not (a and b)", "not (a and b)"),
        ("implies(every(k, v(k) > 0), a)", "(for every k: v(k) > 0) => a"),
        ("x - (y - z) == 2*(x + y)/z**2", "x - (y - z) = 2 * (x + y) / z^2"),
        ("x/(y*z)", "x / (y * z)"),
        ("-(x + y)", "-(x + y)"),
        ("0 < x <= y", "0 < x <= y"),
        ("(x if a else y) >= 0", "(x if a else y) >= 0"),
    ],
)
def test_formulas_are_printed(text, said):
    assert plain(text) == said


@pytest.mark.parametrize("text", ["every(k)", "every(v(k), a)", "some(0, a)"])
def test_quantifiers_need_variables(text):
    with pytest.raises(BadFormula):
        plain(text)


def test_symbols_of_a_formula():
    assert symbols("every(k, implies(inside(k, S), v(k) >= x))") == {"k", "inside", "S", "v", "x"}


@pytest.mark.parametrize("text", ["x if", "import os", "lambda: 0"])
def test_texts_that_are_no_formulas(text):
    with pytest.raises(BadFormula):
        evaluate(text, WORDS, {}, {"x": 1})


def test_parsing_never_runs_anything():
    with pytest.raises(BadFormula):
        evaluate("[print(x) for x in (1,)]", WORDS, {}, {})
    assert getattr(parse("x"), "id") == "x"  # noqa: B009


MODEL = {
    "inside": lambda k, S: k in S,
    "v": lambda k: F(k),
    "S": frozenset({0, 1}),
    "T": frozenset({1, 2}),
    "x": F(1),
    "y": F(2),
}
DOMAINS = {"Worker": range(3), "Set": [frozenset(), frozenset({0}), frozenset({0, 1})], "Real": [F(0), F(1)]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("every(k, implies(inside(k, S), v(k) <= x))", True),
        ("every(k, implies(inside(k, T), v(k) <= x))", False),
        ("some(k, inside(k, S) and inside(k, T))", True),
        ("some(k, inside(k, S) and v(k) > x)", False),
        ("every(k, iff(inside(k, S), v(k) < y))", True),
        ("every(k, l, k == l or v(k) != v(l))", True),
        ("some(S, every(k, not inside(k, S)))", True),
        ("(x if x > y else y) == 2", True),
        ("x/3 + x/3 + x/3 == 1", True),
        ("-x < x*x - y**2 + 5", True),
        ("0 < x < y and not y < x", True),
        ("0 < y < x", False),
        ("x > y or y > x", True),
        ("implies(x > y, y > x)", True),
        ("implies(y > x, x > y)", False),
        ("every(z, z*z == z)", True),
    ],
)
def test_formulas_in_finite_models(text, value):
    assert evaluate(text, WORDS, DOMAINS, MODEL) is value


def test_quantifiers_do_not_leak():
    """A variable bound inside is the outer one again outside."""
    assert evaluate(
        "some(k, v(k) == 2 and every(l, v(l) <= v(k)) and some(l, v(l) == 0) and v(k) == 2)", WORDS, DOMAINS, MODEL
    )
    assert evaluate("every(k, some(k, v(k) == 1) and v(k) >= 0)", WORDS, DOMAINS, MODEL)


@needs_z3
@pytest.mark.parametrize("shape", list(product((">=", ">", "<=", "<", "==", "!="), (-1, 0, 1))))
def test_z3_and_evaluation_read_alike(shape):
    """Ground comparisons come out the same in both readers."""
    sign, value = shape
    text = f"x - 1 {sign} {value}"
    truth = evaluate(text, WORDS, {}, {"x": F(1)})
    fixed = {"fixed": "x == 1"}
    if truth:
        proof(Step("one", text, ("fixed",)), axioms=fixed).check()
    else:
        with pytest.raises(ProofError):
            proof(Step("one", text, ("fixed",)), axioms=fixed).check()
