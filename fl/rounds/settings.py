"""Everything a procurement simulation depends on.

Source: DriftPay, section 7e (stated: the axes and the baselines; the numbers are choices made here). Two simulations with equal
settings have equal results.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...models.input_error import InputError
from ..settings import check_fields, setting
from .tasks import BUDGET_SPLITS, TASK_KINDS

__all__ = ["ProcurementSettings"]

PARTITIONS = ("dirichlet-per-client", "dirichlet", "dirichlet-balanced", "iid")
GROUPINGS = ("dominant-label", "random", "one", "given")
MAPPINGS = ("min-max", "natural")
OPTIMA = ("opt", "opt-sep", "both", "none")
OBJECTIVES = ("fedavg", "fedprox", "moon")
ROUTINGS = ("even", "mechanism")
BUDGET_BASES = ("pooled", "each")
PACINGS = ("none", "carry", "spread")
GAMES = ("overfit", "idle", "copy")
PROBES = ("common", "own")


@dataclass(frozen=True)
class ProcurementSettings:
    """Settings of :func:`~fedmech.fl.rounds.procurement.run_rounds`.

    Attributes
    ----------
    seed : int
        Of everything that is drawn.
    rounds : int
        Communication rounds.
    dataset, folder : str, str or None
        As :func:`~fedmech.fl.data.load.load_dataset` takes them.
    train_samples : int or None
        Samples dealt to the workers; None: all that are left.
    test_size : int
        Test samples that models are tested on, the first of the set; 0: all.
    workers : int
        ``n``.
    partition : str
        How samples are dealt; ``dirichlet-per-client`` is the paper's.
    beta : float
        Concentration of the Dirichlet partitions.
    size_spread : float
        The workers' sizes are in proportion to uniform draws from ``1 - size_spread`` to ``1 + size_spread``; the partitions
        ``dirichlet`` and ``dirichlet-balanced`` make sizes of their own.
    public_samples, public_steps : int
        The common first model is trained on so many held-out samples for so many steps.
    probe_size : int
        ``|D_0|``.
    probes : str
        ``common``: drawn from all of the data; ``own``: in equal parts, each from the labels of one requester, so that a worker's score is
        the mean of its scores on the requesters' probe sets.
    probe_seen : int or None
        The mechanism sees scores measured on so many images of ``D_0``, drawn anew each round; the true scores are those on all of
        it. None: all.
    requesters : int
        ``m``.
    tasks : str
        ``label-subsets``, ``loss-weights`` or ``same``, see :mod:`.tasks`.
    labels_per_task, favour : int
        Own labels of each requester; their weight under ``loss-weights``.
    budget_share : float
        Budget per round as a share of what hiring all workers costs them in the mean; of the pooled budget, or of each requester's own, as
        `budget_basis` says.
    budget_basis : str
        ``pooled``: more requesters share the same money; ``each``: every one brings as much.
    budget_split : str
        ``equal``, ``one-large`` or ``geometric``, see :func:`.tasks.split_budget`.
    pacing : str
        What becomes of money that a round leaves: ``none``: it lapses; ``carry``: the next round has it; ``spread``: the rounds that are
        left share it. The last two make a round's budget depend on the bids of those before, see :mod:`.audits`.
    seats, cap : int or None
        Of every requester, and of every group at every requester; None: no limit.
    groups : str
        ``dominant-label``; ``random``: `group_count` of them; ``one``; ``given``: `group_names`.
    group_count : int
    group_names : tuple of str
        One for each worker.
    fixed_cost, cost_per_sample, cost_spread, cost_noise : float
        See :class:`.bids.CostModel`.
    bid_noise, deviators, deviation : float
        See :class:`.bids.BidModel`.
    scoring : str
        A rule of :mod:`.scoring_rules`.
    mapping : str
        How raw scores become positive: ``min-max`` over the whole range each round, or the rule's ``natural`` map, clipped.
    v_min, v_max : float
        The range of scores.
    eta : float
        Relative error drawn into the scores that the mechanism sees, in [0, 1).
    rotation : float
        Weight, beside the rule's score, of not having been hired lately: at 1 only that counts. In [0, 1].
    score_every : int
        Rounds between two scorings; scores stand until the next. The true scores are those of the round, so ``eta_effective`` tells
        how stale the standing ones are.
    audit_every, audit_size : int or None, int
        Every so many rounds scores are taken on so many fresh images of a reserve that nobody holds, and the scoring updates are
        examined, see :mod:`.audits`; None: never. The reserve is dealt after the probe set and has new images for every audit.
    audit_level : float
        Chance that an audit takes sampling variation of anybody for gaming.
    gamers, game : float, str
        Share of the workers that game their scoring update, and how: ``overfit``, ``idle`` or ``copy``.
    confidence : float or None
        The mechanism ``driftpay-lcb`` gets lower bounds of this confidence where scores are means over probe images; None, or by other
        rules: its own radius.
    memory : float
        Weight of the past in the moving averages of reputation and participation, in [0, 1).
    mechanism : str
        A registered mechanism.
    mechanism_options : tuple of str
        Its options, each as ``name=value``.
    routing : str
        ``even``: winners are spread over the requesters, see :mod:`.routing`, unless the mechanism keeps separate budgets;
        ``mechanism``: they go where the mechanism happens to send them.
    optimum : str
        Which exact optimum is solved beside the mechanism: ``opt`` (pooled), ``opt-sep`` (separate budgets), ``both``, ``none``.
    architecture : str
        As :func:`~fedmech.fl.training.architectures.architecture` takes it.
    objective : str
        Local training: ``fedavg``, ``fedprox`` or ``moon``.
    steps, scoring_steps : int
        Local steps of training, and of the standardised update that is scored.
    batch_size : int or None
        None: full batches.
    learning_rate, momentum, weight_decay, proximal, contrast, temperature : float
        See :class:`~fedmech.fl.training.recipe.Recipe`.
    perturbations : int
        Perturbed markets per round for the sensitivity of the selection, of scores and of bids each.
    perturbation : float
        Their relative size.
    device : str
        Where torch computes.
    """

    seed: int = setting(0, help="seed of everything that is drawn", min=0)
    rounds: int = setting(10, help="communication rounds", min=1)
    dataset: str = setting("digits", help="data set", word=True)
    folder: str | None = setting(None, help="where the data set lies")
    train_samples: int | None = setting(None, help="samples dealt to the workers; none: all", min=1)
    test_size: int = setting(0, help="test samples that models are tested on; 0: all", min=0)
    workers: int = setting(60, help="workers n", min=1)
    partition: str = setting("dirichlet-per-client", help="how samples are dealt", choices=PARTITIONS)
    beta: float = setting(0.5, help="concentration of the Dirichlet partitions")
    size_spread: float = setting(0.5, help="how unequal the workers' sizes are", min=0.0, max=1.0)
    public_samples: int = setting(50, help="held-out samples that train the common first model", min=0)
    public_steps: int = setting(500, help="steps of that training", min=0)
    probe_size: int = setting(100, help="size of the probe set D_0", min=1)
    probes: str = setting("common", help="whether requesters have probe sets of their own", choices=PROBES)
    probe_seen: int | None = setting(None, help="probe images that the seen scores are measured on; none: all", min=1)
    requesters: int = setting(3, help="requesters m", min=1)
    tasks: str = setting("label-subsets", help="how the requesters' tasks differ", choices=TASK_KINDS)
    labels_per_task: int = setting(6, help="own labels of each requester", min=1)
    favour: int = setting(4, help="weight of an own label beside 1, under loss-weights", min=1)
    budget_share: float = setting(0.2, help="budget per round as a share of the cost of all workers", min=0.0)
    budget_basis: str = setting(
        "pooled", help="whether the share is of the pooled budget or of each", choices=BUDGET_BASES
    )
    budget_split: str = setting("equal", help="how the pooled budget is split", choices=BUDGET_SPLITS)
    pacing: str = setting("none", help="what becomes of money that a round leaves", choices=PACINGS)
    seats: int | None = setting(None, help="seat limit of every requester", min=0)
    cap: int | None = setting(2, help="workers of one group that one requester may have", min=0)
    groups: str = setting("dominant-label", help="how workers are grouped", choices=GROUPINGS)
    group_count: int = setting(10, help="number of random groups", min=1)
    group_names: tuple[str, ...] = setting((), help="the group of each worker, where given")
    fixed_cost: float = setting(0.5, help="fixed part of a worker's cost", min=0.0)
    cost_per_sample: float = setting(0.25, help="cost of a sample", min=0.0)
    cost_spread: float = setting(0.5, help="spread of the workers' own cost factors", min=0.0, max=1.0)
    cost_noise: float = setting(0.1, help="relative change of costs from round to round", min=0.0, max=1.0)
    bid_noise: float = setting(0.0, help="relative error of bids; 0 is truthful", min=0.0, max=1.0)
    deviators: float = setting(0.0, help="share of the workers that deviate", min=0.0, max=1.0)
    deviation: float = setting(1.0, help="factor on the deviators' bids", min=0.0)
    scoring: str = setting("drift", help="scoring rule", word=True)
    mapping: str = setting("min-max", help="how raw scores become positive", choices=MAPPINGS)
    v_min: float = setting(0.1, help="least score")
    v_max: float = setting(1.0, help="greatest score")
    eta: float = setting(0.0, help="relative error drawn into the scores that are seen", min=0.0)
    rotation: float = setting(0.0, help="weight of not having been hired lately", min=0.0, max=1.0)
    score_every: int = setting(1, help="rounds between two scorings", min=1)
    audit_every: int | None = setting(None, help="rounds between two audits; none: no audits", min=1)
    audit_size: int = setting(50, help="fresh probe images of an audit", min=2)
    audit_level: float = setting(0.01, help="chance that an audit flags anybody by chance")
    gamers: float = setting(0.0, help="share of the workers that game their scoring update", min=0.0, max=1.0)
    game: str = setting("overfit", help="how they game it", choices=GAMES)
    confidence: float | None = setting(0.95, help="of the lower bounds that driftpay-lcb gets")
    memory: float = setting(0.7, help="weight of the past in moving averages", min=0.0)
    mechanism: str = setting("driftpay-co", help="registered mechanism", word=True)
    mechanism_options: tuple[str, ...] = setting((), help="its options, each as name=value")
    routing: str = setting("even", help="which requester gets which winner", choices=ROUTINGS)
    optimum: str = setting("opt", help="exact optimum beside the mechanism", choices=OPTIMA)
    architecture: str = setting("mlp", help="model", word=True)
    objective: str = setting("fedavg", help="local training", choices=OBJECTIVES)
    steps: int = setting(10, help="local steps of training", min=1)
    scoring_steps: int = setting(10, help="local steps of the update that is scored", min=1)
    batch_size: int | None = setting(None, help="none: full batches", min=1)
    learning_rate: float = setting(0.05, help="step size of SGD")
    momentum: float = setting(0.0, help="momentum of SGD", min=0.0)
    weight_decay: float = setting(0.0, help="weight decay of SGD", min=0.0)
    proximal: float = setting(0.0, help="FedProx mu", min=0.0)
    contrast: float = setting(1.0, help="MOON mu", min=0.0)
    temperature: float = setting(0.5, help="MOON temperature")
    perturbations: int = setting(2, help="perturbed markets per round", min=0)
    perturbation: float = setting(0.01, help="relative size of a perturbation", min=0.0, max=0.99)
    device: str = setting("cpu", help="where torch computes")

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0 < self.v_min <= self.v_max:
            raise InputError(f"must be > 0 and at most v_max = {self.v_max}, got {self.v_min}", field="v_min")
        if self.v_min < 1e-6:
            raise InputError(f"must be at least 1e-06, scores have six decimals; got {self.v_min}", field="v_min")
        for name in ("eta", "memory"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"must lie in [0, 1), got {getattr(self, name)}", field=name)
        for name in ("audit_level", "confidence"):
            if getattr(self, name) is not None and not 0 < getattr(self, name) < 1:
                raise InputError(f"must lie strictly between 0 and 1, got {getattr(self, name)}", field=name)
        if self.groups == "given" and len(self.group_names) != self.workers:
            message = f"expected one for each of {self.workers} workers, got {len(self.group_names)}"
            raise InputError(message, field="group_names")
        for name in ("beta", "learning_rate", "temperature"):
            if not getattr(self, name) > 0:
                raise InputError(f"must be > 0, got {getattr(self, name)}", field=name)
        if self.probe_seen is not None and self.probe_seen > self.probe_size:
            raise InputError(
                f"must be at most probe_size = {self.probe_size}, got {self.probe_seen}", field="probe_seen"
            )
        for option in self.mechanism_options:
            if "=" not in option:
                raise InputError(f"expected name=value, got {option!r}", field="mechanism_options")

    @property
    def options(self) -> dict[str, str]:
        """The mechanism's options by name."""
        return dict(option.split("=", 1) for option in self.mechanism_options)

    def document(self) -> dict[str, Any]:
        """All settings by name."""
        return asdict(self)
