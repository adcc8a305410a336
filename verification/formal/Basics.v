(** Sums over lists of workers, and the least member of a list in an order. Standard library only, no axioms. *)

From Coq Require Export List QArith Bool PeanoNat Lia Lqa.
Export ListNotations.
Open Scope Q_scope.

(** A worker is its index. *)
Definition worker := nat.

Definition mem (k : worker) (S : list worker) : bool := existsb (Nat.eqb k) S.

Lemma mem_In k S : mem k S = true <-> In k S.
Proof.
  unfold mem. rewrite existsb_exists. split.
  - intros [x [H E]]. apply Nat.eqb_eq in E. now subst.
  - intros H. exists k. split; [exact H | apply Nat.eqb_refl].
Qed.

Lemma mem_not k S : mem k S = false <-> ~ In k S.
Proof. rewrite <- mem_In. destruct (mem k S); split; congruence. Qed.

Lemma filter_same (f g : worker -> bool) l : (forall k, In k l -> f k = g k) -> filter f l = filter g l.
Proof.
  induction l as [| a l IH]; intros H; [reflexivity |]. cbn.
  rewrite (H a (or_introl eq_refl)), IH; [reflexivity | intros; apply H; now right].
Qed.

(** Subsets of one list, taken as filters, are equal when they have the same members. *)
Lemma same_members (f g : worker -> bool) l :
  (forall k, In k l -> (In k (filter f l) <-> In k (filter g l))) -> filter f l = filter g l.
Proof.
  intros H. apply filter_same. intros k Hk. specialize (H k Hk). rewrite !filter_In in H.
  destruct (f k), (g k); try reflexivity; destruct H as [H1 H2].
  - destruct (H1 (conj Hk eq_refl)). congruence.
  - destruct (H2 (conj Hk eq_refl)). congruence.
Qed.

Definition leq (x y : Q) : bool := Qle_bool x y.
Definition less (x y : Q) : bool := negb (Qle_bool y x).
Definition same (x y : Q) : bool := Qeq_bool x y.

Lemma leq_spec x y : leq x y = true <-> x <= y.
Proof. apply Qle_bool_iff. Qed.

Lemma leq_not x y : leq x y = false <-> y < x.
Proof.
  split; intros H.
  - apply Qnot_le_lt. intros L. apply leq_spec in L. congruence.
  - destruct (leq x y) eqn:E; [| reflexivity]. apply leq_spec in E. lra.
Qed.

Lemma less_spec x y : less x y = true <-> x < y.
Proof. unfold less. rewrite negb_true_iff. apply leq_not. Qed.

Lemma same_spec x y : same x y = true <-> x == y.
Proof. apply Qeq_bool_iff. Qed.

Fixpoint total (f : worker -> Q) (S : list worker) : Q :=
  match S with [] => 0 | k :: rest => f k + total f rest end.

Lemma total_nonneg f S : (forall k, In k S -> 0 <= f k) -> 0 <= total f S.
Proof.
  induction S as [| a S IH]; intros H; cbn; [lra |].
  pose proof (H a (or_introl eq_refl)). assert (0 <= total f S) by (apply IH; intros; apply H; now right). lra.
Qed.

Lemma total_somebody f S : 0 < total f S -> exists k, In k S.
Proof. destruct S as [| a rest]; cbn; intros H; [lra | exists a; now left]. Qed.

Lemma total_le f g S : (forall k, In k S -> f k <= g k) -> total f S <= total g S.
Proof.
  induction S as [| a S IH]; intros H; cbn; [lra |].
  pose proof (H a (or_introl eq_refl)). assert (total f S <= total g S) by (apply IH; intros; apply H; now right). lra.
Qed.

Lemma total_eq f g S : (forall k, In k S -> f k == g k) -> total f S == total g S.
Proof.
  intros H. assert (total f S <= total g S) by (apply total_le; intros k Hk; specialize (H k Hk); lra).
  assert (total g S <= total f S) by (apply total_le; intros k Hk; specialize (H k Hk); lra). lra.
Qed.

Lemma total_scale c f S : total (fun k => c * f k) S == c * total f S.
Proof. induction S as [| a S IH]; cbn; [ring | rewrite IH; ring]. Qed.

Lemma total_zero S : total (fun _ => 0) S == 0.
Proof. induction S as [| a S IH]; cbn; [reflexivity | rewrite IH; ring]. Qed.

