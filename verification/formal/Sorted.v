(** The paper's definition of DriftPay-CO, with a sorted list and an index [k*], is the one of Rule.v, which sorts nothing. *)

From Coq Require Import Sorted.
From Fedmech Require Export Rule.

Section Sorting.
  Variable ahead : worker -> worker -> bool.

  Fixpoint insert (a : worker) (l : list worker) : list worker :=
    match l with [] => [a] | b :: rest => if ahead a b then a :: l else b :: insert a rest end.

  Fixpoint sort (l : list worker) : list worker := match l with [] => [] | a :: rest => insert a (sort rest) end.

  Lemma insert_In a l k : In k (insert a l) <-> k = a \/ In k l.
  Proof.
    induction l as [| b l IH]; cbn; [intuition |]. destruct (ahead a b); cbn; [intuition | rewrite IH; intuition].
  Qed.

  Lemma sort_In l k : In k (sort l) <-> In k l.
  Proof. induction l as [| a l IH]; cbn; [reflexivity |]. rewrite insert_In, IH. intuition. Qed.

  Lemma sort_NoDup l : NoDup l -> NoDup (sort l).
  Proof.
    induction 1 as [| a l Ha D IH]; cbn; [constructor |]. rewrite <- sort_In in Ha.
    induction (sort l) as [| b m IHm]; cbn; [constructor; [intros [] | constructor] |].
    destruct (ahead a b); [now constructor |]. inversion IH; subst. constructor.
    - rewrite insert_In. intros [-> | M]; [apply Ha; now left | contradiction].
    - apply IHm; [| assumption]. intros M. apply Ha. now right.
  Qed.

  Hypothesis order : strict_order ahead.

  Definition ascending := StronglySorted (fun j k => ahead j k = true).

  Lemma insert_ascending a l : ~ In a l -> ascending l -> ascending (insert a l).
  Proof.
    destruct order as [_ [T C]]. intros Ha S. induction S as [| b l S IH F]; cbn; [repeat constructor |].
    destruct (ahead a b) eqn:E.
    - constructor; [now constructor |]. constructor; [exact E |]. rewrite Forall_forall in *. intros k Hk. apply (T a b k); auto.
    - constructor; [apply IH; intros M; apply Ha; now right |]. rewrite Forall_forall in *. intros k Hk. apply insert_In in Hk.
      destruct Hk as [-> | Hk]; [| auto]. destruct (C a b) as [-> | [A | A]]; [exfalso; apply Ha; now left | congruence | exact A].
  Qed.

  Lemma sort_ascending l : NoDup l -> ascending (sort l).
  Proof.
    induction 1 as [| a l Ha D IH]; cbn; [constructor |]. apply insert_ascending; [now rewrite sort_In | exact IH].
  Qed.
End Sorting.

(** The largest [k <= n] such that the test holds at the [k]-th place, counted from 1; 0 if there is none. *)
Fixpoint largest (test : nat -> bool) (n : nat) : nat :=
  match n with O => O | S m => if test m then S m else largest test m end.

Lemma largest_spec test n : (forall m, largest test n <= m < n -> test m = false)%nat
  /\ (largest test n = O \/ exists m, largest test n = S m /\ test m = true)%nat.
Proof.
  induction n as [| n [A C]]; cbn; [split; [lia | now left] |]. destruct (test n) eqn:E.
  - split; [lia | right; eauto].
  - split; [| exact C]. intros m H. destruct (Nat.eq_dec m n) as [-> | D]; [exact E | apply A; lia].
Qed.

Section Sorted.
  Variables (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q).

  Definition ranking (r : worker -> Q) : list worker := sort (before r) workers.

  (** The first [k] of the ranking, as a set. *)
  Definition top (r : worker -> Q) (k : nat) : list worker := filter (fun j => mem j (firstn k (ranking r))) workers.

  (** rho_k M(S_k) <= B, for the worker at place [m], counted from 0. *)
  Definition test (r : worker -> Q) (m : nat) : bool :=
    match nth_error (ranking r) m with Some q => leq (r q * worth v W (top r (S m))) B | None => false end.

  Definition k_star (r : worker -> Q) : nat := largest (test r) (length (ranking r)).

  Definition sorted_chosen (r : worker -> Q) : list worker := top r (k_star r).

  (** min (rho_{k*+1}, B / M(S_k-star)), the first of them infinite after the last worker. *)
  Definition sorted_price (r : worker -> Q) : Q :=
    let whole := B / worth v W (sorted_chosen r) in
    match nth_error (ranking r) (k_star r) with Some q => if leq (r q) whole then r q else whole | None => whole end.

  Hypothesis distinct : NoDup workers.

  Lemma nth_upto r l m q j : ascending (before r) l -> nth_error l m = Some q ->
    (In j (firstn (S m) l) <-> In j l /\ upto r q j = true).
  Proof.
    intros A. revert m. induction A as [| a l A IH F]; intros m E; [destruct m; discriminate |]. rewrite Forall_forall in F.
    destruct m as [| m]; cbn in E.
    - injection E as ->. cbn. rewrite upto_spec. split.
      + intros [-> | []]. auto.
      + intros [[-> | Hj] U]; [now left |]. exfalso. specialize (F j Hj). destruct (before_order r) as [I [T _]].
        destruct U as [-> | U]; [rewrite I in F; discriminate |]. pose proof (T _ _ _ F U) as X. rewrite I in X. discriminate.
    - change (firstn (S (S m)) (a :: l)) with (a :: firstn (S m) l). cbn [In]. rewrite (IH m E). split.
      + intros [<- | [Hj U]]; [| auto]. split; [now left |]. apply upto_spec. right. apply F. eapply nth_error_In; eauto.
      + intros [[<- | Hj] U]; auto.
  Qed.

  Lemma firstn_next (l : list worker) m q j : nth_error l m = Some q -> (In j (firstn (S m) l) <-> In j (firstn m l) \/ j = q).
  Proof.
    revert m. induction l as [| a l IH]; intros m E; [destruct m; discriminate |]. destruct m as [| m]; cbn in E.
    - injection E as ->. cbn. intuition.
    - change (firstn (S (S m)) (a :: l)) with (a :: firstn (S m) l). cbn [In firstn]. rewrite (IH m E). intuition.
  Qed.

  Lemma firstn_fresh (l : list worker) m q : NoDup l -> nth_error l m = Some q -> ~ In q (firstn m l).
  Proof.
    intros D. revert m. induction D as [| a l Ha D IH]; intros m E; [destruct m; discriminate |]. destruct m as [| m]; cbn in E; [intros [] |].
    cbn. intros [-> | M]; [apply Ha; eapply nth_error_In; eauto | exact (IH m E M)].
  Qed.

  Lemma firstn_mono (l : list worker) m n j : (m <= n)%nat -> In j (firstn m l) -> In j (firstn n l).
  Proof.
    revert m n. induction l as [| a l IH]; intros m n H; [now rewrite !firstn_nil |].
    destruct m as [| m]; [intros [] |]. destruct n as [| n]; [lia |]. cbn. intros [-> | M]; [now left | right]. apply (IH m); [lia | exact M].
  Qed.

  Let ranked r : ascending (before r) (ranking r).
  Proof. apply sort_ascending; [apply before_order | exact distinct]. Qed.

  Lemma top_prefix r m q : nth_error (ranking r) m = Some q -> top r (S m) = prefix workers r q.
  Proof.
    intros E. apply same_members. intros j Hj. fold (top r (S m)) (prefix workers r q). rewrite prefix_In.
    unfold top. rewrite filter_In, mem_In, (nth_upto r _ m q j (ranked r) E). unfold ranking. rewrite sort_In. tauto.
  Qed.

  Lemma test_passes r m q : nth_error (ranking r) m = Some q -> test r m = passes workers v W B r q.
  Proof. intros E. unfold test, passes. now rewrite E, (top_prefix r m q E). Qed.

  Lemma at_rank r q : In q workers -> exists m, (m < length (ranking r))%nat /\ nth_error (ranking r) m = Some q.
  Proof.
    intros H. assert (X : In q (ranking r)) by now apply sort_In. apply In_nth_error in X. destruct X as [m E]. exists m.
    split; [| exact E]. apply nth_error_Some. congruence.
  Qed.

  Lemma chosen_ranked r j : In j workers -> (In j (chosen workers v W B r) <-> In j (firstn (k_star r) (ranking r))).
  Proof.
    intros Hj. destruct (largest_spec (test r) (length (ranking r))) as [Fails Last]. fold (k_star r) in *.
    rewrite chosen_In. split.
    - intros [_ [q [Hq [P U]]]]. destruct (at_rank r q Hq) as [m [L E]]. rewrite <- (test_passes r m q E) in P.
      assert (M : (m < k_star r)%nat) by (destruct (le_lt_dec (k_star r) m); [rewrite Fails in P by lia; discriminate | assumption]).
      apply (firstn_mono _ (S m)); [lia |]. apply (nth_upto r _ m q j (ranked r) E). split; [now apply sort_In | exact U].
    - intros M. split; [exact Hj |]. destruct Last as [Z | [m [E P]]]; [rewrite Z in M; destruct M |].
      destruct (nth_error (ranking r) m) as [q |] eqn:N; [| unfold test in P; rewrite N in P; discriminate].
      exists q. rewrite <- (test_passes r m q N). rewrite E in M. apply (nth_upto r _ m q j (ranked r) N) in M.
      apply nth_error_In in N. apply sort_In in N. tauto.
  Qed.

  (** The chosen prefix is that of the largest index that passes, and the price is the paper's. *)
  Theorem sorted_definition : forall r : worker -> Q,
    chosen workers v W B r = sorted_chosen r /\ price workers v W B r == sorted_price r.
  Proof.
    intros r. assert (Same : chosen workers v W B r = sorted_chosen r).
    { apply same_members. intros j Hj. fold (chosen workers v W B r) (top r (k_star r)). rewrite (chosen_ranked r j Hj).
      unfold top. rewrite filter_In, mem_In. tauto. }
    split; [exact Same |]. unfold sorted_price. rewrite <- Same. set (whole := B / worth v W (chosen workers v W B r)).
    destruct (price_bounds r whole (outside workers v W B r)) as [Most [Each Is]]. fold whole in Most, Each, Is.
    change (fold_right (fun x y => if leq x y then x else y) whole (map r (outside workers v W B r))) with (price workers v W B r) in *.
    destruct (nth_error (ranking r) (k_star r)) as [q |] eqn:E.
    - assert (Hq : In q workers) by (apply nth_error_In in E; now apply sort_In in E).
      assert (Oq : In q (outside workers v W B r)).
      { apply outside_In. split; [exact Hq |]. rewrite (chosen_ranked r q Hq). apply firstn_fresh; [now apply sort_NoDup | exact E]. }
      assert (Next : forall j, In j (outside workers v W B r) -> r q <= r j).
      { intros j Hj. apply outside_In in Hj. destruct Hj as [Hj N]. rewrite (chosen_ranked r j Hj) in N.
        destruct (upto r q j) eqn:U.
        - assert (X : In j (firstn (S (k_star r)) (ranking r))) by (apply (nth_upto r _ _ q j (ranked r) E); split; [now apply sort_In | exact U]).
          apply (firstn_next _ _ q j E) in X. destruct X as [X | ->]; [contradiction | lra].
        - apply upto_not in U. now apply before_weak. }
      pose proof (Each q Oq). destruct (leq (r q) whole) eqn:L; [apply leq_spec in L | apply leq_not in L];
        (destruct Is as [Is | [j [Hj Is]]]; [| pose proof (Next j Hj)]); lra.
    - destruct Is as [Is | [j [Hj _]]]; [exact Is | exfalso]. apply outside_In in Hj. destruct Hj as [Hj N].
      apply N. rewrite (chosen_ranked r j Hj). apply nth_error_None in E. rewrite firstn_all2 by exact E. now apply sort_In.
  Qed.
End Sorted.
