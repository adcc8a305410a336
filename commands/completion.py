"""``fedmech completion``: what makes a shell complete commands, options, names and files; it asks no program while one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from .console import guarded, write

__all__ = ["completion_command", "words"]

Words = dict[str, dict[str, Sequence[str]]]

BASH = """# fedmech completion
_fedmech() {{
  local before=${{COMP_WORDS[COMP_CWORD-1]}} current=${{COMP_WORDS[COMP_CWORD]}} offered=
  if [ "$COMP_CWORD" -eq 1 ]; then
    offered="{commands}"
  else
    case "${{COMP_WORDS[1]}} $before $current" in
{values}
    esac
    if [ -z "$offered" ]; then
      case "${{COMP_WORDS[1]}}" in
{options}
      esac
    fi
  fi
  COMPREPLY=($(compgen -W "$offered" -- "$current"))
  if [ "${{#COMPREPLY[@]}}" -eq 0 ]; then
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _fedmech fedmech
"""

ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


@guarded
def completion_command(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="the shell that is to complete")],
) -> None:
    """Write what a shell needs to complete fedmech's commands; append it to the file that the shell reads when it starts."""
    from ..models.input_error import InputError

    makers: dict[str, Callable[[Words], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    if shell not in makers:
        raise InputError(f"unknown shell {shell!r}; one of {', '.join(makers)}", field="shell")
    write(makers[shell](words(context.find_root().command)))


def words(command: Any) -> Words:
    """Return what follows each command: its options, each with the values it takes where they are few; ``""`` stands for its first argument."""
    from ..fl.experiments.engine.configuration import shipped_configurations
    from ..fl.mechanisms.interface import mechanisms
    from ..models.problems import problems
    from ..models.sharing.error_model import TOPICS
    from .plot import FIGURES

    rules, asked = [entry.name for entry in mechanisms()], [entry.name for entry in problems()]
    values: dict[str, Sequence[str]] = {"--mechanism": rules, "--problem": asked}
    first: dict[str, Sequence[str]] = {
        "mechanisms": rules,
        "problems": asked,
        "methods": asked,
        "derive": [*TOPICS],
        "plot": FIGURES,
        "report": ["ledger"],
        "simulate": [*shipped_configurations()],
        "sweep": [*shipped_configurations()],
        "completion": ["bash", "zsh", "fish"],
    }
    found: dict[str, dict[str, Sequence[str]]] = {}
    for name, entry in command.commands.items():
        options: dict[str, Sequence[str]] = {"": first.get(name, ())}
        for parameter in entry.params:
            if parameter.param_type_name == "option":
                for flag in [*parameter.opts, *parameter.secondary_opts]:
                    options[flag] = values.get(flag, ())
        found[name] = {**options, "--help": ()}
    return found


def _zsh(known: Words) -> str:
    return ZSH + _bash(known)


def _bash(known: Words) -> str:
    values = [
        f'      {pattern}) offered="{" ".join(taken)}" ;;'
        for command, options in known.items()
        for flag, taken in options.items()
        if taken
        # Where an argument may stand, an option may too: words that begin as one are left to what follows.
        for pattern in [f'"{command} {flag} "*' if flag else f'"{command} {command} "|"{command} {command} "[!-]*']
    ]
    options = [f'        {command}) offered="{" ".join(filter(None, flags))}" ;;' for command, flags in known.items()]
    return BASH.format(commands=" ".join(known), values="\n".join(values), options="\n".join(options))


def _fish(known: Words) -> str:
    lines = ["# fedmech completion", f"complete -c fedmech -n __fish_use_subcommand -f -a '{' '.join(known)}'"]
    for command, options in known.items():
        for flag, taken in options.items():
            given = f" -x -a '{' '.join(taken)}'" if taken else ""
            kind = "" if not flag else f" -l {flag[2:]}" if flag.startswith("--") else f" -s {flag[1:]}"
            if kind or given:
                given = given.replace(" -x", "") if not flag else given
                lines.append(f"complete -c fedmech -n '__fish_seen_subcommand_from {command}'{kind}{given}")
    return "\n".join(lines) + "\n"