Lemma total_member f S i : (forall k, In k S -> 0 <= f k) -> In i S -> f i <= total f S.
Proof.
  induction S as [| a S IH]; intros H Hi; [destruct Hi |]. cbn.
  assert (0 <= total f S) by (apply total_nonneg; intros; apply H; now right).
  pose proof (H a (or_introl eq_refl)).
  destruct Hi as [<- | Hi]; [lra |]. assert (f i <= total f S) by (apply IH; [intros; apply H; now right | exact Hi]). lra.
Qed.

Lemma total_split f (p : worker -> bool) S :
  total f S == total f (filter p S) + total f (filter (fun k => negb (p k)) S).
Proof. induction S as [| a S IH]; cbn; [ring |]. destruct (p a); cbn; rewrite IH; ring. Qed.

Lemma total_filter f p S : (forall k, In k S -> 0 <= f k) -> total f (filter p S) <= total f S.
Proof.
  intros H. pose proof (total_split f p S).
  assert (0 <= total f (filter (fun k => negb (p k)) S)).
  { apply total_nonneg. intros k Hk. apply filter_In in Hk. now apply H. }
  lra.
Qed.

Lemma total_without f S i : NoDup S -> total f S == total f (filter (fun k => negb (k =? i)%nat) S) + (if mem i S then f i else 0).
Proof.
  induction 1 as [| a S Ha Hs IH]; cbn; [ring |].
  destruct (Nat.eqb_spec a i) as [-> | Hne]; cbn.
  - rewrite Nat.eqb_refl. cbn. rewrite IH. apply mem_not in Ha. rewrite Ha. ring.
  - destruct (Nat.eqb_spec i a); [congruence |]. cbn. rewrite IH. fold (mem i S). ring.
Qed.

Lemma total_one f S i : NoDup S -> In i S -> (forall k, In k S -> k = i) -> total f S == f i.
Proof.
  intros D Hi H. destruct D as [| a S Ha Hs]; [destruct Hi |].
  rewrite (H a (or_introl eq_refl)) in *. destruct S as [| c S]; [cbn; ring |].
  exfalso. apply Ha. left. apply H. right. now left.
Qed.

(** ** The least member of a list *)

Fixpoint least (ahead : worker -> worker -> bool) (l : list worker) : option worker :=
  match l with
  | [] => None
  | a :: l => match least ahead l with None => Some a | Some k => if ahead k a then Some k else Some a end
  end.

Definition strict_order (ahead : worker -> worker -> bool) : Prop :=
  (forall j, ahead j j = false)
  /\ (forall j k l, ahead j k = true -> ahead k l = true -> ahead j l = true)
  /\ (forall j k, j = k \/ ahead j k = true \/ ahead k j = true).

Lemma ahead_not ahead j k : strict_order ahead -> ahead j k = true -> ahead k j = false.
Proof.
  intros [I [T _]] H. destruct (ahead k j) eqn:E; [| reflexivity]. pose proof (T _ _ _ H E). rewrite I in H0. discriminate.
Qed.

Lemma least_spec ahead l : strict_order ahead ->
  match least ahead l with
  | None => l = []
  | Some k => In k l /\ forall j, In j l -> j = k \/ ahead k j = true
  end.
Proof.
  intros O. pose proof O as [I [T C]]. induction l as [| a l IH]; cbn; [reflexivity |].
  destruct (least ahead l) as [k |].
  - destruct IH as [Hk H]. destruct (ahead k a) eqn:E.
    + split; [now right |]. intros j [<- | Hj]; [now right | now apply H].
    + split; [now left |]. intros j [<- | Hj]; [now left |].
      destruct (C a k) as [<- | [A | A]]; [destruct (H j Hj); [now left | now right] | | congruence].
      right. destruct (H j Hj) as [-> | B]; [exact A | now apply (T a k j)].
  - subst. split; [now left |]. intros j [<- | []]. now left.
Qed.

Lemma first_of ahead l i : strict_order ahead -> In i l -> exists k, In k l /\ forall j, In j l -> j = k \/ ahead k j = true.
Proof.
  intros O H. pose proof (least_spec ahead l O) as L. destruct (least ahead l) as [k |]; [now exists k |]. subst. destruct H.
Qed.

Lemma last_of ahead l i : strict_order ahead -> In i l -> exists k, In k l /\ forall j, In j l -> j = k \/ ahead j k = true.
Proof.
  intros O H. pose proof O as [I [T C]].
  assert (O' : strict_order (fun j k => ahead k j)).
  { repeat split; [apply I | intros j k m A B; exact (T _ _ _ B A) |]. intros j k. destruct (C j k) as [| []]; auto. }
  exact (first_of _ l i O' H).
Qed.
