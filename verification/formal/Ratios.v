(** Theorem 6.2 and its relatives: what DriftPay-CO procures of the optimum.

    [placeable] is any downward closed family of sets of workers, given by caps, by seats or otherwise; [W] hires a best placeable part. Everybody bids the cost,
    so [r] is [cost / v]. [O] is any feasible set: what is proved of its worth is proved of the optimum's. *)

From Fedmech Require Export Rule.

Section Family.
  Variables (v : worker -> Q) (placeable : list worker -> bool) (W : list worker -> list worker).

  (** The four facts about a hiring rule that is exact. *)
  Record exact_oracle : Prop := {
    included : forall S k, In k (W S) -> In k S;
    no_duplicates : forall S, NoDup S -> NoDup (W S);
    feasible_hiring : forall S, NoDup S -> placeable (W S) = true;
    best_hiring : forall S T, NoDup S -> NoDup T -> incl T S -> placeable T = true -> total v T <= total v (W S);
  }.

  (** Part of what can be placed can be placed. *)
  Definition downward_closed : Prop :=
    forall S T, NoDup S -> NoDup T -> incl S T -> placeable T = true -> placeable S = true.
End Family.

Arguments exact_oracle : clear implicits.

(** The first worker of the order that can be placed at all costs at most the budget. *)
Definition first_affordable (workers : list worker) (placeable : list worker -> bool) (r cost : worker -> Q) (B : Q) : Prop :=
  forall h, In h workers -> placeable [h] = true ->
  (forall k, In k workers -> placeable [k] = true -> k = h \/ before r h k = true) -> cost h <= B.

Lemma nodup_one (k : worker) : NoDup [k].
Proof. constructor; [intros [] | constructor]. Qed.

Lemma placeable_one placeable T k : downward_closed placeable -> NoDup T -> placeable T = true -> In k T -> placeable [k] = true.
Proof. intros C D P Hk. apply (C [k] T); auto using nodup_one. intros j [<- | []]. exact Hk. Qed.

(** ** The two facts about the value [M] of ORP *)

Section Matroid.
  Variables (v : worker -> Q) (placeable : list worker -> bool) (W : list worker -> list worker).
  Hypothesis oracle : exact_oracle v placeable W.
  Hypothesis closed : downward_closed placeable.

  Lemma worth_monotone S T : NoDup S -> NoDup T -> incl S T -> worth v W S <= worth v W T.
  Proof.
    intros DS DT I. apply (best_hiring _ _ _ oracle); auto.
    - now apply (no_duplicates _ _ _ oracle).
    - intros k Hk. apply I. now apply (included _ _ _ oracle).
    - now apply (feasible_hiring _ _ _ oracle).
  Qed.

  (** One worker more adds at most its score. *)
  Lemma worth_one_more S T j : NoDup S -> NoDup T -> 0 < v j -> (forall k, In k T -> k <> j -> In k S) ->
    worth v W T <= worth v W S + v j.
  Proof.
    intros DS DT P I. unfold worth at 1.
    pose proof (no_duplicates _ _ _ oracle T DT) as D.
    rewrite (total_without v (W T) j D).
    assert (total v (filter (fun k => negb (k =? j)%nat) (W T)) <= worth v W S).
    { apply (best_hiring _ _ _ oracle); auto using NoDup_filter.
      - intros k Hk. apply filter_In in Hk. destruct Hk as [Hk N]. apply negb_true_iff, Nat.eqb_neq in N.
        apply I; [| exact N]. now apply (included _ _ _ oracle).
      - apply (closed _ (W T)); auto using NoDup_filter.
        + intros k Hk. now apply filter_In in Hk.
        + now apply (feasible_hiring _ _ _ oracle). }
    destruct (mem j (W T)); lra.
  Qed.
End Matroid.

Section Bound.
  Variables (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q).
  Variables (placeable : list worker -> bool) (cost r : worker -> Q).
  Hypothesis distinct : NoDup workers.
  Hypothesis positive : forall k, In k workers -> 0 < v k.
  Hypothesis oracle : exact_oracle v placeable W.
  Hypothesis closed : downward_closed placeable.
  Hypothesis budget : 0 <= B.
  Hypothesis costs : forall k, In k workers -> 0 <= cost k.
  Hypothesis bids : forall k, In k workers -> cost k == r k * v k.

  Notation prefix := (prefix workers).
  Notation passes := (passes workers v W B).
  Notation chosen := (chosen workers v W B).
  Notation hired := (hired workers v W B).
  Notation worth := (worth v W).

  Let part := included _ _ _ oracle.

  Lemma ratio_nonneg k : In k workers -> 0 <= r k.
  Proof.
    intros H. pose proof (costs k H). rewrite (bids k H) in *. pose proof (positive k H).
    destruct (Qlt_le_dec (r k) 0); [| assumption]. nra.
  Qed.

  Lemma chosen_nodup : NoDup (chosen r).
  Proof. unfold Rule.chosen. now apply NoDup_filter. Qed.

  Lemma prefix_nodup k : NoDup (prefix r k).
  Proof. unfold Rule.prefix. now apply NoDup_filter. Qed.

  (** D-5-BINARY
      A prefix that passes is preceded by none that fails: the largest can be found by halving. *)
  Theorem passes_before : forall j k : worker, In j workers -> In k workers -> before r j k = true -> passes r k = true -> passes r j = true.
  Proof.
    intros j k Hj Hk Bef P. apply leq_spec in P. apply leq_spec. apply Qle_trans with (r k * worth (prefix r k)); [| exact P].
    assert (L : worth (prefix r j) <= worth (prefix r k)).
    { apply (worth_monotone v placeable); auto using prefix_nodup. intros l Hl. apply prefix_In in Hl. destruct Hl as [Hl U].
      apply prefix_In. split; [exact Hl |]. apply (upto_trans r l j k U). apply upto_spec. now right. }
    assert (N : 0 <= worth (prefix r j)) by (apply (worth_nonneg workers v W positive part); intros l Hl; now apply prefix_In in Hl).
    pose proof (before_weak _ _ _ Bef). pose proof (ratio_nonneg j Hj). pose proof (ratio_nonneg k Hk).
    assert (0 <= (r k - r j) * worth (prefix r j)) by (apply Qmult_le_0_compat; lra).
    assert (0 <= r k * (worth (prefix r k) - worth (prefix r j))) by (apply Qmult_le_0_compat; lra). lra.
  Qed.

  (** The first worker beyond the chosen prefix: its prefix fails, and is worth little more. *)
  Lemma next_worker j : In j workers -> ~ In j (chosen r) -> exists next,
    In next workers /\ ~ In next (chosen r)
    /\ (forall k, In k workers -> ~ In k (chosen r) -> r next <= r k)
    /\ B < r next * (worth (chosen r) + v next) /\ 0 < r next.
  Proof.
    intros Hj Nj. assert (O : In j (outside workers v W B r)) by (apply outside_In; auto).
    destruct (first_of _ _ _ (before_order r) O) as [next [Hn First]]. apply outside_In in Hn. destruct Hn as [Hn N].
    exists next. pose proof (positive next Hn) as P. pose proof (ratio_nonneg next Hn) as R.
    assert (Fails : B < r next * worth (prefix r next)).
    { destruct (passes r next) eqn:E; [exfalso; apply N; now apply passing_inside | now apply leq_not in E]. }
    assert (Longer : worth (prefix r next) <= worth (chosen r) + v next).
    { apply (worth_one_more v placeable); auto using chosen_nodup, prefix_nodup. intros k Hk D.
      apply prefix_In in Hk. destruct Hk as [Hk U].
      destruct (in_dec Nat.eq_dec k (chosen r)) as [| Nk]; [assumption | exfalso].
      destruct (First k) as [-> | A]; [apply outside_In; auto | congruence |]. apply upto_not in A. congruence. }
    pose proof (chosen_nonneg workers v W B positive part r).
    repeat split; auto.
    - intros k Hk Nk. destruct (First k) as [-> | A]; [apply outside_In; auto | lra | now apply before_weak].
    - nra.
    - destruct (Qlt_le_dec 0 (r next)); [assumption |]. assert (r next == 0) by lra. rewrite H0 in Fails. lra.
  Qed.

  (** A feasible set is worth at most what is hired, or less than twice that and one worker's score. *)
  Lemma bound O : NoDup O -> incl O workers -> placeable O = true -> total cost O <= B ->
    total v O <= worth (chosen r)
    \/ exists next, In next workers /\ ~ In next (chosen r) /\ total v O < 2 * worth (chosen r) + v next
       /\ B < r next * (worth (chosen r) + v next) /\ 0 < r next.
  Proof.
    intros D I P S. pose proof (total_split v (fun k => mem k (chosen r)) O) as Split. cbv beta in Split.
    assert (Inside : total v (filter (fun k => mem k (chosen r)) O) <= worth (chosen r)).
    { apply (best_hiring _ _ _ oracle); auto using chosen_nodup, NoDup_filter.
      - intros k Hk. apply filter_In in Hk. now apply mem_In.
      - apply (closed _ O); auto using NoDup_filter. intros k Hk. now apply filter_In in Hk. }
    destruct (filter (fun k => negb (mem k (chosen r))) O) as [| j rest] eqn:E; [left; cbn in Split; lra | right].
    assert (Hj : In j O /\ ~ In j (chosen r)).
    { assert (X : In j (filter (fun k => negb (mem k (chosen r))) O)) by (rewrite E; now left).
      apply filter_In in X. now rewrite negb_true_iff, mem_not in X. }
    destruct (next_worker j (I j (proj1 Hj)) (proj2 Hj)) as [next [Hn [N [Dear [Fails R]]]]].
    exists next. repeat split; auto. rewrite <- E in Split.
    assert (Spends : r next * total v (filter (fun k => negb (mem k (chosen r))) O) <= B).
    { rewrite <- total_scale. apply Qle_trans with (total cost (filter (fun k => negb (mem k (chosen r))) O)).
      - apply total_le. intros k Hk. apply filter_In in Hk. destruct Hk as [Hk M]. rewrite negb_true_iff, mem_not in M.
        pose proof (Dear k (I k Hk) M). pose proof (positive k (I k Hk)). rewrite (bids k (I k Hk)). nra.
      - apply Qle_trans with (total cost O); [| exact S]. apply total_filter. intros k Hk. apply costs, I, Hk. }
    set (x := total v (filter (fun k => negb (mem k (chosen r))) O)) in *.
    assert (x < worth (chosen r) + v next) by nra. lra.
  Qed.

  (** ** Somebody is hired *)

  Lemma somebody h : In h workers -> placeable [h] = true ->
    (forall k, In k workers -> placeable [k] = true -> k = h \/ before r h k = true) -> cost h <= B ->
    v h <= worth (chosen r).
  Proof.
    intros Hh Ph First Aff. pose proof (positive h Hh) as P. pose proof (ratio_nonneg h Hh) as R.
    assert (Nobody : forall k, In k (W (prefix r h)) -> k = h).
    { intros k Hk. pose proof (included _ _ _ oracle _ _ Hk) as Hp. apply prefix_In in Hp. destruct Hp as [Hw U].
      destruct (First k Hw) as [| A]; [| assumption |].
      - apply (placeable_one placeable (W (prefix r h))); auto.
        + apply (no_duplicates _ _ _ oracle), prefix_nodup.
        + apply (feasible_hiring _ _ _ oracle), prefix_nodup.
      - apply upto_not in A. congruence. }
    assert (Worth : worth (prefix r h) <= v h).
    { unfold Rule.worth. pose proof (no_duplicates _ _ _ oracle _ (prefix_nodup h)) as D.
      destruct (W (prefix r h)) as [| a l] eqn:E; [cbn; lra |].
      assert (X : In h (a :: l)) by (left; apply Nobody; now left).
      pose proof (total_one v (a :: l) h D X Nobody). lra. }
    assert (In h (chosen r)).
    { apply passing_inside; [exact Hh |]. apply leq_spec. rewrite (bids h Hh) in Aff. nra. }
    assert (total v [h] <= worth (chosen r)).
    { apply (best_hiring _ _ _ oracle); auto using chosen_nodup, nodup_one. intros k [<- | []]. assumption. }
    cbn in *. lra.
  Qed.

  Lemma first_placeable O k : NoDup O -> incl O workers -> placeable O = true -> In k O -> exists h, In h workers /\ placeable [h] = true
    /\ forall k, In k workers -> placeable [k] = true -> k = h \/ before r h k = true.
  Proof.
    intros D I P Hk.
    assert (Hf : In k (filter (fun k => placeable [k]) workers)).
    { apply filter_In. split; [now apply I |]. now apply (placeable_one _ O). }
    destruct (first_of _ _ _ (before_order r) Hf) as [h [Hh F]]. apply filter_In in Hh. exists h.
    repeat split; try tauto. intros j Hj Pj. apply F. apply filter_In. auto.
  Qed.

  Lemma at_least_one O (low : Q) : (forall k, In k workers -> low <= v k) -> first_affordable workers placeable r cost B ->
    NoDup O -> incl O workers -> placeable O = true -> O = [] \/ low <= worth (chosen r).
  Proof.
    intros Low Aff D I P. destruct O as [| a l]; [now left | right].
    destruct (first_placeable (a :: l) a D I P (or_introl eq_refl)) as [h [Hh [Ph F]]].
    pose proof (somebody h Hh Ph F (Aff h Hh Ph F)). pose proof (Low h Hh). lra.
  Qed.
End Bound.

(** ** The theorems *)

Section Theorems.
  Variables (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q).
  Variables (placeable : list worker -> bool) (cost : worker -> Q).
  Hypothesis distinct : NoDup workers.
  Hypothesis positive : forall k, In k workers -> 0 < v k.
  Hypothesis oracle : exact_oracle v placeable W.
  Hypothesis closed : downward_closed placeable.
  Hypothesis budget : 0 <= B.
  Hypothesis costs : forall k, In k workers -> 0 <= cost k.

  Notation r := (ratio v cost).
  Notation H := (hired workers v W B r).

  Let bids k (Hk : In k workers) : cost k == r k * v k.
  Proof. pose proof (positive k Hk). unfold ratio. field. lra. Qed.

  Definition feasible (O : list worker) : Prop := NoDup O /\ incl O workers /\ placeable O = true /\ total cost O <= B.

  (** D-6.2
      Theorem 6.2 under its assumption, and its strictness. *)
  Theorem ratio_bound : forall vmin vmax : Q, 0 < vmin <= vmax -> (forall k, In k workers -> vmin <= v k <= vmax) ->
    first_affordable workers placeable r cost B ->
    forall O, feasible O ->
    vmin * total v O <= (2 * vmin + vmax) * total v H
    /\ (total v H < total v O -> vmin * total v O < (2 * vmin + vmax) * total v H).
  Proof.
    intros vmin vmax Positive Range Aff O [D [I [P S]]].
    unfold hired. fold (worth v W (chosen workers v W B r)).
    pose proof (chosen_nonneg workers v W B positive (included _ _ _ oracle) r) as N.
    destruct (at_least_one workers v W B placeable cost r distinct positive oracle closed costs bids O vmin) as [-> | Low]; auto.
    { intros k Hk. apply Range, Hk. }
    { cbn. split; [nra | lra]. }
    destruct (bound workers v W B placeable cost r distinct positive oracle closed budget costs bids O D I P S)
      as [L | [next [Hn [_ [L _]]]]].
    - split; [nra | lra].
    - destruct (Range next Hn). split; [nra | intros _; nra].
  Qed.

  (** D-6.2-SOME
      Somebody is hired whenever somebody can be placed, under the same assumption. *)
  Theorem hires_somebody : first_affordable workers placeable r cost B ->
    (exists k, In k workers /\ placeable [k] = true) -> exists k, In k H.
  Proof.
    intros Aff [k [Hk Pk]].
    destruct (first_placeable workers placeable r closed [k] k) as [h [Hh [Ph F]]]; auto using nodup_one.
    { intros j [<- | []]. exact Hk. } { now left. }
    pose proof (somebody workers v W B placeable cost r distinct positive oracle closed costs bids h Hh Ph F (Aff h Hh Ph F)) as L.
    pose proof (positive h Hh). unfold hired, worth in *. destruct (W (chosen workers v W B r)) as [| a l]; [cbn in L; lra | exists a; now left].
  Qed.

  (** F-6.2-EQUAL
      With equal scores 2 is enough, and no assumption on costs is used. *)
  Theorem equal_scores : forall u : Q, 0 < u -> (forall k, In k workers -> v k == u) ->
    forall O, feasible O -> total v O <= 2 * total v H.
  Proof.
    intros u Hu Equal O [D [I [P S]]].
    assert (Count : forall T, incl T workers -> total v T == u * inject_Z (Z.of_nat (length T))).
    { induction T as [| a l IH]; intros J; [cbn; ring |]. cbn [total length]. rewrite Nat2Z.inj_succ. unfold Z.succ.
      rewrite inject_Z_plus, IH by (intros k Hk; apply J; now right). rewrite (Equal a (J a (or_introl eq_refl))). cbn. ring. }
    assert (HI : incl H workers) by (intros k Hk; eapply taking; eapply hired_chosen; [apply (included _ _ _ oracle) | exact Hk]).
    destruct (bound workers v W B placeable cost r distinct positive oracle closed budget costs bids O D I P S)
      as [L | [next [Hn [_ [L _]]]]].
    - unfold worth in L. fold H in L. pose proof (Count H HI) as E.
      assert (0 <= total v H) by (apply total_nonneg; intros k Hk; apply Qlt_le_weak, positive, HI, Hk). lra.
    - unfold worth in L. fold H in L. rewrite (Equal next Hn), (Count O I), (Count H HI) in *.
      set (o := Z.of_nat (length O)) in *. set (h := Z.of_nat (length H)) in *.
      assert (X : inject_Z o < 2 * inject_Z h + 1) by nra.
      assert (Y : (o < 2 * h + 1)%Z) by (rewrite Zlt_Qlt, inject_Z_plus, inject_Z_mult; exact X).
      assert (Z0 : (o <= 2 * h)%Z) by lia. rewrite Zle_Qle, inject_Z_mult in Z0. change (inject_Z 2) with 2 in Z0. nra.
  Qed.

  (** F-6.2-SMALL
      Costs at most beta B: 2 + beta / (1 - beta), whatever the scores. *)
  Theorem small_costs : forall beta : Q, 0 < beta < 1 -> (forall k, In k workers -> cost k <= beta * B) ->
    forall O, feasible O ->
    total v O == total v H \/ total v O < total v H \/ total v O < (2 + beta / (1 - beta)) * total v H.
  Proof.
    intros beta Beta Small O [D [I [P S]]].
    destruct (bound workers v W B placeable cost r distinct positive oracle closed budget costs bids O D I P S)
      as [L | [next [Hn [_ [L [Fails R]]]]]]; unfold worth in *; fold H in *.
    - destruct (Qlt_le_dec (total v O) (total v H)); [right; now left | left; lra].
    - right. right. pose proof (Small next Hn) as C. rewrite (bids next Hn) in C.
      assert (X : r next * v next < r next * (beta * (total v H + v next))) by nra.
      assert (Y : v next < beta * (total v H + v next)) by (apply (Qmult_lt_l _ _ (r next)); [exact R | lra]).
      assert (E : (1 - beta) * ((2 + beta / (1 - beta)) * total v H) == (2 * (1 - beta) + beta) * total v H) by (field; lra).
      apply (Qmult_lt_l _ _ (1 - beta)); [lra |]. rewrite E. nra.
  Qed.
End Theorems.
