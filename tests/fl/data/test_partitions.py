"""Partitions: disjoint, of the sizes promised, with the class mixes promised, whatever the parameters."""

from __future__ import annotations

import itertools
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest
from campaign import thorough
from fedmech.fl.data import dirichlet as dirichlet_partitions
from fedmech.fl.data import partitions
from fedmech.fl.data.dirichlet import dirichlet, dirichlet_balanced, dirichlet_per_client
from fedmech.fl.data.partitions import classes_per_client, given_sizes
from fedmech.models.input_error import InputError
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32)
BETAS = st.sampled_from([1e-300, 1e-3, 0.1, 0.5, 1.0, 37.5, 1e6, 1e300])
# Labels with gaps, repeated and in no order; some classes are rare.
LABELS = st.lists(st.sampled_from([0, 0, 0, 1, 2, 2, 7, 8]), max_size=120)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def check(parts: list[np.ndarray], samples: int, sizes: list[int] | None = None) -> None:
    """Ascending, disjoint, within range; covering everything unless sizes are given."""
    for part in parts:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
    together = sorted(itertools.chain.from_iterable(part.tolist() for part in parts))
    if sizes is None:
        assert together == list(range(samples))
    else:
        assert [len(part) for part in parts] == sizes
        assert len(together) == len(set(together))
        assert set(together) <= set(range(samples))


