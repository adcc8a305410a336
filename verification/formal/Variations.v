(** DriftPay-CO run twice: on estimates and on true scores, with less and with more budget, under tight and under looser caps. *)

From Fedmech Require Export Ratios.

(** ** Estimated scores: the rule sees [v], the true scores are [t] *)

Section Noise.
  Variables (workers : list worker) (v t : worker -> Q) (W X : list worker -> list worker) (B : Q).
  Variables (placeable : list worker -> bool) (cost : worker -> Q).
  Hypothesis distinct : NoDup workers.
  Hypothesis seen_positive : forall k, In k workers -> 0 < v k.
  Hypothesis true_positive : forall k, In k workers -> 0 < t k.
  Hypothesis oracle : exact_oracle v placeable W.
  Hypothesis clean : exact_oracle t placeable X.
  Hypothesis closed : downward_closed placeable.
  Hypothesis budget : 0 <= B.
  Hypothesis costs : forall k, In k workers -> 0 <= cost k.
  Variables (e tmin tmax : Q).
  Hypothesis share : 0 <= e < 1.
  Hypothesis noise : forall k, In k workers -> (1 - e) * t k <= v k <= (1 + e) * t k.
  Hypothesis low_positive : 0 < tmin <= tmax.
  Hypothesis range : forall k, In k workers -> tmin <= t k <= tmax.

  Notation r := (ratio v cost).
  Notation r2 := (ratio t cost).
  Notation Chosen := (chosen workers v W B r).
  Notation Hires := (hired workers v W B r).
  Notation Hires2 := (hired workers t X B r2).

  Let bids k (Hk : In k workers) : cost k == r k * v k.
  Proof. pose proof (seen_positive k Hk). unfold ratio. field. lra. Qed.

  Let bids2 k (Hk : In k workers) : cost k == r2 k * t k.
  Proof. pose proof (true_positive k Hk). unfold ratio. field. lra. Qed.

  Let hired_in k (Hk : In k Hires) : In k workers.
  Proof. eapply taking. eapply hired_chosen; [apply (included _ _ _ oracle) | exact Hk]. Qed.

  Let hired2_in k (Hk : In k Hires2) : In k workers.
  Proof. eapply taking. eapply hired_chosen; [apply (included _ _ _ clean) | exact Hk]. Qed.

  Lemma total_noise T : incl T workers -> (1 - e) * total t T <= total v T <= (1 + e) * total t T.
  Proof.
    intros I. rewrite <- !total_scale. split; apply total_le; intros k Hk; now apply noise, I.
  Qed.

  Lemma total_true T : incl T workers -> 0 <= total t T.
  Proof. intros I. apply total_nonneg. intros k Hk. apply Qlt_le_weak, true_positive, I, Hk. Qed.

  (** Whatever is placeable and not empty, somebody of it is worth [tmin], and so is what is hired. *)
  Lemma hired_truly O : first_affordable workers placeable r cost B -> NoDup O -> incl O workers -> placeable O = true ->
    O = [] \/ tmin <= total t Hires.
  Proof.
    intros Aff D I P. destruct O as [| a l]; [now left | right].
    destruct (first_placeable workers placeable r closed (a :: l) a D I P (or_introl eq_refl)) as [h [Hh [Ph F]]].
    pose proof (somebody workers v W B placeable cost r distinct seen_positive oracle closed costs bids h Hh Ph F (Aff h Hh Ph F)) as L.
    pose proof (seen_positive h Hh) as Ph0. unfold worth in L. fold Hires in L.
    destruct (total_somebody v Hires) as [j Hj]; [lra |].
    apply Qle_trans with (t j); [now apply range, hired_in |]. apply total_member; [| exact Hj].
    intros k Hk. apply Qlt_le_weak, true_positive, hired_in, Hk.
  Qed.

  (** D-6-NOISE
      Estimates within [e] lose a share and one worker. *)
  Theorem noise_loss :
    (1 - e) * total t Hires2 < (1 + e) * (total t Hires + tmax)
    /\ (first_affordable workers placeable r cost B -> (1 - e) * tmin * total t Hires2 <= (1 + e) * (tmin + tmax) * total t Hires).
  Proof.
    pose proof (total_true Hires hired_in) as N. pose proof (total_true Hires2 hired2_in) as N2.
    pose proof (total_noise Hires hired_in) as [_ Seen].
    assert (D2 : NoDup Hires2) by (apply (no_duplicates _ _ _ clean); unfold chosen; now apply NoDup_filter).
    assert (P2 : placeable Hires2 = true) by (apply (feasible_hiring _ _ _ clean); unfold chosen; now apply NoDup_filter).
    assert (Loss : (1 - e) * total t Hires2 < (1 + e) * (total t Hires + tmax)).
    { destruct (filter (fun k => negb (mem k Chosen)) Hires2) as [| k0 rest] eqn:E.
      - assert (L : total v Hires2 <= total v Hires).
        { apply (best_hiring _ _ _ oracle); auto; [unfold chosen; now apply NoDup_filter |]. intros k Hk.
          destruct (in_dec Nat.eq_dec k Chosen) as [| M]; [assumption | exfalso]. apply mem_not in M.
          assert (F : In k (filter (fun k => negb (mem k Chosen)) Hires2)) by (apply filter_In; rewrite M; auto).
          rewrite E in F. destruct F. }
        pose proof (total_noise Hires2 hired2_in) as [L2 _]. nra.
      - assert (F : In k0 (filter (fun k => negb (mem k Chosen)) Hires2)) by (rewrite E; now left).
        apply filter_In in F. destruct F as [F M]. rewrite negb_true_iff, mem_not in M.
        pose proof (hired2_in k0 F) as W0.
        destruct (next_worker workers v W B placeable cost r distinct seen_positive oracle closed budget costs bids k0 W0 M)
          as [next [Hn [_ [Dear [Fails R]]]]].
        pose proof (Dear k0 W0 M) as R0.
        pose proof (afford workers t X B true_positive (included _ _ _ clean) r2 k0 (hired_chosen _ _ _ _ (included _ _ _ clean) _ _ F)) as A.
        unfold worth in A, Fails. fold Hires2 in A. fold Hires in Fails.
        destruct (noise k0 W0) as [L0 _]. pose proof (true_positive k0 W0) as T0.
        pose proof (bids k0 W0) as C1. pose proof (bids2 k0 W0) as C2.
        assert (Both : r next * (1 - e) <= r2 k0).
        { apply (Qmult_le_r _ _ (t k0)); [exact T0 |]. rewrite <- C2, C1.
          apply Qle_trans with (r k0 * ((1 - e) * t k0)); [| apply Qmult_le_l; [lra | exact L0]].
          assert (0 <= (r k0 - r next) * ((1 - e) * t k0)) by (apply Qmult_le_0_compat; [lra | apply Qmult_le_0_compat; lra]). lra. }
        assert (Reach : r next * ((1 - e) * total t Hires2) < r next * (total v Hires + v next)).
        { apply Qle_lt_trans with B; [| exact Fails]. apply Qle_trans with (r2 k0 * total t Hires2); [| exact A].
          assert (0 <= (r2 k0 - r next * (1 - e)) * total t Hires2) by (apply Qmult_le_0_compat; lra). lra. }
        apply Qmult_lt_l in Reach; [| exact R]. destruct (noise next Hn) as [_ Ln]. destruct (range next Hn) as [_ Top].
        assert (0 <= (1 + e) * (tmax - t next)) by (apply Qmult_le_0_compat; lra). lra. }
    split; [exact Loss |]. intros Aff.
    destruct (hired_truly Hires2 Aff D2 hired2_in P2) as [Z | Low].
    - rewrite Z. cbn. assert (0 <= (1 + e) * ((tmin + tmax) * total t Hires)) by (apply Qmult_le_0_compat; [lra | apply Qmult_le_0_compat; lra]). lra.
    - assert (tmin * ((1 - e) * total t Hires2) <= tmin * ((1 + e) * (total t Hires + tmax))) by (apply Qmult_le_l; lra).
      assert (0 <= (1 + e) * tmax * (total t Hires - tmin)) by (apply Qmult_le_0_compat; [apply Qmult_le_0_compat |]; lra). lra.
  Qed.

  (** D-8-NOISE-OPT
      The bound of Theorem 6.2 with estimates, in true scores. *)
  Theorem noise_ratio : first_affordable workers placeable r cost B -> forall O, feasible workers B placeable cost O ->
    tmin * (1 - e) * total t O <= (1 + e) * (2 * tmin + tmax) * total t Hires.
  Proof.
    intros Aff O [D [I [P Sp]]]. pose proof (total_true Hires hired_in) as N.
    pose proof (total_noise Hires hired_in) as [_ Seen]. pose proof (total_noise O I) as [SeenO _].
    assert (Z : 0 <= (1 + e) * (2 * tmin + tmax) * total t Hires) by (apply Qmult_le_0_compat; [apply Qmult_le_0_compat |]; lra).
    destruct (hired_truly O Aff D I P) as [-> | Low]; [cbn; lra |].
    destruct (bound workers v W B placeable cost r distinct seen_positive oracle closed budget costs bids O D I P Sp)
      as [L | [next [Hn [_ [L _]]]]]; unfold worth in L; fold Hires in L.
    - assert (tmin * ((1 - e) * total t O) <= tmin * ((1 + e) * total t Hires)) by (apply Qmult_le_l; lra).
      assert (0 <= (1 + e) * ((tmin + tmax) * total t Hires)) by (apply Qmult_le_0_compat; [lra | apply Qmult_le_0_compat; lra]). lra.
    - destruct (noise next Hn) as [_ Ln]. destruct (range next Hn) as [_ Top].
      assert (0 <= (1 + e) * (tmax - t next)) by (apply Qmult_le_0_compat; lra).
      assert (tmin * ((1 - e) * total t O) <= tmin * ((1 + e) * (2 * total t Hires + tmax))) by (apply Qmult_le_l; lra).
      assert (0 <= (1 + e) * tmax * (total t Hires - tmin)) by (apply Qmult_le_0_compat; [apply Qmult_le_0_compat |]; lra). lra.
  Qed.
