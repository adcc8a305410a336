"""Whatever is done to a definition or a statement, Coq refuses it: what stands whatever is done to it says nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fedmech.verification.formal import coq
from fedmech.verification.formal.coq import Refused, check, compiled, sources, theorems
from fedmech.verification.ledger import claims

MUTANTS = [
    # Definitions of the rule.
    ("Rule", "(j <? k)%nat).\n\n(** Weakly", "(j <=? k)%nat).\n\n(** Weakly", "a worker comes before itself"),
    ("Rule", "leq (r k * worth (prefix r k)) B.", "leq (r k) B.", "the test forgets the worth"),
    ("Rule", "(fun k => passes r k && upto r k j)", "(fun k => passes r k && upto r j k)", "who comes after"),
    ("Rule", "(fun x y => if leq x y then x else y) (B / worth", "(fun x y => if leq x y then y else x) (B / worth", "dearer"),
    ("Rule", "(B / worth (chosen r)) (map r (outside r)).\n\n  Def", "B (map r (outside r)).\n\n  Def", "the whole budget a unit"),
    ("Rule", "then v k * price r else 0.", "then price r else 0.", "everybody is paid alike"),
    ("Rule", "then v k * price r else 0.", "then v k * r k else 0.", "winners are paid their bid"),
    ("Rule", "then v k * price r else 0.", "then 2 * v k * price r else 0.", "paid double"),
    ("Rule", "(r : worker -> Q) : list worker := W (chosen r).", "(r : worker -> Q) : list worker := W workers.", "all"),
    ("Rule", "filter (fun k => negb (mem k (chosen r))) workers.\n\n  (** The critical", "workers.\n\n  (** The critical", "all ratios count"),
    # Theorem 6.1.
    ("Rule", "Theorem truthful : forall (b b' : worker -> Q) (i : worker),\n    (forall k, In k workers -> k <> i -> b k == b' k) ->", "Theorem truthful : forall (b b' : worker -> Q) (i : worker),", "the others move too"),
    ("Rule", "i <= payoff workers v W B (b i) (ratio v b) i.\n  Proof.\n    intros b b' i Others.", "i < payoff workers v W B (b i) (ratio v b) i.\n  Proof.\n    intros b b' i Others.", "every lie costs"),
    ("Rule", "-> b k <= paid workers v W B (ratio v b) k.\n  Proof.", "-> b k < paid workers v W B (ratio v b) k.\n  Proof.", "always a gain"),
    ("Rule", "(hired workers v W B (ratio v b)) <= B.\n  Proof.", "(hired workers v W B (ratio v b)) < B.\n  Proof.", "something is left"),
    ("Rule", "forall (b : worker -> Q), 0 <= B ->", "forall (b : worker -> Q),", "a negative budget"),
    ("Rule", "(forall k, In k workers -> 0 < v k) -> (forall S k, In k (W S) -> In k S) -> 0 <= B ->", "(forall k, In k workers -> 0 < v k) -> 0 <= B ->", "an oracle that hires anybody"),
    ("Rule", "let workers := filter (fun k => less 0 (v k)) everybody in", "let workers := everybody in", "weights of 0"),
    ("Rule", "(b i < critical -> In i", "(b i <= critical -> In i", "at the critical bid itself"),
    ("Rule", "let critical := v i * price workers v W B (ratio v b') in", "let critical := price workers v W B (ratio v b') in", "critical per worker"),
    ("Ratios", "before r j k = true -> passes r k = true -> passes r j = true.", "before r k j = true -> passes r k = true -> passes r j = true.", "longer ones pass"),
    ("Ratios", "before r j k = true -> passes r k = true -> passes r j = true.", "passes r k = true -> passes r j = true.", "all pass or none"),
    # Theorem 6.2 and its relatives.
    ("Ratios", "vmin * total v O <= (2 * vmin + vmax) * total v H", "vmin * total v O <= (vmin + vmax) * total v H", "1 + r"),
    ("Ratios", "(total v H < total v O -> vmin", "(total v H <= total v O -> vmin", "strict for the optimum itself"),
    ("Ratios", "vmin <= v k <= vmax) ->\n    first_affordable workers placeable r cost B ->", "vmin <= v k <= vmax) ->", "Theorem 6.2 as the paper has it"),
    ("Ratios", "hires_somebody : first_affordable workers placeable r cost B ->\n", "hires_somebody :\n", "somebody at any cost"),
    ("Ratios", "total v O <= 2 * total v H.", "total v O <= total v H.", "optimal"),
    ("Ratios", "(forall k, In k workers -> v k == u) ->", "", "2 for unequal scores"),
    ("Ratios", "(2 + beta / (1 - beta)) * total v H.", "(2 + beta) * total v H.", "a smaller constant"),
    ("Ratios", "forall beta : Q, 0 < beta < 1 ->", "forall beta : Q, 0 < beta ->", "costs above the budget"),
    ("Ratios", "-> total v T <= total v (W S);", "-> total v T < total v (W S);", "an oracle that nobody is"),
    ("Ratios", "incl T S -> placeable T = true -> total v T <= total v (W S);", "incl T S -> total v T <= total v (W S);", "an oracle better than feasible"),
    ("Ratios", "placeable O = true /\\ total cost O <= B.", "total cost O <= B.", "optima that cannot be placed"),
    # Rules that leave workers out.
    ("DropTop", "filter (fun k => leq (b k) B) everybody.", "everybody.", "nobody is dropped"),
    ("DropTop", "filter (fun k => placeable [k] && leq (b k) B) everybody.", "filter (fun k => placeable [k]) everybody.", "the same in drop-top"),
    ("DropTop", "less (v k) (v j) || (same (v j) (v k) && (j <? k)%nat).\n", "less (v j) (v k) || (same (v j) (v k) && (j <? k)%nat).\n", "the least is set aside"),
    ("DropTop", "(if (k =? s)%nat then B else 0)", "(if (k =? s)%nat then b s else 0)", "alone for its bid"),
    ("DropTop", "(if (k =? s)%nat then B else 0)", "(if (k =? s)%nat then 2 * B else 0)", "alone for too much"),
    ("DropTop", "bool := leq (worth v W (chosen (rest b s) v W B (ratio v b))) (v s).", "bool := leq (v s) (worth v W (chosen (rest b s) v W B (ratio v b))).", "the worse of both"),
    ("DropTop", "total v A <= 4 * total v (top_hired b) /\\", "total v A <= 3 * total v (top_hired b) /\\", "3"),
    ("DropTop", "(0 < total v A -> total v A < 4", "(0 <= total v A -> total v A < 4", "strict for nobody"),
    # Estimates, budgets, caps.
    ("Variations", "< (1 + e) * (total t Hires + tmax)\n    /\\", "<= (1 + e) * total t Hires\n    /\\", "the sentence of the paper"),
    ("Variations", "<= (1 + e) * (tmin + tmax) * total t Hires)", "<= (1 + e) * tmin * total t Hires)", "the same, in closed form"),
    ("Variations", "tmin * (1 - e) * total t O <=", "tmin * total t O <=", "no loss to noise"),
    ("Variations", "(1 + e) * (2 * tmin + tmax) * total t Hires.", "(2 * tmin + tmax) * total t Hires.", "a part of the loss"),
    ("Variations", "exact_oracle v placeable W -> B <= C ->", "exact_oracle v placeable W ->", "any other budget"),
    ("Variations", "total v H - vmax < total v H2\n  /\\", "total v H <= total v H2\n  /\\", "relaxing never hurts"),
    ("Variations", "vmin * total v H <= (vmin + vmax) * total v H2)", "vmin * total v H <= vmax * total v H2)", "a smaller share"),
    ("Variations", "(forall S, placeable S = true -> loose S = true) ->", "", "caps of another market"),
    # SWAN.
    ("Shares", "shared / population / (1 + number (distance k)).", "shared / population.", "a flat share"),
    ("Shares", "shared / population / (1 + number (distance k)).", "- (shared / population) / (1 + number (distance k)).", "a share that costs"),
    ("Shares", "  Hypothesis somebody : exists i, In i types /\\ (0 < target i)%nat.\n", "", "nobody is asked to participate"),
    ("Shares", "forall i, In i types -> k i = target i /\\ absent i = O))", "forall i, In i types -> k i = target i))", "absent at the target"),
    ("Shares", "incentive_cost target == shared - welfare target.", "incentive_cost target == 0.", "free whatever the welfare"),
    ("Shares", "| participates, _ => leave k i", "| participates, _ => k", "nobody can leave"),
    ("Shares", "worth k + reward k i - cost i else 0", "worth k + reward k i else 0", "participation is free"),
    # The sorted definition, and the search.
    ("Sorted", "if test m then S m else largest test m end.", "if test m then m else largest test m end.", "one worker fewer"),
    ("Sorted", "worth v W (top r (S m))) B |", "worth v W (top r m)) B |", "the prefix before"),
    ("Sorted", "then r q else whole | None", "then whole else r q | None", "the dearer price"),
    ("Sorted", "if ahead a b then a :: l", "if ahead b a then a :: l", "the wrong way round"),
    ("Caps", "if placeable T && leq (total v other) (total v T) then", "if leq (total v other) (total v T) then", "caps are forgotten"),
    ("Caps", "leq (total v other) (total v T) then T", "leq (total v T) (total v other) then T", "the worst"),
    ("Caps", "(sent f S j <=? seats j)%nat &&", "(seats j <=? sent f S j)%nat &&", "seats that must be taken"),
    ("Caps", "map (cons a) (sublists rest) ++ sublists rest", "map (cons a) (sublists rest)", "not every set is looked at"),
]  # fmt: skip


def standing(folder: Path, place: Path, name: str, text: str) -> bool:
    """Whether everything compiles with another text of one file."""
    shutil.copytree(folder, place, dirs_exist_ok=True)
    changed = {name}
    for other, unchanged in sources().items():
        if other == name or changed & {*coq.imports(unchanged)}:
            changed.add(other)
            try:
                compiled(place, other, text if other == name else unchanged)
            except Refused as error:
                # A slip of the pen is refused as well, and says nothing.
                if "Syntax error" in str(error):
                    raise
                return False
    return True


def test_unchanged_files_stand(whole: Path, tmp_path: Path) -> None:
    assert standing(whole, tmp_path, "Caps", sources()["Caps"] + "\n")


@pytest.mark.parametrize(("file", "old", "new", "what"), MUTANTS, ids=[f"{m[0]}: {m[3]}" for m in MUTANTS])
def test_a_mutant_is_refused(whole: Path, tmp_path: Path, file: str, old: str, new: str, what: str) -> None:
    text = sources()[file]
    assert text.count(old) == 1
    assert not standing(whole, tmp_path, file, text.replace(old, new))


def test_every_claim_with_a_theorem_has_mutants() -> None:
    """Each theorem that is about a claim stands in a file with as many mutants at least as it has such theorems."""
    for name in sources():
        mutants = sum(mutant[0] == name for mutant in MUTANTS)
        assert mutants >= 2 * sum(theorem.file == name and bool(theorem.claims) for theorem in theorems()), name


def test_every_theorem_is_closed() -> None:
    checked = check()
    assert checked.theorems == theorems()
    assert checked.seconds.keys() == sources().keys()
    ledger = claims()
    assert {id for theorem in checked.theorems for id in theorem.claims} <= ledger.keys()
    assert all("proved" in (ledger[id].expected, ledger[id].amended) for t in checked.theorems for id in t.claims)


def admitted(text: str) -> str:
    start = text.index("Proof.", text.index("Theorem budget_feasible"))
    return text[:start] + "Admitted." + text[text.index("Qed.", start) + 4 :]


def assumed(text: str) -> str:
    place = text.index("(** ** Theorem 6.1 *)")
    return text[:place] + "Axiom wish : forall x : Q, x <= 0.\n" + text[place:].replace(
        "Proof. intros. now apply spent_within. Qed.", "Proof. intros. apply Qle_trans with 0; [apply wish | exact H]. Qed."
    )  # fmt: skip


@pytest.mark.parametrize("dodge", [admitted, assumed])
def test_what_is_not_proved_is_noticed(dodge: Callable[[str], str]) -> None:
    (wanted,) = (theorem for theorem in theorems() if theorem.name == "budget_feasible")
    texts = {name: sources()[name] for name in ("Basics", "Rule")}
    assert check([wanted], texts=texts).theorems == (wanted,)
    with pytest.raises(Refused, match=r"Rule\.budget_feasible rests on more"):
        check([wanted], texts={**texts, "Rule": dodge(texts["Rule"])})


def test_a_file_has_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(coq, "SECONDS", 1)
    forever = "Fixpoint f (n : nat) : nat := match n with O => 1 | S m => f m + f m end.\nCompute f 40.\n"
    with pytest.raises(Refused, match="not done after 1 s"):
        compiled(tmp_path, "Slow", forever)
