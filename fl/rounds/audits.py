"""Workers that game the scoring update, and the audits that look for them.

Three ways to game, all by what a worker hands in for the score, none by its bid:

- ``overfit``: the worker knows the standing probe set. It trains as announced and then bends its model until the probe's
  representations are those of the global model again: drift on the probe vanishes, the rest of the update stays.
- ``idle``: it hands back the global model. Its cosine is exactly 1 on *every* probe set, so no fresh images catch it.
- ``copy``: it waits and hands in an honest worker's update, a thousandth of its length away from it.

Overfitters train honestly once hired; the idle and the copiers hand their requester's model back.

An audit has three tests, one against each, and none looks at a bid: the drift on fresh images of a committed schedule is worse than
sampling predicts (:func:`~fedmech.fl.scoring.audit.inconsistent`); the update's norm is small beside the median one; the update
is nearly that of somebody who handed in earlier. Whoever fails one is excluded from then on.

What this does to truthfulness. A round's scores, flags and probe sets are fixed before anybody bids, so the round is the auction of
Theorem 6.1 among those who are left: no bid gains in it. Over rounds nothing is promised, with or without audits (claim D-8-AUDIT): who is hired trains the
models on which later scores are measured, and unspent money that is kept makes later budgets depend on earlier bids.

Source: DriftPay, section 7d (stated: an audit re-scores on fresh probe sets and flags what sampling does not predict). The adversaries
and the tests of norm and distance are choices made here; the paper's test alone never finds an idle worker. On digits a bent update
is bent everywhere (cosine .9995 on the 40 images that it knows, .997 on fresh ones, .69 if honest): taking scores on fresh images
changes nothing for an overfitter, it is the test that finds it, at 7 to 16 standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..scoring.audit import inconsistent
from ..training.architectures import Architecture
from ..training.parameters import Params, clients_of

__all__ = ["LEAST_UPDATE", "NEAREST", "Findings", "examine", "handed_in", "update_norms"]

LEAST_UPDATE = 0.1
"""Of the median norm of the updates: whoever moved less is taken for idle."""

NEAREST = 0.01
"""Of the length of the earlier update: whoever is nearer to it is taken for its copier."""

BENDING_STEPS = 300
BENDING_RATE = 3e-3
COPYING_ERROR = 1e-3

Flags = NDArray[np.bool_]


def handed_in(
    game: str,
    gamers: Flags,
    architecture: Architecture,
    model: Params,
    honest: Params,
    probe: NDArray[np.float32],
    rng: np.random.Generator,
) -> Params:
    """Return what the workers hand in to be scored.

    Parameters
    ----------
    game : str
        ``overfit``, ``idle`` or ``copy``.
    gamers : ndarray of bool, shape (n,)
    architecture : Architecture
    model : Params
        The global model that the scoring updates start from.
    honest : Params
        Everybody's honest scoring update, stacked.
    probe : ndarray of float32, shape (P, ...)
        Images of the standing probe set, which overfitters know.
    rng : Generator
        Whom copiers copy, and the error they add.

    Returns
    -------
    Params
        Stacked; the honest ones as they are.
    """
    who = torch.from_numpy(np.flatnonzero(gamers))
    if not len(who):
        return honest
    if game == "overfit":
        changed = _bent(architecture, model, clients_of(honest, who), probe)
    elif game == "idle":
        changed = {name: tensor.expand(len(who), *tensor.shape) for name, tensor in model.items()}
    else:
        others = np.flatnonzero(~gamers)
        if not len(others):
            return honest
        copied = clients_of(honest, torch.from_numpy(rng.choice(others, len(who))))
        changed = {}
        for name, tensor in copied.items():
            moved = tensor - model[name]
            noise = torch.from_numpy(rng.standard_normal(tuple(moved.shape))).to(moved)
            length = moved.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1).clamp_min(1e-30)
            changed[name] = tensor + COPYING_ERROR * noise * length.reshape(-1, *[1] * (moved.dim() - 1))
    found = {name: tensor.clone() for name, tensor in honest.items()}
    for name, tensor in changed.items():
        found[name][who] = tensor
    return found


def _bent(architecture: Architecture, model: Params, updates: Params, probe: NDArray[np.float32]) -> Params:
    """Bend updates until the probe's representations are the global model's again."""
    first = next(iter(model.values()))
    images = torch.tensor(probe).to(first)
    with torch.no_grad():
        wanted = architecture.forward(model, images)[1]
    params = {name: tensor.detach().clone().requires_grad_() for name, tensor in updates.items()}
    optimiser = torch.optim.Adam(params.values(), lr=BENDING_RATE)
    for _ in range(BENDING_STEPS):
        optimiser.zero_grad()
        (architecture.forward(params, images)[1] - wanted).square().sum().backward()
        optimiser.step()
    return {name: tensor.detach() for name, tensor in params.items()}


@dataclass(frozen=True)
class Findings:
    """Whom an audit flags, and by which of its tests.

    Attributes
    ----------
    inconsistent, idle, copied : ndarray of bool, shape (n,)
    """

    inconsistent: Flags
    idle: Flags
    copied: Flags

    @property
    def flagged(self) -> Flags:
        """Who failed any test."""
        return self.inconsistent | self.idle | self.copied

    def among(self, who: NDArray[np.int64], workers: int) -> Findings:
        """Return the findings about `who` as findings about all workers."""
        return Findings(*(_spread(flags, who, workers) for flags in (self.inconsistent, self.idle, self.copied)))


def _spread(flags: Flags, who: NDArray[np.int64], workers: int) -> Flags:
    found = np.zeros(workers, dtype=bool)
    found[who] = flags
    return found


def update_norms(model: Params, handed: Params) -> NDArray[np.float64]:
    """Return the norm of every update ``w_i - w``, shape (n,)."""
    lengths = [(handed[name] - tensor).double().flatten(1).norm(dim=1) for name, tensor in model.items()]
    return torch.stack(lengths).norm(dim=0).cpu().numpy()


def examine(
    model: Params,
    handed: Params,
    standing: NDArray[np.float64],
    fresh: NDArray[np.float64],
    order: NDArray[np.int64],
    level: float,
) -> Findings:
    """Hold what was handed in to the three tests of an audit.

    Parameters
    ----------
    model : Params
        The global model.
    handed : Params
        The scoring updates, stacked.
    standing, fresh : ndarray of float64, shapes (n, P) and (n, Q)
        Their drifts, image by image, on the standing probe set and on fresh images.
    order : ndarray of int64, shape (n,)
        Workers in the order in which they handed in.
    level : float
        The chance that the first test flags anybody at all where sampling alone makes the difference.
    """
    # Beside the median worker's drift, which moves much from image to image, an overfitter's, which hardly moves, could not be told.
    found = inconsistent(standing, fresh, standing_offset=False, level=level)
    norms = update_norms(model, handed)
    idle = norms <= LEAST_UPDATE * float(np.median(norms))
    moved = torch.cat([(handed[name] - tensor).double().flatten(1).cpu() for name, tensor in model.items()], dim=1)
    copied = np.zeros(len(norms), dtype=bool)
    # Those who did not move are near to one another without having copied.
    working = [int(i) for i in order if not idle[i]]
    for position, i in enumerate(working[1:], start=1):
        earlier = working[:position]
        distances = (moved[earlier] - moved[i]).norm(dim=1).numpy()
        copied[i] = bool((distances <= NEAREST * norms[earlier]).any())
    # Only a worker that looked better on the images it may have known has gained by the difference.
    return Findings(found.flagged & (found.z > 0), idle, copied)