End Noise.

(** ** More budget *)

(** D-7e-BUDGET
    A larger budget lowers neither the selected score nor the critical price. *)
Theorem more_budget : forall (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (placeable : list worker -> bool) (B C : Q),
  NoDup workers -> (forall k, In k workers -> 0 < v k) -> exact_oracle v placeable W -> B <= C ->
  forall r : worker -> Q,
  total v (hired workers v W B r) <= total v (hired workers v W C r)
  /\ (0 < worth v W (chosen workers v W B r) -> price workers v W B r <= price workers v W C r).
Proof.
  intros workers v W placeable B C distinct positive oracle Richer r.
  pose proof (included _ _ _ oracle) as part.
  assert (Longer : incl (chosen workers v W B r) (chosen workers v W C r)).
  { intros j Hj. apply chosen_In in Hj. destruct Hj as [Hj [k [Hk [P U]]]]. apply chosen_In. split; [exact Hj |].
    exists k. repeat split; auto. unfold passes in *. apply leq_spec. apply leq_spec in P. lra. }
  assert (D : forall M, NoDup (chosen workers v W M r)) by (intros M; unfold chosen; now apply NoDup_filter).
  pose proof (worth_monotone v placeable W oracle _ _ (D B) (D C) Longer) as More.
  split; [exact More |]. intros Some.
  assert (Some2 : 0 < worth v W (chosen workers v W C r)) by lra.
  pose proof (price_within workers v W B r Some) as Within.
  destruct (price_is workers v W C r Some2) as [E | [j [Hj [N E]]]].
  - destruct (filter (fun k => negb (mem k (chosen workers v W B r))) (chosen workers v W C r)) as [| j rest] eqn:F.
    + assert (Same : chosen workers v W B r = chosen workers v W C r).
      { apply same_members. intros k Hk. fold (chosen workers v W B r) (chosen workers v W C r). split; [apply Longer |]. intros Ck.
        destruct (in_dec Nat.eq_dec k (chosen workers v W B r)) as [| M]; [assumption | exfalso]. apply mem_not in M.
        assert (X : In k (filter (fun k => negb (mem k (chosen workers v W B r))) (chosen workers v W C r))) by (apply filter_In; rewrite M; auto).
        rewrite F in X. destruct X. }
      rewrite Same in Within. apply (Qmult_le_r _ _ (worth v W (chosen workers v W C r))); [exact Some2 | lra].
    + assert (X : In j (filter (fun k => negb (mem k (chosen workers v W B r))) (chosen workers v W C r))) by (rewrite F; now left).
      apply filter_In in X. destruct X as [Cj M]. rewrite negb_true_iff, mem_not in M.
      pose proof (price_next workers v W B r j (taking _ _ _ _ _ _ Cj) M) as Nx.
      pose proof (afford workers v W C positive part r j Cj).
      assert (r j <= price workers v W C r) by (apply (Qmult_le_r _ _ (worth v W (chosen workers v W C r))); [exact Some2 | lra]). lra.
  - rewrite E. apply price_next; [exact Hj |]. intros Y. apply N. now apply Longer.
Qed.

(** ** Looser caps *)

(** F-7e-CAPS
    Relaxed caps lower the selected score by less than one worker's; with somebody hired not below a share. *)
Theorem looser_caps : forall (workers : list worker) (v : worker -> Q) (W X : list worker -> list worker) (placeable loose : list worker -> bool)
  (B : Q) (cost : worker -> Q),
  NoDup workers -> (forall k, In k workers -> 0 < v k) -> exact_oracle v placeable W -> exact_oracle v loose X -> downward_closed loose ->
  (forall S, placeable S = true -> loose S = true) -> 0 <= B -> (forall k, In k workers -> 0 <= cost k) ->
  forall vmin vmax : Q, 0 < vmin <= vmax -> (forall k, In k workers -> vmin <= v k <= vmax) ->
  let H := hired workers v W B (ratio v cost) in
  let H2 := hired workers v X B (ratio v cost) in
  total v H - vmax < total v H2
  /\ (first_affordable workers loose (ratio v cost) cost B -> vmin * total v H <= (vmin + vmax) * total v H2).
Proof.
  intros workers v W X placeable loose B cost distinct positive oracle oracle2 closed looser budget costs vmin vmax Low Range H H2.
  set (r := ratio v cost) in *. pose proof (included _ _ _ oracle) as part. pose proof (included _ _ _ oracle2) as part2.
  assert (bids : forall k, In k workers -> cost k == r k * v k).
  { intros k Hk. pose proof (positive k Hk). unfold r, ratio. field. lra. }
  assert (D : NoDup (chosen workers v W B r)) by (unfold chosen; now apply NoDup_filter).
  assert (D2 : NoDup (chosen workers v X B r)) by (unfold chosen; now apply NoDup_filter).
  assert (DH : NoDup H) by now apply (no_duplicates _ _ _ oracle).
  assert (PH : loose H = true) by (apply looser; now apply (feasible_hiring _ _ _ oracle)).
  assert (IH : incl H workers) by (intros k Hk; exact (taking workers v W B r k (hired_chosen workers v W B part r k Hk))).
  pose proof (chosen_nonneg workers v W B positive part r) as N. pose proof (chosen_nonneg workers v X B positive part2 r) as N2.
  unfold worth in N, N2. change (W (chosen workers v W B r)) with H in N. change (X (chosen workers v X B r)) with H2 in N2.
  assert (Fall : total v H - vmax < total v H2).
  { destruct (filter (fun k => negb (mem k (chosen workers v X B r))) (chosen workers v W B r)) as [| j rest] eqn:F.
    - assert (total v H <= total v H2); [| lra].
      apply (best_hiring _ _ _ oracle2); auto. intros k Hk. apply part in Hk.
      destruct (in_dec Nat.eq_dec k (chosen workers v X B r)) as [| M]; [assumption | exfalso]. apply mem_not in M.
      assert (Y : In k (filter (fun k => negb (mem k (chosen workers v X B r))) (chosen workers v W B r))) by (apply filter_In; rewrite M; auto).
      rewrite F in Y. destruct Y.
    - assert (Y : In j (filter (fun k => negb (mem k (chosen workers v X B r))) (chosen workers v W B r))) by (rewrite F; now left).
      apply filter_In in Y. destruct Y as [Cj M]. rewrite negb_true_iff, mem_not in M. pose proof (taking _ _ _ _ _ _ Cj) as Hj.
      destruct (next_worker workers v X B loose cost r distinct positive oracle2 closed budget costs bids j Hj M) as [next [Hn [_ [Dear [Fails R]]]]].
      pose proof (Dear j Hj M). pose proof (afford workers v W B positive part r j Cj) as A.
      unfold worth in A, Fails. change (W (chosen workers v W B r)) with H in A. change (X (chosen workers v X B r)) with H2 in Fails.
      assert (0 <= (r j - r next) * total v H) by (apply Qmult_le_0_compat; lra).
      assert (L : r next * total v H < r next * (total v H2 + v next)) by lra.
      apply Qmult_lt_l in L; [| exact R]. destruct (Range next Hn). lra. }
  split; [exact Fall |]. intros Aff.
  destruct (at_least_one workers v X B loose cost r distinct positive oracle2 closed costs bids H vmin) as [Z | L]; auto.
  - intros k Hk. now apply Range.
  - rewrite Z. cbn. assert (0 <= (vmin + vmax) * total v H2) by (apply Qmult_le_0_compat; lra). lra.
  - unfold worth in L. change (X (chosen workers v X B r)) with H2 in L.
    assert (vmin * (total v H - vmax) <= vmin * total v H2) by (apply Qmult_le_l; lra).
    assert (0 <= vmax * (total v H2 - vmin)) by (apply Qmult_le_0_compat; lra). lra.
Qed.
