"""``fedmech derive``: the thresholds of the error model, derived again and printed."""

from __future__ import annotations

from typing import Annotated

import typer

from .console import JsonOption, echo, guarded, print_json

__all__ = ["derive_command"]


@guarded
def derive_command(
    topic: Annotated[str, typer.Argument(metavar="threshold|merge|regions|peak", help="what to derive")],
    latex: Annotated[bool, typer.Option("--latex", help="only the formulas, in LaTeX")] = False,
    json: JsonOption = False,
) -> None:
    """Derive a statement on network effects from eq. (3), with every step checked."""
    import sympy

    from ..models.input_error import InputError
    from ..models.names import nearest_name
    from ..models.sharing.error_model import TOPICS, derive

    if topic not in TOPICS:
        raise InputError(f"unknown topic {topic!r}{nearest_name(topic, TOPICS)}; one of {', '.join(TOPICS)}")
    derivation = derive(topic)
    if json:
        print_json(
            {
                "name": derivation.name,
                "source": derivation.source,
                "statement": derivation.statement,
                "formulas": {name: str(value) for name, value in derivation.results.items()},
                "latex": {name: sympy.latex(value) for name, value in derivation.results.items()},
                "steps": list(derivation.steps),
            }
        )
    else:
        echo(derivation.latex() if latex else f"{derivation.plain()}\n\n{derivation.latex()}")
