"""The market shipped with the package, ``digits.market.json``, and where it comes from.

200 workers, 10 groups, 3 requesters. Its scores are measured: each is the drift score of a softmax model trained on
the handwritten digits that one worker holds. The data are scikit-learn's copy of the test part of "Optical
Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, CC BY 4.0): 1,797 images of 8 x 8 pixels, 0 to 16 each. The file holds no image.

==========  ==========================================================================================================
images      197 in the probe set (`DIGITS_PROBE_SHA256`), 100 for the common start, 1,500 dealt to the workers by
            Dirichlet(1/2) label skew, at least 3 to each
score       (1 + mean cosine) / 2 between the worker's and the global model's centred log-probabilities on the probe
            set, six decimals (DriftPay, section 3); dimensionless, larger is better
cost        (0.50 + 0.25 per image) times a factor of the worker's own, uniform on [0.5, 1.5), two decimals
group       the worker's most frequent digit, the smaller one on a tie
requesters  budgets, seats and caps set by hand so that each kind of limit binds at the optimum
==========  ==========================================================================================================

So the scores, the sample counts and the groups are measured; the costs follow from the counts by a formula that is
made up, and the requesters are invented.

`fedmech.fl.scoring.digits_market` makes the file again from `DIGITS_MARKET_SEED`, byte for byte.
"""

from pathlib import Path

DIGITS_MARKET_SEED = 2026
"""Seed of the split into probe set, start set and workers, and of the cost factors."""

DIGITS_PROBE_SHA256 = "3a36b4f5694beaddbb24ee907dab5c4e3962210d49a2ae7832901a17d673e8f1"
"""Commitment to the probe set: see `DigitsSplit.commitment` in `fedmech.fl.scoring.digits_market`."""


def digits_market_path() -> Path:
    """Return where the shipped market lies.

    Returns
    -------
    Path
        The file ``digits.market.json`` of the installed package.
    """
    return Path(__file__).with_name("digits.market.json")


def prototype_market_path() -> Path:
    """Return where the shipped MoTS market lies: 20 clients in three types, as many and as large as SWAN's prototype.

    Returns
    -------
    Path
        The file ``prototype.mots.json`` of the installed package.
    """
    return Path(__file__).with_name("prototype.mots.json")
