(** Caps of groups and seats of requesters are a downward closed family, and a search through it is an exact ORP oracle.

    Ties are settled without looking at bids, as the shipped rule settles them: among the best sets the first in the order of score, then index. *)

From Coq Require Import Permutation.
From Fedmech Require Export Sorted DropTop.

Section Caps.
  Variables (v : worker -> Q) (group : worker -> nat) (groups requesters : nat) (cap : nat -> nat -> nat) (seats : nat -> nat).

  (** Every way to send workers to requesters. *)
  Fixpoint routings (S : list worker) : list (worker -> nat) :=
    match S with
    | [] => [fun _ => O]
    | k :: rest => flat_map (fun f => map (fun j x => if (x =? k)%nat then j else f x) (seq 0 requesters)) (routings rest)
    end.

  Definition sent (f : worker -> nat) (S : list worker) (j : nat) : nat := length (filter (fun k => (f k =? j)%nat) S).
  Definition of_group (l : nat) (S : list worker) : list worker := filter (fun k => (group k =? l)%nat) S.

  Definition fits (f : worker -> nat) (S : list worker) : bool :=
    forallb (fun j => (sent f S j <=? seats j)%nat && forallb (fun l => (sent f (of_group l S) j <=? cap l j)%nat) (seq 0 groups))
      (seq 0 requesters).

  Definition placeable (S : list worker) : bool := existsb (fun f => fits f S) (routings S).

  Fixpoint sublists (l : list worker) : list (list worker) :=
    match l with [] => [[]] | a :: rest => map (cons a) (sublists rest) ++ sublists rest end.

  (** The first of the best. *)
  Fixpoint best (candidates : list (list worker)) : list worker :=
    match candidates with
    | [] => []
    | T :: rest => let other := best rest in if placeable T && leq (total v other) (total v T) then T else other
    end.

  Definition search (S : list worker) : list worker := best (sublists (sort (better v) S)).

  Lemma routings_range f S k : In f (routings S) -> In k S -> (f k < requesters)%nat.
  Proof.
    revert f. induction S as [| a S IH]; intros f Hf Hk; [destruct Hk |]. cbn in Hf. apply in_flat_map in Hf.
    destruct Hf as [g [Hg Hf]]. apply in_map_iff in Hf. destruct Hf as [j [<- Hj]]. apply in_seq in Hj.
    destruct (Nat.eqb_spec k a) as [-> | D]; [lia |]. destruct Hk as [-> | Hk]; [contradiction | now apply IH].
  Qed.

  Lemma routings_all f S : (forall k, In k S -> (f k < requesters)%nat) -> exists g, In g (routings S) /\ forall k, In k S -> g k = f k.
  Proof.
    induction S as [| a S IH]; intros H; [exists (fun _ => O); split; [now left | intros k []] |].
    destruct IH as [g [Hg E]]; [intros k Hk; apply H; now right |].
    exists (fun x => if (x =? a)%nat then f a else g x). split.
    - cbn. apply in_flat_map. exists g. split; [exact Hg |]. apply in_map_iff. exists (f a). split; [reflexivity |].
      apply in_seq. specialize (H a (or_introl eq_refl)). lia.
    - intros k Hk. destruct (Nat.eqb_spec k a) as [-> | D]; [reflexivity |]. destruct Hk as [-> | Hk]; [contradiction | auto].
  Qed.

  Lemma sent_le f g S T j : NoDup S -> incl S T -> (forall k, In k S -> g k = f k) -> (sent g S j <= sent f T j)%nat.
  Proof.
    intros D I E. apply NoDup_incl_length; [now apply NoDup_filter |]. intros k Hk. apply filter_In in Hk. destruct Hk as [Hk Ek].
    apply filter_In. split; [auto |]. now rewrite <- (E k Hk).
  Qed.

  (** Part of a set that caps and seats admit is admitted. *)
  Theorem caps_closed : downward_closed placeable.
  Proof.
    intros S T DS DT I P. unfold placeable in *. apply existsb_exists in P. destruct P as [f [Hf P]].
    destruct (routings_all f S) as [g [Hg E]]. { intros k Hk. apply (routings_range f T); auto. }
    apply existsb_exists. exists g. split; [exact Hg |]. unfold fits in *. rewrite forallb_forall in *. intros j Hj. specialize (P j Hj).
    apply andb_true_iff in P. destruct P as [P1 P2]. apply andb_true_iff. split.
    - apply Nat.leb_le. apply Nat.leb_le in P1. pose proof (sent_le f g S T j DS I E). lia.
    - rewrite forallb_forall in *. intros l Hl. specialize (P2 l Hl). apply Nat.leb_le. apply Nat.leb_le in P2.
      assert (X : (sent g (of_group l S) j <= sent f (of_group l T) j)%nat); [| lia]. apply sent_le.
      + now apply NoDup_filter.
      + intros k Hk. apply filter_In in Hk. apply filter_In. destruct Hk. auto.
      + intros k Hk. apply filter_In in Hk. apply E. tauto.
  Qed.

  Lemma nobody_placeable : placeable [] = true.
  Proof.
    cbn. rewrite orb_false_r. unfold fits. apply forallb_forall. intros j _. cbn. apply forallb_forall. reflexivity.
  Qed.

  Lemma best_spec candidates : placeable (best candidates) = true /\ (best candidates = [] \/ In (best candidates) candidates)
    /\ forall T, In T candidates -> placeable T = true -> total v T <= total v (best candidates).
  Proof.
    induction candidates as [| T rest [P [I M]]]; cbn; [split; [apply nobody_placeable | split; [now left | intros T []]] |].
    destruct (placeable T) eqn:Pt; cbn; [destruct (leq (total v (best rest)) (total v T)) eqn:L |].
    - apply leq_spec in L. repeat split; [exact Pt | now right; left |]. intros U [<- | Hu] Pu; [lra |]. specialize (M U Hu Pu). lra.
    - apply leq_not in L. repeat split; [exact P | destruct I; auto |]. intros U [<- | Hu] Pu; [lra | auto].
    - repeat split; [exact P | destruct I; auto |]. intros U [<- | Hu] Pu; [congruence | auto].
  Qed.

  Lemma sublists_incl l T : In T (sublists l) -> incl T l /\ (NoDup l -> NoDup T).
  Proof.
    revert T. induction l as [| a l IH]; intros T H; cbn in H.
    - destruct H as [<- | []]. split; [intros k [] | constructor].
    - apply in_app_iff in H. destruct H as [H | H].
      + apply in_map_iff in H. destruct H as [U [<- H]]. destruct (IH U H) as [I D]. split.
        * intros k [<- | Hk]; [now left | right; auto].
        * intros N. inversion N; subst. constructor; [intros M; apply I in M; contradiction | auto].
      + destruct (IH T H) as [I D]. split; [intros k Hk; right; auto | intros N; inversion N; auto].
  Qed.

  Lemma sublists_filter f l : In (filter f l) (sublists l).
  Proof.
    induction l as [| a l IH]; cbn; [now left |]. apply in_app_iff. destruct (f a); [left; now apply in_map | now right].
  Qed.

  Lemma total_permutation f S T : Permutation S T -> total f S == total f T.
  Proof. induction 1; cbn; try lra. Qed.

  Lemma search_In S k : In k (search S) -> In k S.
  Proof.
    unfold search. destruct (best_spec (sublists (sort (better v) S))) as [_ [[-> | I] _]]; [intros [] |].
    apply sublists_incl in I. destruct I as [I _]. intros Hk. apply I in Hk. now apply sort_In in Hk.
  Qed.

  (** The search has the four facts that Theorem 6.2 asks for, so everything proved of an exact oracle is proved of it. *)
  Theorem search_exact : exact_oracle v placeable search.
  Proof.
    constructor.
    - apply search_In.
    - intros S D. unfold search. destruct (best_spec (sublists (sort (better v) S))) as [_ [[-> | I] _]]; [constructor |].
      apply sublists_incl in I. destruct I as [_ I]. apply I. now apply sort_NoDup.
    - intros S _. apply best_spec.
    - intros S T DS DT I P. destruct (best_spec (sublists (sort (better v) S))) as [_ [_ M]].
      set (U := filter (fun k => mem k T) (sort (better v) S)).
      assert (DU : NoDup U) by (apply NoDup_filter, sort_NoDup, DS).
      assert (E : forall k, In k T <-> In k U).
      { intros k. unfold U. rewrite filter_In, sort_In, mem_In. split; [auto | tauto]. }
      rewrite (total_permutation v T U) by (apply NoDup_Permutation; auto).
      apply M; [apply sublists_filter |]. apply (caps_closed U T); auto. intros k Hk. now apply E.
  Qed.
End Caps.
