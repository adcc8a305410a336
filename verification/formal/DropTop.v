(** Rules that leave workers out before DriftPay-CO runs: those who bid above the budget; and drop-top, the best worker too. *)

From Fedmech Require Export Ratios.

(** What a rule leaves [i], of cost [c]. *)
Definition leaves (hired : list worker) (paid : worker -> Q) (c : Q) (i : worker) : Q := if mem i hired then paid i - c else 0.

Section Common.
  Variables (v : worker -> Q) (W : list worker -> list worker) (B : Q).
  Hypothesis part : forall S k, In k (W S) -> In k S.
  Hypothesis budget : 0 <= B.

  (** No winner is paid more than the budget. *)
  Lemma paid_within workers r i : (forall k, In k workers -> 0 < v k) ->
    In i (hired workers v W B r) -> paid workers v W B r i <= B.
  Proof.
    intros positive Hi. unfold paid. pose proof Hi as M. apply mem_In in M. rewrite M.
    destruct (hired_worth workers v W B positive part r i Hi) as [L P].
    assert (Hw : 0 < worth v W (chosen workers v W B r)) by lra.
    pose proof (price_within workers v W B r Hw).
    set (p := price workers v W B r) in *. set (m := worth v W (chosen workers v W B r)) in *.
    destruct (Qlt_le_dec p 0) as [N | N].
    - assert (0 <= v i * - p) by (apply Qmult_le_0_compat; lra). lra.
    - assert (0 <= (m - v i) * p) by (apply Qmult_le_0_compat; lra). lra.
  Qed.
End Common.

