(** SWAN with single-peaked payments: the best state is the only pure equilibrium, abstaining included, and what it costs the platform. *)

From Fedmech Require Export Basics.

Definition type := nat.
Definition state := type -> nat.

Inductive role := participates | buys | abstains.

Fixpoint count (f : type -> nat) (types : list type) : nat :=
  match types with [] => O | i :: rest => (f i + count f rest)%nat end.

Section Market.
  Variables (types : list type) (size : type -> nat) (cost : type -> Q) (worth : state -> Q) (target : state) (shared : Q).

  Definition number (n : nat) : Q := inject_Z (Z.of_nat n).
  Definition population : Q := number (count size types).
  Definition distance (k : state) : nat := count (fun i => k i - target i + (target i - k i))%nat types.
  Definition model (k : state) : bool := existsb (fun i => (0 <? k i)%nat) types.

  (** What everybody who has the model ends with. *)
  Definition share (k : state) : Q := shared / population / (1 + number (distance k)).

  (** Payments announced as functions of the state. *)
  Definition price (k : state) : Q := worth k - share k.
  Definition reward (k : state) (i : type) : Q := cost i - price k.

  Definition payoff (k : state) (i : type) (what : role) : Q :=
    match what with
    | abstains => 0
    | participates => if model k then worth k + reward k i - cost i else 0
    | buys => if model k then worth k - price k else 0
    end.

  Definition join (k : state) (i : type) : state := fun j => if (j =? i)%nat then S (k j) else k j.
  Definition leave (k : state) (i : type) : state := fun j => if (j =? i)%nat then pred (k j) else k j.

  (** The state that one client of type [i] makes of [k] by going from a role to another. *)
  Definition moved (k : state) (i : type) (from to : role) : state :=
    match from, to with
    | participates, participates => k
    | participates, _ => leave k i
    | _, participates => join k i
    | _, _ => k
    end.

  (** How many clients of type [i] have a role, [absent] of them abstaining. *)
  Definition having (k absent : state) (i : type) (what : role) : nat :=
    match what with participates => k i | abstains => absent i | buys => size i - k i - absent i end.

  (** No client gains by changing its role alone. *)
  Definition equilibrium (k absent : state) : Prop :=
    forall i from to, In i types -> (0 < having k absent i from)%nat -> payoff (moved k i from to) i to <= payoff k i from.

  Definition total_cost (k : state) : Q := total (fun i => number (k i) * cost i) types.
  Definition welfare (k : state) : Q := population * worth k - total_cost k.

  (** Rewards less prices, everybody else buying. *)
  Definition incentive_cost (k : state) : Q :=
    total (fun i => number (k i) * reward k i - number (size i - k i) * price k) types.

  Hypothesis distinct : NoDup types.
  Hypothesis within : forall i, In i types -> (target i <= size i)%nat.
  Hypothesis somebody : exists i, In i types /\ (0 < target i)%nat.
  Hypothesis positive : 0 < shared.

  Lemma number_add m n : number (m + n) == number m + number n.
  Proof. unfold number. now rewrite Nat2Z.inj_add, inject_Z_plus. Qed.

  Lemma number_le m n : (m <= n)%nat -> number m <= number n.
  Proof. intros H. unfold number. rewrite <- Zle_Qle. lia. Qed.

  Lemma number_lt m n : (m < n)%nat -> number m < number n.
  Proof. intros H. unfold number. rewrite <- Zlt_Qlt. lia. Qed.

  Lemma number_nonneg n : 0 <= number n.
  Proof. apply (number_le 0). lia. Qed.

  Lemma count_member f i l : In i l -> (f i <= count f l)%nat.
  Proof. induction l as [| a l IH]; intros []; cbn; [subst; lia | specialize (IH H); lia]. Qed.

  Lemma count_zero f l : count f l = O <-> forall i, In i l -> f i = O.
  Proof.
    split.
    - intros H i Hi. pose proof (count_member f i l Hi). lia.
    - induction l as [| a l IH]; intros H; [reflexivity |]. cbn. rewrite (H a (or_introl eq_refl)), IH; [reflexivity | intros; apply H; now right].
  Qed.

  Lemma count_change f g i l : NoDup l -> In i l -> (forall j, j <> i -> f j = g j) -> (count f l + g i = count g l + f i)%nat.
  Proof.
    intros D Hi Others. induction D as [| a l Ha D IH]; [destruct Hi |]. cbn. destruct Hi as [<- | Hi].
    - assert (E : count f l = count g l).
      { clear -Ha Others. induction l as [| b l IH]; [reflexivity |]. cbn in *. rewrite (Others b), IH; [reflexivity | tauto | intros ->; tauto]. }
      lia.
    - rewrite (Others a) by (intros ->; contradiction). specialize (IH Hi). lia.
  Qed.

  Lemma population_positive : 0 < population.
  Proof.
    destruct somebody as [i [Hi T]]. unfold population. apply (number_lt 0). pose proof (within i Hi). pose proof (count_member size i types Hi). lia.
  Qed.

  Lemma each : 0 < shared / population.
  Proof. apply Qlt_shift_div_l; [apply population_positive | lra]. Qed.

  Lemma share_positive k : 0 < share k.
  Proof. unfold share. pose proof each. pose proof (number_nonneg (distance k)). apply Qlt_shift_div_l; lra. Qed.

  (** The share falls strictly with the distance. *)
  Lemma share_falls k k' : (distance k < distance k')%nat -> share k' < share k.
  Proof.
    intros H. pose proof (share_positive k) as P. unfold share in *. pose proof (number_nonneg (distance k)). pose proof (number_lt _ _ H).
    set (x := shared / population) in *. set (d := 1 + number (distance k)) in *. set (d' := 1 + number (distance k')) in *.
    assert (0 < d /\ d < d') as [D L] by (unfold d, d'; lra). apply Qlt_shift_div_r; [lra |].
    assert (E : x == x / d * d) by (field; lra). rewrite E at 1. apply Qmult_lt_l; lra.
  Qed.

  Lemma share_mono k k' : (distance k <= distance k')%nat -> share k' <= share k.
  Proof.
    intros H. destruct (Nat.eq_dec (distance k) (distance k')) as [E | N].
    - unfold share. rewrite E. lra.
    - apply Qlt_le_weak, share_falls. lia.
  Qed.

  Lemma model_spec k : model k = true <-> exists i, In i types /\ (0 < k i)%nat.
  Proof. unfold model. rewrite existsb_exists. split; intros [i [Hi H]]; exists i; split; auto; now apply Nat.ltb_lt. Qed.

  Lemma with_model k i what : payoff k i what == (match what with abstains => 0 | _ => if model k then share k else 0 end).
  Proof. destruct what; cbn; destruct (model k); unfold reward, price; ring. Qed.

  Lemma distance_join k i : In i types -> (k i < target i -> S (distance (join k i)) = distance k)%nat /\ (target i <= k i -> distance (join k i) = S (distance k))%nat.
  Proof.
    intros Hi.
    pose proof (count_change (fun j => k j - target j + (target j - k j))%nat (fun j => join k i j - target j + (target j - join k i j))%nat i types distinct Hi) as C.
    cbv beta in C. unfold distance. unfold join in * at 1 2. rewrite Nat.eqb_refl in C.
    assert (X : forall j, j <> i -> (k j - target j + (target j - k j) = join k i j - target j + (target j - join k i j))%nat).
    { intros j D. unfold join. apply Nat.eqb_neq in D. now rewrite D. }
    specialize (C X). split; intros; unfold join in *; lia.
  Qed.

  Lemma distance_leave k i : In i types -> (0 < k i)%nat -> (target i < k i -> S (distance (leave k i)) = distance k)%nat /\ (k i <= target i -> distance (leave k i) = S (distance k))%nat.
  Proof.
    intros Hi P.
    pose proof (count_change (fun j => k j - target j + (target j - k j))%nat (fun j => leave k i j - target j + (target j - leave k i j))%nat i types distinct Hi) as C.
    cbv beta in C. unfold distance. unfold leave in * at 1 2. rewrite Nat.eqb_refl in C.
    assert (X : forall j, j <> i -> (k j - target j + (target j - k j) = leave k i j - target j + (target j - leave k i j))%nat).
    { intros j D. unfold leave. apply Nat.eqb_neq in D. now rewrite D. }
    specialize (C X). split; intros; unfold leave in *; lia.
  Qed.

  Lemma model_join k i : In i types -> model (join k i) = true.
  Proof. intros Hi. apply model_spec. exists i. split; [exact Hi |]. unfold join. rewrite Nat.eqb_refl. lia. Qed.

  Lemma distance_target k : (forall i, In i types -> k i = target i) -> distance k = O.
  Proof. intros H. apply count_zero. intros i Hi. specialize (H i Hi). lia. Qed.

  (** F-T3-UNIQUE
      The target is the only equilibrium, abstaining included, and its cost is the shared amount less the welfare: nothing if the welfare is what is shared. *)
  Theorem single_peaked :
    (forall k absent : state, (forall i, In i types -> (k i + absent i <= size i)%nat) ->
      (equilibrium k absent <-> forall i, In i types -> k i = target i /\ absent i = O))
    /\ incentive_cost target == shared - welfare target.
  Proof.
    split.
    - intros k absent Valid. split.
      + intros E.
        (* nobody has too few: one more would gain by joining *)
        assert (Enough : forall i, In i types -> (target i <= k i)%nat).
        { intros i Hi. destruct (le_lt_dec (target i) (k i)) as [| L]; [assumption | exfalso].
          destruct (distance_join k i Hi) as [Near _]. specialize (Near L). pose proof (share_falls (join k i) k ltac:(lia)) as Up.
          pose proof (share_positive (join k i)) as P. pose proof (share_positive k) as P0. pose proof (Valid i Hi). pose proof (within i Hi).
          destruct (Nat.eq_dec (absent i) 0) as [A | A].
          - pose proof (E i buys participates Hi ltac:(cbn; lia)) as G. rewrite !with_model in G. cbn [moved] in G. rewrite (model_join k i Hi) in G. destruct (model k); lra.
          - pose proof (E i abstains participates Hi ltac:(cbn; lia)) as G. rewrite !with_model in G. cbn [moved] in G. rewrite (model_join k i Hi) in G. lra. }
        assert (Model : model k = true).
        { destruct somebody as [i [Hi T]]. apply model_spec. exists i. split; [exact Hi |]. specialize (Enough i Hi). lia. }
        intros i Hi. split.
        * destruct (Nat.eq_dec (k i) (target i)) as [| N]; [assumption | exfalso].
          specialize (Enough i Hi) as T. assert (L : (target i < k i)%nat) by lia.
          destruct (distance_leave k i Hi ltac:(lia)) as [Near _]. specialize (Near L). pose proof (share_falls (leave k i) k ltac:(lia)) as Up.
          assert (Stays : model (leave k i) = true).
          { destruct somebody as [j [Hj Tj]]. apply model_spec. exists j. split; [exact Hj |]. unfold leave.
            destruct (Nat.eqb_spec j i) as [-> | D]; [lia | specialize (Enough j Hj); lia]. }
          pose proof (E i participates buys Hi ltac:(cbn; lia)) as G. rewrite !with_model in G. cbn [moved] in G. rewrite Stays, Model in G. lra.
        * destruct (Nat.eq_dec (absent i) 0) as [| A]; [assumption | exfalso].
          pose proof (E i abstains buys Hi ltac:(cbn; lia)) as G. rewrite !with_model in G. cbn [moved] in G. rewrite Model in G.
          pose proof (share_positive k). lra.
      + intros T i from to Hi Have. rewrite !with_model.
        assert (Zero : distance k = O) by (apply distance_target; intros j Hj; now apply T).
        assert (Model : model k = true).
        { destruct somebody as [j [Hj P]]. apply model_spec. exists j. split; [exact Hj |]. destruct (T j Hj). lia. }
        assert (Least : forall k', (if model k' then share k' else 0) <= share k).
        { intros k'. pose proof (share_mono k k' ltac:(lia)). pose proof (share_positive k). destruct (model k'); lra. }
        rewrite Model. pose proof (share_positive k). destruct from; cbn in Have.
        * destruct to; try apply Least. lra.
        * destruct to; try apply Least. lra.
        * destruct (T i Hi). lia.
    - unfold incentive_cost, welfare. set (p := price target). unfold total_cost.
      assert (Sum : forall l, (forall i, In i l -> (target i <= size i)%nat) ->
        total (fun i => number (target i) * reward target i - number (size i - target i) * p) l
        == total (fun i => number (target i) * cost i) l - number (count size l) * p).
      { induction l as [| a l IH]; intros In_l; cbn [total count]; [unfold number; cbn; ring |].
        rewrite IH by (intros; apply In_l; now right). rewrite number_add. unfold reward. fold p.
        assert (Split : number (size a) == number (size a - target a) + number (target a)).
        { rewrite <- number_add. f_equiv. specialize (In_l a (or_introl eq_refl)). lia. }
        rewrite Split. ring. }
      rewrite Sum by exact within. fold population. unfold p, price, share. rewrite distance_target by reflexivity.
      pose proof population_positive. unfold number. cbn. field. lra.
  Qed.
End Market.
