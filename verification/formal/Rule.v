(** DriftPay-CO and Theorem 6.1: truthful, individually rational, within the budget.

    [workers] is any list of those who take part, [W] any function that hires part of a set of them: nothing here knows that it is an optimum, or that
    its value grows with the set. Sets are filters of [workers], so equal sets are equal lists and [W] is a function of the set alone. *)

From Fedmech Require Export Basics.

(** ** Definitions *)

(** The order of the ratios; ties go to the lower index. *)
Definition before (r : worker -> Q) (j k : worker) : bool := less (r j) (r k) || (same (r j) (r k) && (j <? k)%nat).

(** Weakly before. *)
Definition upto (r : worker -> Q) (k j : worker) : bool := (j =? k)%nat || before r j k.

Section Rule.
  Variables (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q).

  (** What is hired from a set is worth. *)
  Definition worth (S : list worker) : Q := total v (W S).

  (** The workers up to [k] in the order of the ratios [r]. *)
  Definition prefix (r : worker -> Q) (k : worker) : list worker := filter (upto r k) workers.

  (** The affordability test of the prefix that ends at [k]. *)
  Definition passes (r : worker -> Q) (k : worker) : bool := leq (r k * worth (prefix r k)) B.

  (** The longest prefix that passes: all who are weakly before somebody whose prefix passes. *)
  Definition chosen (r : worker -> Q) : list worker :=
    filter (fun j => existsb (fun k => passes r k && upto r k j) workers) workers.

  Definition hired (r : worker -> Q) : list worker := W (chosen r).

  Definition outside (r : worker -> Q) : list worker := filter (fun k => negb (mem k (chosen r))) workers.

  (** The critical price: the budget per score, or the next ratio if that is lower. *)
  Definition price (r : worker -> Q) : Q :=
    fold_right (fun x y => if leq x y then x else y) (B / worth (chosen r)) (map r (outside r)).

  Definition paid (r : worker -> Q) (k : worker) : Q := if mem k (hired r) then v k * price r else 0.

  (** What [i], of cost [c], ends with. *)
  Definition payoff (c : Q) (r : worker -> Q) (i : worker) : Q := if mem i (hired r) then paid r i - c else 0.

End Rule.

(** Bids as ratios. *)
Definition ratio (v b : worker -> Q) (k : worker) : Q := b k / v k.

(** ** Orders *)

Lemma before_spec r j k : before r j k = true <-> r j < r k \/ (r j == r k /\ (j < k)%nat).
Proof. unfold before. rewrite orb_true_iff, andb_true_iff, less_spec, same_spec, Nat.ltb_lt. reflexivity. Qed.

Lemma before_order r : strict_order (before r).
Proof.
  repeat split.
  - intros j. destruct (before r j j) eqn:E; [| reflexivity]. apply before_spec in E. destruct E as [E | [_ E]]; [lra | lia].
  - intros j k l A C. apply before_spec in A, C. apply before_spec.
    destruct A as [A | [A A']], C as [C | [C C']]; try (left; lra). right. split; [lra | lia].
  - intros j k. destruct (Nat.eq_dec j k) as [| N]; [now left |]. right. rewrite !before_spec.
    destruct (Q_dec (r j) (r k)) as [[L | L] | E]; [auto | auto |].
    assert (H : (j < k \/ k < j)%nat) by lia. destruct H; [left | right]; right; (split; [lra | lia]).
Qed.

Lemma upto_spec r k j : upto r k j = true <-> j = k \/ before r j k = true.
Proof. unfold upto. rewrite orb_true_iff, Nat.eqb_eq. reflexivity. Qed.