Section Drop.
  Variables (everybody : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q).

  Definition affordable (b : worker -> Q) : list worker := filter (fun k => leq (b k) B) everybody.
  Definition drop_hired (b : worker -> Q) : list worker := hired (affordable b) v W B (ratio v b).
  Definition drop_paid (b : worker -> Q) : worker -> Q := paid (affordable b) v W B (ratio v b).

  Hypothesis positive : forall k, In k everybody -> 0 < v k.
  Hypothesis budget : 0 <= B.

  Lemma affordable_In b k : In k (affordable b) <-> In k everybody /\ b k <= B.
  Proof. unfold affordable. now rewrite filter_In, leq_spec. Qed.

  Let positive' b k (Hk : In k (affordable b)) : 0 < v k.
  Proof. apply positive. now apply affordable_In in Hk. Qed.

  Variable placeable : list worker -> bool.
  Hypothesis distinct : NoDup everybody.
  Hypothesis oracle : exact_oracle v placeable W.
  Hypothesis closed : downward_closed placeable.
  Let part := included _ _ _ oracle.

  (** F-6.2-DROP
      Bids above the budget dropped: truthful, rational, within the budget, and Theorem 6.2 with no assumption on costs. *)
  Theorem dropping : forall b : worker -> Q,
    (forall (b' : worker -> Q) (i : worker), In i everybody -> (forall k, In k everybody -> k <> i -> b k == b' k) ->
       leaves (drop_hired b') (drop_paid b') (b i) i <= leaves (drop_hired b) (drop_paid b) (b i) i)
    /\ (forall k, In k (drop_hired b) -> b k <= drop_paid b k)
    /\ total (drop_paid b) (drop_hired b) <= B
    /\ ((forall k, In k everybody -> 0 <= b k) ->
        forall vmin vmax : Q, 0 < vmin <= vmax -> (forall k, In k everybody -> vmin <= v k <= vmax) ->
        forall O, feasible everybody B placeable b O ->
        vmin * total v O <= (2 * vmin + vmax) * total v (drop_hired b)
        /\ (total v (drop_hired b) < total v O -> vmin * total v O < (2 * vmin + vmax) * total v (drop_hired b))).
  Proof.
    intros b. assert (IR : forall k, In k (drop_hired b) -> b k <= drop_paid b k).
    { intros k Hk. exact (individually_rational (affordable b) v W B (positive' b) part b k Hk). }
    split; [| split; [exact IR | split]].
    - intros b' i Hi Others. assert (Never : 0 <= leaves (drop_hired b) (drop_paid b) (b i) i).
      { unfold leaves. destruct (mem i (drop_hired b)) eqn:E; [| lra]. apply mem_In in E. pose proof (IR i E). lra. }
      destruct (mem i (drop_hired b')) eqn:E; [| unfold leaves at 1; rewrite E; exact Never].
      pose proof E as E'. apply mem_In in E'.
      destruct (Qlt_le_dec B (b i)) as [L | L].
      + pose proof (paid_within v W B part budget _ _ i (positive' b') E'). unfold leaves at 1. rewrite E.
        unfold drop_paid at 1. lra.
      + assert (Hp : In i (affordable b')) by (eapply taking; eapply hired_chosen; eauto).
        assert (Pool : affordable b' = affordable b).
        { apply same_members. intros k Hk. fold (affordable b) (affordable b'). rewrite !affordable_In.
          destruct (Nat.eq_dec k i) as [-> | D].
          - apply affordable_In in Hp. tauto.
          - pose proof (Others k Hk D). split; intros [_ X]; split; auto; lra. }
        unfold leaves, drop_paid, drop_hired. rewrite Pool. apply (truthful (affordable b) v W B (positive' b) part).
        intros k Hk D. apply Others; [| exact D]. now apply affordable_In in Hk.
    - exact (budget_feasible (affordable b) v W B (positive' b) part b budget).
    - intros costs vmin vmax Range0 Range O [D [I [P S]]].
      assert (J : incl O (affordable b)).
      { intros k Hk. apply affordable_In. split; [auto |]. apply Qle_trans with (total b O); [| exact S].
        apply total_member; auto. }
      apply (ratio_bound (affordable b) v W B placeable b); try assumption.
      + unfold affordable. now apply NoDup_filter.
      + apply positive'.
      + intros k Hk. apply costs. now apply affordable_In in Hk.
      + intros k Hk. apply Range. now apply affordable_In in Hk.
      + intros h Hh _ _. now apply affordable_In in Hh.
      + repeat split; auto.
  Qed.
End Drop.

Section DropTop.
  Variables (everybody : list worker) (v : worker -> Q) (W : list worker -> list worker) (B : Q) (placeable : list worker -> bool).

  (** Those who can be placed and bid at most the budget. *)
  Definition contenders (b : worker -> Q) : list worker := filter (fun k => placeable [k] && leq (b k) B) everybody.

  (** The highest score; ties go to the lower index. *)
  Definition better (j k : worker) : bool := less (v k) (v j) || (same (v j) (v k) && (j <? k)%nat).
  Definition star (b : worker -> Q) : option worker := least better (contenders b).
  Definition rest (b : worker -> Q) (s : worker) : list worker := filter (fun k => negb (k =? s)%nat) (contenders b).

  (** The worker set aside is hired alone if it is worth what the rest are. *)
  Definition alone (b : worker -> Q) (s : worker) : bool := leq (worth v W (chosen (rest b s) v W B (ratio v b))) (v s).
  Definition top_hired (b : worker -> Q) : list worker :=
    match star b with
    | None => []
    | Some s => if alone b s then [s] else hired (rest b s) v W B (ratio v b)
    end.
  Definition top_paid (b : worker -> Q) (k : worker) : Q :=
    match star b with
    | None => 0
    | Some s => if alone b s then (if (k =? s)%nat then B else 0) else paid (rest b s) v W B (ratio v b) k
    end.

  Hypothesis distinct : NoDup everybody.
  Hypothesis positive : forall k, In k everybody -> 0 < v k.
  Hypothesis oracle : exact_oracle v placeable W.
  Hypothesis closed : downward_closed placeable.
  Hypothesis budget : 0 <= B.
  Let part := included _ _ _ oracle.

  Lemma contenders_In b k : In k (contenders b) <-> In k everybody /\ placeable [k] = true /\ b k <= B.
  Proof. unfold contenders. rewrite filter_In, andb_true_iff, leq_spec. reflexivity. Qed.

  Lemma rest_In b s k : In k (rest b s) <-> In k (contenders b) /\ k <> s.
  Proof. unfold rest. rewrite filter_In, negb_true_iff, Nat.eqb_neq. reflexivity. Qed.

  Lemma better_order : strict_order better.
  Proof.
    assert (E : forall j k, better j k = before (fun k => - v k) j k).
    { intros j k. unfold better, before. f_equal.
      - destruct (less (v k) (v j)) eqn:E, (less (- v j) (- v k)) eqn:E'; try reflexivity.
        + apply less_spec in E. unfold less in E'. apply negb_false_iff, leq_spec in E'. lra.
        + apply less_spec in E'. unfold less in E. apply negb_false_iff, leq_spec in E. lra.
      - f_equal. destruct (same (v j) (v k)) eqn:E, (same (- v j) (- v k)) eqn:E'; try reflexivity.
        + apply same_spec in E. assert (X : same (- v j) (- v k) = true) by (apply same_spec; lra). congruence.
        + apply same_spec in E'. assert (X : same (v j) (v k) = true) by (apply same_spec; lra). congruence. }
    destruct (before_order (fun k => - v k)) as [I [T C]]. repeat split.
    - intros j. now rewrite E.
    - intros j k l. rewrite !E. apply T.
    - intros j k. rewrite !E. apply C.
  Qed.

  Lemma star_spec b s : star b = Some s -> In s (contenders b) /\ forall k, In k (contenders b) -> v k <= v s.
  Proof.
    intros H. pose proof (least_spec better (contenders b) better_order) as L. unfold star in H. rewrite H in L.
    destruct L as [Hs L]. split; [exact Hs |]. intros k Hk. destruct (L k Hk) as [-> | A]; [lra |].
    unfold better in A. apply orb_true_iff in A. destruct A as [A | A]; [apply less_spec in A; lra |].
    apply andb_true_iff in A. destruct A as [A _]. apply same_spec in A. lra.
  Qed.

  Lemma star_none b : star b = None -> contenders b = [].
  Proof. intros H. pose proof (least_spec better (contenders b) better_order) as L. unfold star in H. now rewrite H in L. Qed.

  Let positive' b s k (Hk : In k (rest b s)) : 0 < v k.
  Proof. apply positive. apply rest_In in Hk. destruct Hk as [Hk _]. now apply contenders_In in Hk. Qed.

  Lemma top_rational b k : In k (top_hired b) -> b k <= top_paid b k.
  Proof.
    unfold top_hired, top_paid. destruct (star b) as [s |] eqn:E; [| intros []].
    destruct (star_spec b s E) as [Hs _]. apply contenders_In in Hs. destruct (alone b s).
    - intros [<- | []]. rewrite Nat.eqb_refl. tauto.
    - intros Hk. exact (individually_rational (rest b s) v W B (positive' b s) part b k Hk).
  Qed.

  Lemma top_at_most b k : In k (top_hired b) -> top_paid b k <= B.
  Proof.
    unfold top_hired, top_paid. destruct (star b) as [s |] eqn:E; [| intros []].
    destruct (alone b s).
    - intros [<- | []]. rewrite Nat.eqb_refl. lra.
    - intros Hk. exact (paid_within v W B part budget (rest b s) _ k (positive' b s) Hk).
  Qed.

  Lemma top_contender b k : In k (top_hired b) -> In k (contenders b).
  Proof.
    unfold top_hired. destruct (star b) as [s |] eqn:E; [| intros []].
    destruct (star_spec b s E) as [Hs _]. destruct (alone b s).
    - intros [<- | []]. exact Hs.
    - intros Hk. assert (X : In k (rest b s)) by (eapply taking; eapply hired_chosen; eauto). now apply rest_In in X.
  Qed.

  (** D-DROPTOP
      Drop-top is truthful, rational, within the budget, and procures more than a fourth of the optimum, whatever the scores. *)
  Theorem drop_top : forall b : worker -> Q,
    (forall (b' : worker -> Q) (i : worker), In i everybody -> (forall k, In k everybody -> k <> i -> b k == b' k) ->
       leaves (top_hired b') (top_paid b') (b i) i <= leaves (top_hired b) (top_paid b) (b i) i)
    /\ (forall k, In k (top_hired b) -> b k <= top_paid b k)
    /\ total (top_paid b) (top_hired b) <= B
    /\ ((forall k, In k everybody -> 0 <= b k) -> forall A, feasible everybody B placeable b A ->
        total v A <= 4 * total v (top_hired b) /\ (0 < total v A -> total v A < 4 * total v (top_hired b))).
  Proof.
    intros b. split; [| split; [apply top_rational | split]].
    - intros b' i Hi Others. assert (Never : 0 <= leaves (top_hired b) (top_paid b) (b i) i).
      { unfold leaves. destruct (mem i (top_hired b)) eqn:E; [| lra]. apply mem_In in E. pose proof (top_rational b i E). lra. }
      destruct (mem i (top_hired b')) eqn:E; [| unfold leaves at 1; rewrite E; exact Never].
      pose proof E as E'. apply mem_In in E'. pose proof (top_at_most b' i E') as Most.
      destruct (Qlt_le_dec B (b i)) as [L | L]; [unfold leaves at 1; rewrite E; lra |].
      pose proof (top_contender b' i E') as Hc.
      assert (Pool : contenders b' = contenders b).
      { apply same_members. intros k Hk. fold (contenders b) (contenders b'). rewrite !contenders_In.
        destruct (Nat.eq_dec k i) as [-> | D].
        - apply contenders_In in Hc. tauto.
        - pose proof (Others k Hk D). split; intros [_ [X Y]]; repeat split; auto; lra. }
      assert (Star : star b' = star b) by (unfold star; now rewrite Pool).
      assert (Rest : forall s, rest b' s = rest b s) by (intros s; unfold rest; now rewrite Pool).
      assert (Alike : forall s k, In k (rest b s) -> k <> i -> ratio v b k == ratio v b' k).
      { intros s k Hk D. unfold ratio. rewrite (Others k); [reflexivity | | exact D].
        apply rest_In in Hk. destruct Hk as [Hk _]. now apply contenders_In in Hk. }
      destruct (star b) as [s |] eqn:Es; [| unfold top_hired in E'; rewrite Star in E'; destruct E'].
      destruct (Nat.eq_dec i s) as [-> | D].
      + (* the worker set aside *)
        destruct (all_same (rest b s) v W B (ratio v b) (ratio v b')) as [C _].
        { intros k Hk. apply (Alike s); [exact Hk |]. now apply rest_In in Hk. }
        assert (A : alone b' s = alone b s) by (unfold alone; now rewrite Rest, C).
        unfold top_hired in E'. rewrite Star, A in E'. destruct (alone b s) eqn:Ab.
        * unfold leaves, top_hired, top_paid. rewrite Star, Es, A, Ab. lra.
        * exfalso. rewrite Rest in E'.
          assert (X : In s (rest b s)) by (eapply taking; eapply hired_chosen; eauto). apply rest_In in X. tauto.
      + (* one of the rest *)
        unfold top_hired in E'. rewrite Star in E'. destruct (alone b' s) eqn:A'.
        { destruct E' as [X | []]. congruence. }
        rewrite Rest in E'. assert (Paid : top_paid b' i = v i * price (rest b s) v W B (ratio v b')).
        { unfold top_paid. rewrite Star, A', Rest. unfold paid. apply mem_In in E'. now rewrite E'. }
        assert (Hr : In i (rest b s)) by (eapply taking; eapply hired_chosen; eauto). pose proof (positive' b s i Hr) as P.
        assert (R : v i * ratio v b i == b i) by (unfold ratio; field; lra).
        destruct (Qlt_le_dec (ratio v b i) (price (rest b s) v W B (ratio v b'))) as [Below | Above].
        * destruct (moved (rest b s) v W B (positive' b s) part (ratio v b) (ratio v b') i) as [C Same]; auto.
          { intros k Hk N. now apply (Alike s). }
          assert (A : alone b s = false) by (unfold alone in *; rewrite Rest in A'; now rewrite C).
          assert (Win : In i (hired (rest b s) v W B (ratio v b))) by (unfold hired in *; now rewrite C).
          apply mem_In in Win. unfold leaves. rewrite E, Paid. unfold top_hired, top_paid. rewrite Es, A. rewrite Win. unfold paid. rewrite Win.
          rewrite Same. lra.
        * unfold leaves at 1. rewrite E, Paid. nra.
    - unfold top_hired, top_paid. destruct (star b) as [s |] eqn:E; [| exact budget]. destruct (alone b s).
      + cbn. rewrite Nat.eqb_refl. lra.
      + exact (budget_feasible (rest b s) v W B (positive' b s) part b budget).
    - intros costs A [D [I [P S]]].
      assert (J : incl A (contenders b)).
      { intros k Hk. apply contenders_In. repeat split; auto.
        - now apply (placeable_one _ A).
        - apply Qle_trans with (total b A); [| exact S]. apply total_member; auto. }
      unfold top_hired. destruct (star b) as [s |] eqn:E.
      2:{ apply star_none in E. rewrite E in J. destruct A as [| a l]; [cbn; lra | destruct (J a (or_introl eq_refl))]. }
      destruct (star_spec b s E) as [Hs Best]. assert (Ps : 0 < v s) by (apply positive; now apply contenders_In in Hs).
      set (O := filter (fun k => negb (k =? s)%nat) A).
      assert (Split : total v A <= total v O + v s) by (unfold O; rewrite (total_without v A s D) at 1; destruct (mem s A); lra).
      assert (Bids : forall k, In k (rest b s) -> b k == ratio v b k * v k).
      { intros k Hk. pose proof (positive' b s k Hk). unfold ratio. field. lra. }
      assert (Worth : forall k, In k (rest b s) -> 0 <= b k).
      { intros k Hk. apply costs. apply rest_In in Hk. destruct Hk as [Hk _]. now apply contenders_In in Hk. }
      assert (Dr : NoDup (rest b s)) by (unfold rest, contenders; now repeat apply NoDup_filter).
      pose proof (bound (rest b s) v W B placeable b (ratio v b) Dr (positive' b s) oracle closed budget Worth Bids O) as Bound.
      assert (Strict : total v O < 2 * worth v W (chosen (rest b s) v W B (ratio v b)) + v s).
      { pose proof (chosen_nonneg (rest b s) v W B (positive' b s) part (ratio v b)). destruct Bound as [L | [next [Hn [_ [L _]]]]].
        - unfold O. now apply NoDup_filter.
        - intros k Hk. apply filter_In in Hk. destruct Hk as [Hk N]. apply negb_true_iff, Nat.eqb_neq in N. apply rest_In. auto.
        - apply (closed _ A); auto; [now apply NoDup_filter |]. intros k Hk. now apply filter_In in Hk.
        - apply Qle_trans with (total b A); [| exact S]. apply total_filter. auto.
        - lra.
        - assert (v next <= v s) by (apply Best; now apply rest_In in Hn). lra. }
      destruct (alone b s) eqn:Al; unfold alone in Al.
      + apply leq_spec in Al. cbn [total]. split; [| intros _]; lra.
      + apply leq_not in Al. unfold worth, hired in *. split; [| intros _]; lra.
  Qed.
End DropTop.
