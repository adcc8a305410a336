"""Examples at the end of every command's help; a test reads each as the command line does."""

from __future__ import annotations

__all__ = ["EXAMPLES", "epilog"]

EXAMPLES: dict[str, tuple[str, ...]] = {
    "solve": (
        "fedmech solve m.market.json",
        "fedmech solve m.market.json --problem opt-sep --time-limit 20",
        "fedmech solve m.market.json --certificate proof.json",
        "fedmech solve m.market.json --then cheapest --certificate proof.json",
        "fedmech solve model.mps",
        "fedmech solve x.mots.json",
    ),
    "check": ("fedmech check proof.json m.market.json",),
    "check-allocation": (
        "fedmech check-allocation m.market.json --hired w1,w7",
        "fedmech check-allocation m.market.json --answer answer.json",
    ),
    "run": (
        "fedmech run m.market.json --mechanism driftpay-co",
        "fedmech run m.market.json --mechanism rrafl --option reputations=1,1/2,0.7",
        "fedmech run m.market.json --mechanism mine.py:mine",
    ),
    "compare": (
        "fedmech compare m.market.json",
        "fedmech compare a.market.json b.market.json --mechanism driftpay-co --mechanism vcg --latex",
    ),
    "audit": ("fedmech audit m.market.json --mechanism pea", "fedmech audit m.market.json --mechanism mine.py:mine"),
    "judge": ("fedmech judge m.market.json", "fedmech judge x.mots.json --state small=2,large=1"),
    "swan": ("fedmech swan x.mots.json --unique",),
    "tradeoff": ("fedmech tradeoff x.mots.json", "fedmech tradeoff x.mots.json --vary cost --values 1/2,1,2"),
    "verify": ("fedmech verify 'S-*' --jobs 2", "fedmech verify F-7a-FLOW --witness w.market.json"),
    "claims": ("fedmech claims", "fedmech claims D-6.2"),
    "derive": ("fedmech derive threshold", "fedmech derive regions --latex"),
    "selftest": ("fedmech selftest --minutes 5", "fedmech selftest --cases 40 --seed 0 --problem opt"),
    "doctor": ("fedmech doctor",),
    "simulate": (
        "fedmech simulate network-effects --set seed=3 --out rows.csv",
        "fedmech simulate procurement --set scoring=reputation --checkpoint folder",
    ),
    "sweep": (
        "fedmech sweep network-effects --out result --jobs 2",
        "fedmech sweep network-effects --set seed=0,1,2 --out result --export all.csv",
    ),
    "plot": (
        "fedmech plot result --metric error --out figure.pdf",
        "fedmech plot m.market.json --out hired.svg",
        "fedmech plot comparison m.market.json",
        "fedmech plot swan-cost x.mots.json",
    ),
    "report": (
        "fedmech report m.market.json -o report.html",
        "fedmech report result -o result.html",
        "fedmech report ledger --claim 'S-*' -o ledger.html",
    ),
    "generate": ("fedmech generate big.market.json --kind c -n 100000 --workers-file big.csv",),
    "convert": (
        "fedmech convert election.pb m.market.json",
        "fedmech convert knapsacks.csv#knapPI_1_50_1000_1 m.market.json --workers-file workers.csv",
        "fedmech convert m.market.json m.kp --rename",
    ),
    "problems": ("fedmech problems", "fedmech problems opt"),
    "methods": ("fedmech methods opt",),
    "mechanisms": ("fedmech mechanisms", "fedmech mechanisms driftpay-co"),
    "experiments": ("fedmech experiments", "fedmech experiments network-effects"),
    "completion": ("fedmech completion bash >> ~/.bashrc", "fedmech completion zsh >> ~/.zshrc"),
}


def epilog(command: str) -> str:
    """Return the end of a command's help: paragraphs of their own, so that no example is filled up with the next."""
    listed = EXAMPLES[command]
    return "\n\n".join(["Examples:" if len(listed) > 1 else "Example:", *listed])