Lemma before_same r r' j k : r j == r' j -> r k == r' k -> before r j k = before r' j k.
Proof.
  intros Hj Hk. destruct (before r j k) eqn:E, (before r' j k) eqn:E'; try reflexivity.
  - apply before_spec in E. assert (X : before r' j k = true) by (apply before_spec; destruct E as [|[]]; [left | right]; try split; try lra; assumption). congruence.
  - apply before_spec in E'. assert (X : before r j k = true) by (apply before_spec; destruct E' as [|[]]; [left | right]; try split; try lra; assumption). congruence.
Qed.

Lemma before_weak r j k : before r j k = true -> r j <= r k.
Proof. intros H. apply before_spec in H. destruct H as [| []]; lra. Qed.

Lemma upto_weak r j k : upto r k j = true -> r j <= r k.
Proof. intros H. apply upto_spec in H. destruct H as [-> | H]; [lra | now apply before_weak]. Qed.

Lemma upto_trans r j k l : upto r k j = true -> upto r l k = true -> upto r l j = true.
Proof.
  rewrite !upto_spec. intros [-> | A] [-> | C]; auto. right. destruct (before_order r) as [_ [T _]]. eauto.
Qed.

Lemma upto_not r j k : upto r k j = false <-> before r k j = true.
Proof.
  split; intros H.
  - destruct (before_order r) as [_ [_ C]]. destruct (C j k) as [-> | [A | A]]; [| | exact A].
    + unfold upto in H. rewrite Nat.eqb_refl in H. discriminate.
    + unfold upto in H. rewrite A, orb_true_r in H. discriminate.
  - destruct (upto r k j) eqn:E; [| reflexivity]. apply upto_spec in E. destruct E as [-> | E].
    + destruct (before_order r) as [I _]. congruence.
    + rewrite (ahead_not _ _ _ (before_order r) H) in E. discriminate.
Qed.

(** ** What one profile of bids leads to *)

Section Outcome.
  Variables (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q).
  Hypothesis positive : forall k, In k workers -> 0 < v k.
  Hypothesis part : forall S k, In k (W S) -> In k S.

  Notation prefix := (prefix workers).
  Notation passes := (passes workers v W B).
  Notation chosen := (chosen workers v W B).
  Notation hired := (hired workers v W B).
  Notation outside := (outside workers v W B).
  Notation price := (price workers v W B).
  Notation worth := (worth v W).

  Lemma prefix_In r k j : In j (prefix r k) <-> In j workers /\ upto r k j = true.
  Proof. apply filter_In. Qed.

  Lemma chosen_In r j : In j (chosen r) <-> In j workers /\ exists k, In k workers /\ passes r k = true /\ upto r k j = true.
  Proof.
    unfold Rule.chosen. rewrite filter_In, existsb_exists. split; intros [H [k [Hk E]]]; split; auto; exists k.
    - apply andb_true_iff in E. tauto.
    - split; [exact Hk | now apply andb_true_iff].
  Qed.

  Lemma outside_In r j : In j (outside r) <-> In j workers /\ ~ In j (chosen r).
  Proof. unfold Rule.outside. rewrite filter_In, negb_true_iff, mem_not. reflexivity. Qed.

  Lemma taking r k : In k (chosen r) -> In k workers.
  Proof. rewrite chosen_In. tauto. Qed.

  (** Who is outside the chosen prefix comes after it. *)
  Lemma segment r j k : In k (chosen r) -> In j workers -> ~ In j (chosen r) -> before r k j = true.
  Proof.
    intros Hk Hj N. apply upto_not. destruct (upto r k j) eqn:E; [exfalso; apply N | reflexivity].
    apply chosen_In in Hk. destruct Hk as [_ [l [Hl [P U]]]]. apply chosen_In. split; [exact Hj |].
    exists l. repeat split; auto. eapply upto_trans; eauto.
  Qed.

  Lemma passing_inside r k : In k workers -> passes r k = true -> In k (chosen r).
  Proof. intros Hk P. apply chosen_In. split; [exact Hk |]. exists k. repeat split; auto. apply upto_spec. now left. Qed.

  Lemma worth_nonneg S : (forall k, In k S -> In k workers) -> 0 <= worth S.
  Proof. intros H. apply total_nonneg. intros k Hk. apply Qlt_le_weak, positive, H. now apply part. Qed.

  Lemma chosen_nonneg r : 0 <= worth (chosen r).
  Proof. apply worth_nonneg. intros k. apply taking. Qed.

  (** The chosen prefix ends at the last worker whose prefix passes. *)
  Lemma whole r j : In j (chosen r) -> exists q, In q workers /\ passes r q = true /\ chosen r = prefix r q.
  Proof.
    intros Hj. apply chosen_In in Hj. destruct Hj as [Hj [k [Hk [P U]]]].
    assert (Hf : In k (filter (passes r) workers)) by (apply filter_In; auto).
    destruct (last_of _ _ _ (before_order r) Hf) as [q [Hq L]].
    apply filter_In in Hq. destruct Hq as [Hq Pq]. exists q. repeat split; auto.
    apply same_members. intros l Hl. fold (chosen r) (prefix r q). rewrite chosen_In, prefix_In.
    split.
    - intros [_ [m [Hm [Pm Um]]]]. split; auto. eapply upto_trans; [exact Um |]. apply upto_spec. apply L. apply filter_In; auto.
    - intros [_ Ul]. split; auto. exists q. auto.
  Qed.

  (** The chosen prefix passes the test at each of its ratios. *)
  Lemma afford r k : In k (chosen r) -> r k * worth (chosen r) <= B.
  Proof.
    intros Hk. destruct (whole r k Hk) as [q [Hq [P E]]].
    assert (U : upto r q k = true) by (rewrite E in Hk; now apply prefix_In in Hk).
    apply leq_spec in P. rewrite <- E in P. apply upto_weak in U. pose proof (chosen_nonneg r). nra.
  Qed.

  Lemma price_bounds (r : worker -> Q) (m : Q) (l : list worker) :
    let p := fold_right (fun x y => if leq x y then x else y) m (map r l) in
    p <= m /\ (forall j, In j l -> p <= r j) /\ (p == m \/ exists j, In j l /\ p == r j).
  Proof.
    induction l as [| a l IH]; cbn.
    - repeat split; [lra | intros j [] | left; lra].
    - destruct IH as [M [R E]]. cbv zeta in *.
      match goal with |- context [leq (r a) ?p] => destruct (leq (r a) p) eqn:L end.
      + apply leq_spec in L. repeat split; [lra | intros j [<- | Hj]; [lra | specialize (R j Hj); lra] |].
        right. exists a. split; [now left | lra].
      + apply leq_not in L. repeat split; [lra | intros j [<- | Hj]; [lra | auto] |].
        destruct E as [E | [j [Hj E]]]; [now left | right; exists j; split; [now right | exact E]].
  Qed.

  Lemma price_within r : 0 < worth (chosen r) -> price r * worth (chosen r) <= B.
  Proof.
    intros Hw. destruct (price_bounds r (B / worth (chosen r)) (outside r)) as [M _].
    fold (price r) in M. unfold Rule.price in *.
    apply Qle_trans with ((B / worth (chosen r)) * worth (chosen r)); [apply Qmult_le_compat_r; [exact M | lra] |].
    apply Qle_lteq. right. field. lra.
  Qed.

  Lemma price_next r j : In j workers -> ~ In j (chosen r) -> price r <= r j.
  Proof.
    intros Hj N. destruct (price_bounds r (B / worth (chosen r)) (outside r)) as [_ [R _]].
    apply R, outside_In. auto.
  Qed.

  Lemma price_is r : 0 < worth (chosen r) ->
    price r * worth (chosen r) == B \/ exists j, In j workers /\ ~ In j (chosen r) /\ price r == r j.
  Proof.
    intros Hw. destruct (price_bounds r (B / worth (chosen r)) (outside r)) as [_ [_ [E | [j [Hj E]]]]].
    - left. unfold Rule.price. rewrite E. field. lra.
    - right. exists j. apply outside_In in Hj. tauto.
  Qed.

  Lemma hired_chosen r k : In k (hired r) -> In k (chosen r).
  Proof. apply part. Qed.

  Lemma hired_worth r k : In k (hired r) -> v k <= worth (chosen r) /\ 0 < v k.
  Proof.
    intros H. split.
    - apply total_member; [| exact H]. intros j Hj. apply Qlt_le_weak, positive, (taking r). now apply part.
    - apply positive, (taking r). now apply part.
  Qed.

  (** A winner's ratio is at most the price. *)
  Lemma rational r k : In k (hired r) -> r k <= price r.
  Proof.
    intros H. pose proof (hired_worth r k H) as [L P]. pose proof (hired_chosen r k H) as C.
    destruct (price_is r) as [E | [j [Hj [N E]]]]; [lra | |].
    - pose proof (afford r k C). assert (0 < worth (chosen r)) by lra. nra.
    - pose proof (before_weak _ _ _ (segment r j k C Hj N)). lra.
  Qed.

  (** *** From "i wins at one bid" to "below that price it wins at the same price" *)

  Lemma all_same r r' : (forall k, In k workers -> r k == r' k) -> chosen r = chosen r' /\ price r == price r'.
  Proof.
    intros H.
    assert (Pre : forall k, In k workers -> prefix r k = prefix r' k).
    { intros k Hk. apply filter_same. intros j Hj. unfold upto. now rewrite (before_same r r') by auto. }
    assert (Pass : forall k, In k workers -> passes r k = passes r' k).
    { intros k Hk. unfold Rule.passes. rewrite Pre by exact Hk. specialize (H k Hk). unfold leq.
      destruct (Qle_bool (r k * worth (prefix r' k)) B) eqn:E, (Qle_bool (r' k * worth (prefix r' k)) B) eqn:E'; try reflexivity.
      - apply Qle_bool_iff in E. apply leq_not in E'. rewrite H in E. lra.
      - apply Qle_bool_iff in E'. apply leq_not in E. rewrite H in E. lra. }
    assert (C : chosen r = chosen r').
    { apply same_members. intros j Hj. fold (chosen r) (chosen r'). rewrite !chosen_In.
      split; intros [_ [k [Hk [P U]]]]; split; auto; exists k; (split; [exact Hk |]);
        (split; [now rewrite Pass in * |]); apply upto_spec; apply upto_spec in U;
        destruct U as [U | U]; auto; right; now rewrite (before_same r r') in * by auto. }
    split; [exact C |]. unfold Rule.price, Rule.outside. rewrite C.
    assert (I : forall j, In j (filter (fun k => negb (mem k (chosen r'))) workers) -> In j workers) by (intros j; rewrite filter_In; tauto).
    induction (filter (fun k => negb (mem k (chosen r'))) workers) as [| a l IH]; cbn; [reflexivity |].
    assert (IH' := IH (fun j Hj => I j (or_intror Hj))). pose proof (H a (I a (or_introl eq_refl))) as E.
    set (x := fold_right _ _ (map r l)) in *. set (y := fold_right _ _ (map r' l)) in *.
    destruct (leq (r a) x) eqn:L, (leq (r' a) y) eqn:L'; try assumption.
    - apply leq_spec in L. apply leq_not in L'. lra.
    - apply leq_not in L. apply leq_spec in L'. lra.
  Qed.

  Lemma moved r r' i : (forall k, In k workers -> k <> i -> r k == r' k) -> In i workers ->
    In i (hired r') -> r i < price r' -> chosen r = chosen r' /\ price r == price r'.
  Proof.
    intros Others Hi Win Below.
    pose proof (hired_worth r' i Win) as [L P]. pose proof (hired_chosen r' i Win) as Ci.
    assert (Hw : 0 < worth (chosen r')) by lra.
    assert (Ahead : forall j, In j workers -> ~ In j (chosen r') -> j <> i /\ before r i j = true).
    { intros j Hj N. assert (D : j <> i) by (intros ->; contradiction). split; [exact D |].
      apply before_spec. left. pose proof (price_next r' j Hj N). rewrite (Others j Hj D). lra. }
    assert (Unmoved : forall j k, In j workers -> In k workers -> j <> i -> k <> i -> before r j k = before r' j k).
    { intros. apply before_same; auto. }
    (* prefixes that end beyond hold the same workers, and fail as before *)
    assert (Beyond : forall j, In j workers -> ~ In j (chosen r') -> prefix r j = prefix r' j).
    { intros j Hj N. destruct (Ahead j Hj N) as [D A]. apply filter_same. intros k Hk. unfold upto.
      destruct (Nat.eqb_spec k j) as [| K]; [reflexivity |]. cbn. destruct (Nat.eq_dec k i) as [-> | Ki].
      - rewrite A. symmetry. now apply segment.
      - now apply Unmoved. }
    assert (Fails : forall j, In j workers -> ~ In j (chosen r') -> passes r j = false).
    { intros j Hj N. destruct (passes r j) eqn:E; [exfalso; apply N | reflexivity]. apply passing_inside; [exact Hj |].
      unfold Rule.passes in *. rewrite (Beyond j Hj N) in E. apply leq_spec in E. apply leq_spec.
      destruct (Ahead j Hj N) as [D _]. rewrite <- (Others j Hj D). exact E. }
    assert (NoLonger : forall j, In j (chosen r) -> In j (chosen r')).
    { intros j Hj. apply chosen_In in Hj. destruct Hj as [Hj [k [Hk [Pk U]]]].
      destruct (in_dec Nat.eq_dec j (chosen r')) as [| N]; [assumption | exfalso].
      destruct (in_dec Nat.eq_dec k (chosen r')) as [Ck | Nk]; [| rewrite Fails in Pk by auto; discriminate].
      destruct (Ahead j Hj N) as [D A]. assert (T : before r k j = true).
      { destruct (Nat.eq_dec k i) as [-> | Ki]; [exact A |]. rewrite Unmoved by auto. now apply segment. }
      apply upto_not in T. congruence. }
    destruct (last_of _ _ _ (before_order r) Ci) as [l [Cl Last]]. pose proof (taking r' l Cl) as Hl.
    assert (Ends : prefix r l = chosen r').
    { apply same_members. intros j Hj. fold (prefix r l) (chosen r'). rewrite prefix_In. split.
      - intros [_ U]. destruct (in_dec Nat.eq_dec j (chosen r')) as [| N]; [assumption | exfalso].
        destruct (Ahead j Hj N) as [D A]. assert (T : before r l j = true).
        { destruct (Nat.eq_dec l i) as [-> | Li]; [exact A |]. rewrite Unmoved by auto. now apply segment. }
        apply upto_not in T. congruence.
      - intros C. split; [exact Hj |]. apply upto_spec. now apply Last. }
    assert (Passes : passes r l = true).
    { apply leq_spec. rewrite Ends. destruct (Nat.eq_dec l i) as [-> | Li].
      - pose proof (price_within r' Hw). nra.
      - pose proof (afford r' l Cl). rewrite (Others l Hl Li). assumption. }
    assert (C : chosen r = chosen r').
    { apply same_members. intros j Hj. fold (chosen r) (chosen r'). split; [apply NoLonger |].
      intros Cj. apply chosen_In. split; [exact Hj |]. exists l. repeat split; auto. apply upto_spec. now apply Last. }
    split; [exact C |].
    assert (Out : forall j, In j workers -> ~ In j (chosen r') -> r j == r' j) by (intros j Hj N; apply Others; [exact Hj | apply (Ahead j Hj N)]).
    assert (Le : price r <= price r').
    { destruct (price_is r' Hw) as [E | [j [Hj [N E]]]].
      - assert (Hw' : 0 < worth (chosen r)) by now rewrite C. pose proof (price_within r Hw'). rewrite C in *. nra.
      - assert (price r <= r j) by (apply price_next; [exact Hj | now rewrite C]). rewrite (Out j Hj N) in *. lra. }
    assert (Ge : price r' <= price r).
    { assert (Hw' : 0 < worth (chosen r)) by now rewrite C.
      destruct (price_is r Hw') as [E | [j [Hj [N E]]]].
      - pose proof (price_within r' Hw). rewrite C in *. nra.
      - rewrite C in N. pose proof (price_next r' j Hj N). rewrite (Out j Hj N) in *. lra. }
    lra.
  Qed.

  Lemma wins_alike r r' i : (forall k, In k workers -> k <> i -> r k == r' k) ->
    In i (hired r') -> r i < price r' -> In i (hired r) /\ price r == price r'.
  Proof.
    intros Others Win Below. assert (Hi : In i workers) by (apply (taking r'); now apply part).
    destruct (moved r r' i Others Hi Win Below) as [C E]. split; [| exact E]. unfold Rule.hired. now rewrite C.
  Qed.

  Lemma total_paid r (S : list worker) : (forall k, In k S -> mem k (hired r) = true) ->
    total (paid workers v W B r) S == price r * total v S.
  Proof.
    intros H. rewrite <- total_scale. apply total_eq. intros k Hk. unfold paid. rewrite (H k Hk). ring.
  Qed.

  Lemma spent_within r : 0 <= B -> total (paid workers v W B r) (hired r) <= B.
  Proof.
    intros HB. rewrite total_paid by (intros k; now rewrite mem_In).
    destruct (hired r) as [| a l] eqn:E; [cbn; lra |].
    assert (Hw : 0 < worth (chosen r)). { destruct (hired_worth r a) as [L P]; [rewrite E; now left | lra]. }
    pose proof (price_within r Hw) as H. unfold Rule.worth in H. fold (hired r) in H. rewrite E in H. exact H.
  Qed.
End Outcome.

(** ** Theorem 6.1 *)

Section Theorem61.
  Variables (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q).
  Hypothesis positive : forall k, In k workers -> 0 < v k.
  Hypothesis part : forall S k, In k (W S) -> In k S.

  Lemma ratio_bid b k : In k workers -> v k * ratio v b k == b k.
  Proof. intros H. pose proof (positive k H). unfold ratio. field. lra. Qed.

  Lemma ratio_same b b' k : b k == b' k -> ratio v b k == ratio v b' k.
  Proof. intros H. unfold ratio. now rewrite H. Qed.

  (** D-6.1-DSIC D-8-NOISE-DSIC D-6.1-TIES
      Nobody gains by a bid that is not its cost, whatever the others bid. [v] are any positive weights that do not depend on bids, estimates included. *)
  Theorem truthful : forall (b b' : worker -> Q) (i : worker),
    (forall k, In k workers -> k <> i -> b k == b' k) ->
    payoff workers v W B (b i) (ratio v b') i <= payoff workers v W B (b i) (ratio v b) i.
  Proof.
    intros b b' i Others. unfold payoff, paid.
    assert (Never : 0 <= (if mem i (hired workers v W B (ratio v b)) then v i * price workers v W B (ratio v b) - b i else 0)).
    { destruct (mem i (hired workers v W B (ratio v b))) eqn:E; [| lra]. apply mem_In in E.
      pose proof (rational workers v W B positive part _ _ E).
      assert (Hi : In i workers) by (eapply taking; eapply hired_chosen; eauto).
      pose proof (ratio_bid b i Hi). pose proof (positive i Hi). nra. }
    destruct (mem i (hired workers v W B (ratio v b'))) eqn:E'; cycle 1.
    { destruct (mem i (hired workers v W B (ratio v b))); exact Never. }
    apply mem_In in E'.
    assert (Hi : In i workers) by (eapply taking; eapply hired_chosen; eauto).
    pose proof (ratio_bid b i Hi) as R. pose proof (positive i Hi) as P.
    destruct (Qlt_le_dec (ratio v b i) (price workers v W B (ratio v b'))) as [L | L].
    - destruct (wins_alike workers v W B positive part (ratio v b) (ratio v b') i) as [Win Same]; auto.
      { intros k Hk D. apply ratio_same. auto. }
      apply mem_In in Win. rewrite Win in *. rewrite Same. lra.
    - assert (v i * price workers v W B (ratio v b') - b i <= 0) by nra.
      destruct (mem i (hired workers v W B (ratio v b))); lra.
  Qed.

  (** D-6.1-IR
      A winner is paid at least its bid. *)
  Theorem individually_rational : forall (b : worker -> Q) (k : worker),
    In k (hired workers v W B (ratio v b)) -> b k <= paid workers v W B (ratio v b) k.
  Proof.
    intros b k H. unfold paid. pose proof H as M. apply mem_In in M. rewrite M.
    pose proof (rational workers v W B positive part _ _ H).
    assert (Hk : In k workers) by (eapply taking; eapply hired_chosen; eauto).
    pose proof (ratio_bid b k Hk). pose proof (positive k Hk). nra.
  Qed.

  (** D-6.1-BF
      Payments add up to at most the budget. *)
  Theorem budget_feasible : forall (b : worker -> Q), 0 <= B ->
    total (paid workers v W B (ratio v b)) (hired workers v W B (ratio v b)) <= B.
  Proof. intros. now apply spent_within. Qed.

  (** D-6.1-CRITICAL D-6.1-STEP1
      A winner at the price p wins at every bid below v p, and loses at every bid above it. *)
  Theorem critical_bid : forall (b b' : worker -> Q) (i : worker),
    (forall k, In k workers -> k <> i -> b k == b' k) -> In i (hired workers v W B (ratio v b')) ->
    let critical := v i * price workers v W B (ratio v b') in
    (b i < critical -> In i (hired workers v W B (ratio v b))) /\ (critical < b i -> ~ In i (hired workers v W B (ratio v b))).
  Proof.
    intros b b' i Others Win critical.
    assert (Hi : In i workers) by (eapply taking; eapply hired_chosen; eauto).
    pose proof (ratio_bid b i Hi) as R. pose proof (positive i Hi) as P.
    assert (Alike : forall k, In k workers -> k <> i -> ratio v b k == ratio v b' k) by (intros k Hk D; apply ratio_same; auto).
    split; unfold critical; intros L.
    - assert (L' : ratio v b i < price workers v W B (ratio v b')) by (apply (Qmult_lt_l _ _ (v i)); [exact P | lra]).
      now destruct (wins_alike workers v W B positive part (ratio v b) (ratio v b') i Alike Win L').
    - intros Win'. assert (L' : price workers v W B (ratio v b') < ratio v b i) by (apply (Qmult_lt_l _ _ (v i)); [exact P | lra]).
      pose proof (rational workers v W B positive part _ _ Win) as Old. pose proof (rational workers v W B positive part _ _ Win') as New.
      assert (Back : ratio v b' i < price workers v W B (ratio v b)) by lra.
      destruct (wins_alike workers v W B positive part (ratio v b') (ratio v b) i) as [_ Same]; auto; [| lra].
      intros k Hk D. symmetry. now apply Alike.
  Qed.
End Theorem61.

(** F-6.1-ORACLE
    All three for every rule that hires part of a set without looking at bids, an approximate oracle included. *)
Theorem any_oracle : forall (workers : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q),
  (forall k, In k workers -> 0 < v k) -> (forall S k, In k (W S) -> In k S) -> 0 <= B ->
  forall (b : worker -> Q),
  (forall (b' : worker -> Q) (i : worker), (forall k, In k workers -> k <> i -> b k == b' k) ->
    payoff workers v W B (b i) (ratio v b') i <= payoff workers v W B (b i) (ratio v b) i)
  /\ (forall k, In k (hired workers v W B (ratio v b)) -> b k <= paid workers v W B (ratio v b) k)
  /\ total (paid workers v W B (ratio v b)) (hired workers v W B (ratio v b)) <= B.
Proof.
  intros workers v W B positive part HB b. split; [| split].
  - intros. now apply truthful.
  - intros. now apply individually_rational.
  - now apply budget_feasible.
Qed.

(** D-8-LCB
    Weights that may be 0 or less: who has one takes no part, which no bid changes. *)
Theorem lower_bounds_truthful : forall (everybody : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q),
  (forall S k, In k (W S) -> In k S) ->
  forall (b b' : worker -> Q) (i : worker),
  (forall k, In k everybody -> k <> i -> b k == b' k) ->
  let workers := filter (fun k => less 0 (v k)) everybody in
  payoff workers v W B (b i) (ratio v b') i <= payoff workers v W B (b i) (ratio v b) i.
Proof.
  intros everybody v W B part b b' i Others workers. apply truthful; auto.
  - intros k Hk. apply filter_In in Hk. now apply less_spec.
  - intros k Hk D. apply Others; [| exact D]. now apply filter_In in Hk.
Qed.
