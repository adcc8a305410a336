"""Ten nodes of docs/flower.md in Flower's simulation engine, beside the same rounds by fedmech alone.

    python tests/with_flower/simulation.py

Needs ``flwr[simulation]``. Payments have to be equal, exactly, and models within 1e-5.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "OMP_NUM_THREADS": "1"}
GUIDE = Path(__file__).parents[2] / "docs" / "flower.md"
NODES, ROUNDS = 10, 3


def expected(client: Any) -> tuple[dict[str, dict[str, Any]], list[dict[str, tuple[str, Fraction]]]]:
    """The rounds, all nodes at once: each requester's model, and payments by bid."""
    import numpy as np
    from fedmech import Market, run_mechanism
    from fedmech.fl.rounds.routing import even_routing
    from fedmech.fl.scoring.drift_score import drift_scores
    from fedmech.fl.scoring.probe import draw_probe
    from fedmech.fl.training.aggregate import average
    from fedmech.fl.training.batched import train_clients
    from fedmech.fl.training.parameters import clients_of
    from fedmech.fl.training.recipe import Recipe

    data, model = client.DATA, client.MODEL
    probe = draw_probe(data, 100, seed=2026, exclude=range(300))
    held = [np.arange(30 * i, 30 * i + 30) for i in range(NODES)]
    bids = [f"{0.5 + 0.07 * i:.2f}" for i in range(NODES)]
    models = {name: model.initial(0) for name in ("clinic", "school")}
    paid = []
    for number in range(1, ROUNDS + 1):
        both = list(models.values())
        mean = {name: (both[0][name] + both[1][name]) / 2 for name in both[0]}
        recipes = [Recipe(steps=steps, batch_size=8, learning_rate=0.1, seed=number) for steps in (2, 5)]
        updates = train_clients(model, mean, data.train_inputs, data.train_labels, held, recipes[0])
        scores = [f"{(1 + value) / 2:.6f}" for value in drift_scores(model, mean, updates, probe)]
        market = Market.build(scores=scores, bids=bids, budgets=["2.5", "2"], requester_ids=list(models))
        outcome = run_mechanism(market, "driftpay-co")
        who = outcome.winner_indices
        by_bid = sorted(who.tolist(), key=lambda i: Fraction(bids[i]))
        paid.append({bids[i]: outcome.payment(i) for i in by_bid})
        places = even_routing(market, who)
        sizes = sorted(int((places == j).sum()) for j in range(2))
        assert sizes[1] - sizes[0] <= 1, "the winners are spread evenly"
        client.rounds.append((recipes[1], who))
        assigned = client.assigned(number)
        for name in models:
            mine = [i for i in who.tolist() if assigned[bids[i]] == name]
            if mine:
                trained = train_clients(
                    model, models[name], data.train_inputs, data.train_labels, [held[i] for i in mine], recipes[1],
                    clients=mine,
                )  # fmt: skip
                models[name] = average(clients_of(trained, slice(None)), [30] * len(mine))
    return models, paid


def main() -> int:
    """Play both and compare."""
    text = GUIDE.read_text()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("client.py", "server.py"):
            block = re.search(rf"<!-- {name} -->\n```python\n(.*?)```", text, re.S)
            assert block is not None, name
            (Path(folder) / name).write_text(block[1])
        os.chdir(folder)
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        import client  # pyright: ignore[reportMissingImports]
        import server  # pyright: ignore[reportMissingImports]
        from fedmech.fl.rounds.checkpoint import read_checkpoint
        from flwr.simulation import run_simulation  # pyright: ignore[reportMissingImports]

        resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
        run_simulation(server_app=server.app, client_app=client.app, num_supernodes=NODES, backend_config=resources)
        document = {
            "requesters": ["clinic", "school"], "budgets": ["5/2", "2"], "mechanism": "driftpay-co", "options": {},
            "seats": [None, None], "cap": None,
        }  # fmt: skip
        found = read_checkpoint(Path("auction.npz"), document)
        assert found.rounds == ROUNDS

        rows = [[row for row in found.rows if row["round"] == number] for number in range(1, ROUNDS + 1)]

        def bid_of(row: dict[str, Any]) -> str:
            return f"{float(Fraction(row['bid'])):.2f}"

        client.rounds = []
        # Node numbers are Flower's own, and pooled winners may sit anywhere within the limits: where is taken over, who and how much is not.
        client.assigned = lambda number: {bid_of(row): row["requester"] for row in rows[number - 1]}
        models, paid = expected(client)
        for number, contracts in enumerate(rows):
            theirs = {bid_of(row): Fraction(row["paid"]) for row in contracts}
            assert theirs == paid[number], (number, theirs, paid[number])
        apart = max(
            float(abs(found.arrays[f"{position}.{name}"] - tensor.numpy()).max())
            for position, model in enumerate(models.values())
            for name, tensor in model.items()
        )
        hired = [len(contracts) for contracts in rows]
        print(f"{NODES} nodes, {ROUNDS} rounds, {hired} hired: payments equal, models within {apart:.1e}")
        assert apart < 1e-5
    return 0


if __name__ == "__main__":
    sys.exit(main())