def table(parts: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Clients by classes, counted one by one."""
    kinds = sorted(set(labels.tolist()))
    return np.array([[sum(int(labels[i]) == kind for i in part) for kind in kinds] for part in parts])


@given(LABELS, st.integers(1, 15), BETAS, SEEDS)
def test_every_sample_belongs_to_one_client(labels: list[int], clients: int, beta: float, seed: int) -> None:
    check(dirichlet(labels, clients, beta, rng(seed)), len(labels))
    check(dirichlet_balanced(labels, clients, beta, rng(seed), least=0), len(labels))
    check(dirichlet_per_client(labels, clients, beta, rng(seed)), len(labels))


@given(LABELS, st.integers(1, 15), SEEDS)
def test_even_shares_differ_by_at_most_one(labels: list[int], clients: int, seed: int) -> None:
    sizes = [len(part) for part in dirichlet_per_client(labels, clients, 0.3, rng(seed))]
    assert len(sizes) == clients
    assert max(sizes) - min(sizes) <= 1


@given(LABELS, st.lists(st.integers(0, 20), min_size=1, max_size=10), BETAS, SEEDS)
def test_sizes_are_exact_or_refused(labels: list[int], sizes: list[int], beta: float, seed: int) -> None:
    if sum(sizes) > len(labels):
        with pytest.raises(InputError, match="samples are asked for"):
            given_sizes(labels, sizes, rng(seed))
        with pytest.raises(InputError, match="samples are asked for"):
            dirichlet_per_client(labels, len(sizes), beta, rng(seed), sizes)
        return
    check(given_sizes(labels, sizes, rng(seed)), len(labels), sizes)
    check(dirichlet_per_client(labels, len(sizes), beta, rng(seed), sizes), len(labels), sizes)


@given(LABELS, st.integers(1, 8), st.sampled_from([0.4, 5.0, 1e300]), st.integers(1, 12), SEEDS)
@example([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2], 5, 1e300, 1, 0)
def test_the_minimum_is_met_or_refused(labels: list[int], clients: int, beta: float, least: int, seed: int) -> None:
    if clients * least > len(labels):
        with pytest.raises(InputError, match="samples each, of"):
            dirichlet_balanced(labels, clients, beta, rng(seed), least)
        return
    assume(2 * clients * least <= len(labels))
    if beta == 1e300 and min(map(len, dirichlet_balanced(labels, clients, beta, rng(seed), 0))) < least:
        # All shares are equal, so that every draw is like this one.
        with mock.patch.object(dirichlet_partitions, "DRAWS", 20), pytest.raises(InputError, match="in 20 draws"):
            dirichlet_balanced(labels, clients, beta, rng(seed), least)
        return
    parts = dirichlet_balanced(labels, clients, beta, rng(seed), least)
    check(parts, len(labels))
    assert min(len(part) for part in parts) >= least


def test_an_unlikely_minimum_is_refused_and_not_drawn_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dirichlet_partitions, "DRAWS", 50)
    # Ten clients, two classes, each class to one client alone.
    with pytest.raises(InputError, match="in 50 draws no partition gave each of 10 clients 10 samples"):
        dirichlet_balanced([0] * 500 + [1] * 500, 10, 1e-300, rng(0))


def test_moons_definition_of_balance() -> None:
    """A literal transcription of the rule on one class after the other, without its random numbers.

    Whoever holds the average share at the start of a class gets nothing of it.
    """
    labels = np.repeat(np.arange(6), 100)
    for seed in range(30):
        parts = dirichlet_balanced(labels, 5, 0.2, rng(seed), least=1)
        counts = table(parts, labels)
        for c in range(1, 6):
            full = counts[:, :c].sum(axis=1) >= 600 / 5
            assert not counts[full, c].any()
    # The plain variant has no such rule.
    plain = [table(dirichlet(labels, 5, 0.2, rng(seed)), labels) for seed in range(30)]
    assert any(counts[counts[:, :c].sum(axis=1) >= 120, c].any() for counts in plain for c in range(1, 6))


def one_class_after_another(
    labels: np.ndarray, clients: int, beta: float, least: int, draw: np.random.Generator
) -> np.ndarray:
    """MOON's rule for sizes as its text has it: draw, strike out the full, normalise, cut, until nobody has too little."""
    while True:
        counts = np.zeros((clients, int(labels.max()) + 1), dtype=int)
        for c in range(counts.shape[1]):
            shares = draw.dirichlet([beta] * clients)
            for client in range(clients):
                if counts[client].sum() >= len(labels) / clients:
                    shares[client] = 0.0
            ends = [int(end) for end in (shares / shares.sum()).cumsum() * (labels == c).sum()]
            ends[-1] = int((labels == c).sum())
            counts[:, c] = np.diff([0, *ends])
        if counts.sum(axis=1).min() >= least:
            return counts


def test_who_holds_exactly_the_average_is_full() -> None:
    labels = [0] * 50 + [1] * 50
    for seed in range(20):
        assert [len(part) for part in dirichlet_balanced(labels, 2, 1e-300, rng(seed), least=0)] == [50, 50]


@pytest.mark.parametrize("beta", thorough([0.3, 1.0], (0.3).__eq__))
def test_the_balanced_variant_has_the_distribution_of_moons_rule(beta: float) -> None:
    """First and second moments of the table, and how uneven clients are, where the minimum often binds."""
    labels = np.repeat(np.arange(3), [30, 50, 40])
    ours = np.array([table(dirichlet_balanced(labels, 4, beta, rng(s), least=10), labels) for s in range(800)])
    literal = np.array([one_class_after_another(labels, 4, beta, 10, rng(70_000 + s)) for s in range(800)])
    assert ours.sum(axis=2).min() >= 10
    for moment in (lambda t: t, lambda t: t**2, lambda t: t[:, :, 0] * t[:, :, 2], lambda t: t.sum(axis=2) ** 2):
        a, b = moment(ours.astype(float)), moment(literal.astype(float))
        error = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
        assert (abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error).all()


@pytest.mark.parametrize("beta", thorough([0.05, 0.5, 3.0], (0.5).__ne__))
def test_dirichlet_moments(beta: float) -> None:
    """Shares of a class have the mean 1/n and the variance (n - 1) / (n^2 (n beta + 1)) of Dirichlet(beta)."""
    clients, size, draws = 4, 10_000, 1_500
    labels = np.zeros(size, dtype=int)
    shares = np.array([[len(p) for p in dirichlet(labels, clients, beta, rng(seed))] for seed in range(draws)]) / size
    variance = (clients - 1) / (clients**2 * (clients * beta + 1))
    for client in range(clients):
        share = shares[:, client]
        assert abs(share.mean() - 1 / clients) < 5 * np.sqrt(variance / draws)
        # The standard error of a variance, from the fourth moment.
        spread = (share - 1 / clients) ** 2
        assert abs(spread.mean() - variance) < 5 * spread.std(ddof=1) / np.sqrt(draws)


@pytest.mark.parametrize("beta", [0.05, 0.5, 3.0])
def test_dirichlet_per_client_moments(beta: float) -> None:
    """Class counts of a client far from exhausting the supply are Dirichlet-multinomial."""
    kinds, size, clients = 5, 40, 2_000
    labels = np.repeat(np.arange(kinds), 200_000)
    parts = dirichlet_per_client(labels, clients, beta, rng(3), [size] * clients)
    counts = np.array([np.bincount(labels[part], minlength=kinds) for part in parts])
    mean = size / kinds
    variance = mean * (1 - 1 / kinds) * (size + kinds * beta) / (1 + kinds * beta)
    spread = (counts - mean) ** 2
    for c in range(kinds):
        assert abs(counts[:, c].mean() - mean) < 5 * np.sqrt(variance / clients)
        assert abs(spread[:, c].mean() - variance) < 5 * spread[:, c].std(ddof=1) / np.sqrt(clients)


@pytest.mark.parametrize("beta", [0.05, 0.1, 0.5, 5.0])
def test_mixes_are_as_concentrated_as_beta_says_where_every_sample_is_dealt(beta: float) -> None:
    """The mean of the sum of squared shares is that of a Dirichlet-multinomial, though every class runs out."""
    kinds, clients, size, draws = 10, 60, 19, 40
    labels = np.repeat(np.arange(kinds), clients * size // kinds)
    found = []
    for seed in range(draws):
        counts = table(dirichlet_per_client(labels, clients, beta, rng(seed)), labels)
        assert (counts.sum(axis=0) == clients * size // kinds).all()
        found.append(((counts / size) ** 2).sum(axis=1).mean())
    squares = (beta + 1) / (kinds * beta + 1)
    wanted = squares + (1 - squares) / size
    # A few clients of sixty end up between two classes, whatever is traded.
    assert abs(np.mean(found) - wanted) < 0.01 + 4 * np.std(found, ddof=1) / np.sqrt(draws)


def test_trades_keep_single_classes_whole() -> None:
    """Sizes that fill the classes exactly: at no concentration at all everybody has one class, though all is dealt."""
    labels = np.repeat(np.arange(5), 20)
    for seed in range(20):
        counts = table(dirichlet_per_client(labels, 10, 1e-300, rng(seed)), labels)
        assert (np.count_nonzero(counts, axis=1) == 1).all()
        assert (counts.sum(axis=0) == 20).all()


def test_a_tiny_beta_gives_one_class_and_a_huge_one_equal_shares() -> None:
    labels = np.repeat(np.arange(4), 1_000)
    parts = dirichlet_per_client(labels, 20, 1e-300, rng(1), [10] * 20)
    assert (np.count_nonzero(table(parts, labels), axis=1) == 1).all()
    counts = table(dirichlet(labels, 20, 1e-300, rng(1)), labels)
    assert (np.count_nonzero(counts, axis=0) == 1).all()
    # Equal up to the floors of cumulative proportions.
    for draw in (dirichlet, dirichlet_balanced):
        assert (abs(table(draw(labels, 20, 1e300, rng(1)), labels) - 50) <= 1).all()


def test_a_class_that_runs_out_leaves_its_share_to_the_others() -> None:
    labels = np.array([0] * 3 + [1] * 997)
    for beta in (1e-300, 0.5, 1e300):
        counts = table(dirichlet_per_client(labels, 10, beta, rng(5)), labels)
        assert counts.sum(axis=0).tolist() == [3, 997]
        assert (counts.sum(axis=1) == 100).all()


def drawn_and_traded(labels: np.ndarray, clients: int, beta: float, generator: np.random.Generator) -> np.ndarray:
    """The definition, literally: draws, trades, what is missing drawn again."""
    kinds = len(set(labels.tolist()))
    mixes = generator.dirichlet([beta] * kinds, clients).tolist()
    supply = np.bincount(labels, minlength=kinds).tolist()
    asked = [list(generator.multinomial(len(labels) // clients, mix)) for mix in mixes]

    def missing(of: list[list[int]]) -> list[int]:
        return [max(sum(row[c] for row in of) - supply[c], 0) for c in range(kinds)]

    def traded(of: list, client: int, a: int, b: int) -> list:
        change = {a: b, b: a}
        return [[row[change.get(c, c)] for c in range(kinds)] if i == client else row for i, row in enumerate(of)]

    order = generator.permutation(clients).tolist()
    while sum(missing(asked)):
        scarce = max(range(kinds), key=lambda c: sum(row[c] for row in asked) - supply[c])
        trades = [(client, scarce, other) for client in order for other in range(kinds) if other != scarce]
        best = min(trades, key=lambda trade: sum(missing(traded(asked, *trade))))
        if sum(missing(traded(asked, *best))) >= sum(missing(asked)):
            break
        asked, mixes = traded(asked, *best), traded(mixes, *best)
    counts = np.array(asked)
    displaced: list[int] = []
    for c, lost in enumerate(missing(asked)):
        taken = generator.multivariate_hypergeometric(counts[:, c], lost)
        counts[:, c] -= taken
        displaced += np.repeat(np.arange(clients), taken).tolist()
    while displaced:
        left = supply - counts.sum(axis=0)
        askers = [
            (i, generator.choice(kinds, p=(mix := np.where(left > 0, mixes[i], 0)) / mix.sum())) for i in displaced
        ]
        displaced = []
        for i, c in generator.permutation(askers):
            if counts[:, c].sum() < supply[c]:
                counts[i, c] += 1
            else:
                displaced.append(i)
    return counts


def test_the_table_has_the_distribution_of_its_definition() -> None:
    """Second moments of the table, where every class runs out sooner or later."""
    labels = np.repeat(np.arange(3), [10, 20, 60])
    ours = np.array([table(dirichlet_per_client(labels, 3, 0.7, rng(s)), labels) for s in range(600)])
    literal = np.array([drawn_and_traded(labels, 3, 0.7, rng(90_000 + s)) for s in range(600)])
    for moment in (lambda t: t[:, 0], lambda t: t[:, 0] ** 2.0, lambda t: t[:, 0] * t[:, 1]):
        a, b = moment(ours.astype(float)), moment(literal.astype(float))
        error = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
        assert (abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error).all()


@settings(deadline=None)
@given(st.data(), SEEDS)
def test_classes_per_client_are_exact(data: st.DataObject, seed: int) -> None:
    supply = data.draw(st.lists(st.integers(20, 60), min_size=2, max_size=6))
    labels = rng(seed).permutation(np.repeat(np.arange(len(supply)), supply))
    clients = data.draw(st.lists(st.tuples(st.integers(1, len(supply)), st.integers(0, 12)), min_size=1, max_size=8))
    kinds, sizes = [k for k, _ in clients], [k + more for k, more in clients]
    assume(sum(sizes) <= min(supply))
    parts = classes_per_client(labels, kinds, sizes, rng(seed))
    check(parts, len(labels), sizes)
    counts = table(parts, labels)
    assert np.count_nonzero(counts, axis=1).tolist() == kinds
    # Supply is plenty: shares are equal.
    for row in counts:
        assert np.ptp(row[row > 0]) <= 1


def test_classes_are_used_evenly_and_drawn_at_random() -> None:
    labels = np.repeat(np.arange(6), 40)
    first = np.zeros(6)
    for seed in range(300):
        counts = table(classes_per_client(labels, [2] * 12, [10] * 12, rng(seed)), labels)
        assert np.count_nonzero(counts, axis=0).tolist() == [4] * 6
        first += counts[0] > 0
    assert (abs(first - 100) < 5 * np.sqrt(300 * (1 / 3) * (2 / 3))).all()
    alone = [table(classes_per_client(labels, [1], [10], rng(seed)), labels)[0].argmax() for seed in range(300)]
    assert (abs(np.bincount(alone, minlength=6) - 50) < 5 * np.sqrt(300 * (1 / 6) * (5 / 6))).all()


def test_large_clients_find_the_large_classes() -> None:
    """Each class has just enough for one of the clients: there is one choice, and it is found."""
    sizes = rng(0).permutation(np.arange(1, 13))
    labels = np.repeat(np.arange(12), np.arange(1, 13))
    counts = table(classes_per_client(labels, [1] * 12, sizes, rng(1)), labels)
    assert counts.max(axis=1).tolist() == sizes.tolist()
    assert counts.argmax(axis=1).tolist() == (sizes - 1).tolist()


def test_swans_cifar_setting_uses_all_images() -> None:
    """Ten clients of one class, five of five, five of all: 50,000 images, for which equal shares do not exist."""
    labels = np.repeat(np.arange(10), 5_000)
    kinds, sizes = [1] * 10 + [5] * 5 + [10] * 5, [1_000] * 10 + [2_250] * 5 + [5_750] * 5
    chosen = set()
    for seed in range(5):
        parts = classes_per_client(labels, kinds, sizes, rng(seed))
        check(parts, 50_000, sizes)
        counts = np.array([np.bincount(labels[part], minlength=10) for part in parts])
        assert np.count_nonzero(counts, axis=1).tolist() == kinds
        chosen.add(tuple(counts[:10].argmax(axis=1)))
    assert len(chosen) == 5


def test_the_nearest_shares_are_the_nearest() -> None:
    """Against enumeration: two clients of three classes."""
    seen = 0
    for seed in range(200):
        draw = rng(seed)
        chosen = draw.random((2, 3)) < 0.7
        chosen[:, 0] = True
        wanted = chosen.sum(axis=1) + draw.integers(0, 7, 2)
        supply = draw.integers(1, 9, 3)
        even = [size // count for size, count in zip(wanted, chosen.sum(axis=1), strict=True)]
        best = None
        options = [
            [row for row in itertools.product(range(13), repeat=3) if sum(row) == wanted[i] and right(row, chosen[i])]
            for i in range(2)
        ]
        for first, second in itertools.product(*options):
            if (np.add(first, second) <= supply).all():
                cost = excess(first, even[0]) + excess(second, even[1])
                best = cost if best is None else min(best, cost)
        found = partitions._nearest_shares(chosen, wanted, supply)
        assert (found is None) == (best is None)
        if found is not None:
            seen += 1
            assert sum(excess(row, share) for row, share in zip(found, even, strict=True)) == best
            assert (found.sum(axis=0) <= supply).all()
            assert ((found > 0) == chosen).all()
    assert 50 < seen < 200


def right(row: tuple[int, ...], chosen: np.ndarray) -> bool:
    return [entry > 0 for entry in row] == chosen.tolist()


def excess(row: tuple[int, ...] | np.ndarray, share: int) -> int:
    return sum(max(0, int(entry) - share) for entry in row)


def test_too_little_of_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match="no choice of classes"):
        classes_per_client([0] * 50 + [1] * 2, [2, 2, 2], [2, 2, 2], rng(0))
    with pytest.raises(InputError, match="client 1, field 'classes'"):
        classes_per_client([0, 1], [1, 3], [1, 3], rng(0))
    with pytest.raises(InputError, match="1 samples cannot be of 2 classes"):
        classes_per_client([0, 1, 1], [2], [1], rng(0))
    with pytest.raises(InputError, match="samples are asked for"):
        classes_per_client([0, 1], [1], [3], rng(0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: dirichlet([0.5, 1], 2, 1.0, g), "labels"),
        (lambda g: dirichlet([[0, 1]], 2, 1.0, g), "labels"),
        (lambda g: dirichlet([0, 1], 0, 1.0, g), "clients"),
        (lambda g: dirichlet([0, 1], cast(Any, 1.5), 1.0, g), "clients"),
        (lambda g: dirichlet([0, 1], True, 1.0, g), "clients"),
        (lambda g: dirichlet([0, 1], 2, 0.0, g), "beta"),
        (lambda g: dirichlet([0, 1], 2, -1.0, g), "beta"),
        (lambda g: dirichlet([0, 1], 2, float("nan"), g), "beta"),
        (lambda g: dirichlet([0, 1], 2, float("inf"), g), "beta"),
        (lambda g: dirichlet([0, 1], 2, 1.0, g, least=-1), "least"),
        (lambda g: dirichlet_per_client([0, 1], 2, 1.0, g, [1]), "1 sizes for 2 clients"),
        (lambda g: given_sizes([0, 1], [-1, 2], g), "sizes"),
        (lambda g: given_sizes([0, 1], [0.5], g), "sizes"),
        (lambda g: given_sizes([0, 1], [], g), "sizes"),
        (lambda g: classes_per_client([0, 1], [1, 1], [1], g), "1 sizes for 2 clients"),
    ],
)
def test_nonsense_is_refused(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(rng(0))


@pytest.mark.parametrize(
    "deal",
    [
        lambda labels, g: given_sizes(labels, [8, 3, 5], g),
        lambda labels, g: dirichlet(labels, 3, 1.0, g),
        pytest.param(lambda labels, g: dirichlet_balanced(labels, 3, 1.0, g, least=2), marks=pytest.mark.thorough),
        pytest.param(lambda labels, g: dirichlet_per_client(labels, 3, 1.0, g), marks=pytest.mark.thorough),
        lambda labels, g: classes_per_client(labels, [1, 2], [3, 6], g),
    ],
)
def test_samples_of_a_class_are_interchangeable(deal) -> None:
    """Each is as likely to go to a client as any other of its class, and so is each pair of neighbours."""
    labels, draws = np.array([0, 1] * 6 + [1] * 8), 3_000
    held = np.zeros((draws, len(labels)))
    for seed in range(draws):
        held[seed, deal(labels, rng(seed))[0]] = 1
    for label in (0, 1):
        mine = held[:, labels == label]
        for events in (mine, mine * np.roll(mine, 1, axis=1)):
            # Against the mean over the class in the same market.
            off = events - events.mean(axis=1, keepdims=True)
            assert (abs(off.mean(axis=0)) < 5 * off.std(axis=0) / np.sqrt(draws) + 1e-12).all()
        together = (mine * np.roll(mine, 1, axis=1)).mean() - (mine * np.roll(mine, 3, axis=1)).mean()
        spread = (mine * np.roll(mine, 1, axis=1)).mean(axis=1) - (mine * np.roll(mine, 3, axis=1)).mean(axis=1)
        assert abs(together) < 5 * spread.std() / np.sqrt(draws) + 1e-12


@given(LABELS, st.integers(1, 6), SEEDS)
def test_equal_seeds_give_equal_partitions(labels: list[int], clients: int, seed: int) -> None:
    for deal in (
        lambda g: dirichlet(labels, clients, 0.4, g),
        lambda g: dirichlet_per_client(labels, clients, 0.4, g),
    ):
        for one, other in zip(deal(rng(seed)), deal(rng(seed)), strict=True):
            assert np.array_equal(one, other)
