"""Every proof of the ledger by its name, and little patience with z3 for what it must not hold."""

from contextlib import contextmanager

from fedmech.verification.proofs import (
    chain,
    claimed_types,
    clarke,
    complexity,
    constraints,
    critical,
    dirichlet,
    drop_top,
    extensions,
    families,
    gravin,
    impossible,
    large_market,
    network,
    own_error,
    ratios,
    states,
    truthful,
    variations,
    weights,
)
from fedmech.verification.proofs.chain import Proof

PROOFS = {
    name: getattr(module, name)
    for module in (
        truthful,
        critical,
        clarke,
        gravin,
        impossible,
        large_market,
        dirichlet,
        complexity,
        ratios,
        variations,
        drop_top,
        families,
        extensions,
        network,
        states,
        weights,
        constraints,
        claimed_types,
        own_error,
    )
    for name in module.__all__
    if isinstance(getattr(module, name), Proof)
}


@contextmanager
def impatient():
    """What z3 cannot hold in a moment is not held: for mutants, whose unchanged steps are known by then."""
    patience = chain.SECONDS
    chain.SECONDS = 1
    try:
        yield
    finally:
        chain.SECONDS = patience
