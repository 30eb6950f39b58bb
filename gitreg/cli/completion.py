"""TAB in bash, zsh and fish: the scripts for the shells, and the answers to what these ask.

Nobody waits for a TAB, so the commands are not imported: what they take stands in `shells/commands.json`, which a test
keeps as the commands are, and click parses the line by that. Names come from `registry.offers`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from gitreg.cli.main import COMPLETION
from gitreg.registry import offers

_SHELLS = Path(__file__).with_name("shells")

Items = list[CompletionItem[str]]


def _move(directory: Path, begun: str) -> list[str]:
    """For `COLLECTION:ALIAS=VERSION`."""
    alias, equals, version = begun.partition("=")
    if not equals:
        return offers.aliases(directory, alias)
    return [f"{alias}={item}" for item in offers.selectors(directory, alias.partition(":")[0], version)]


# What a metavar means, or one of several with '|' between.
_OFFERS: dict[str, Callable[[Path, str], list[str]]] = {
    "REF": offers.references,
    "NAME:vN": offers.references,
    "COLLECTION": offers.collections,
    "COLLECTION:ALIAS": offers.aliases,
    "COLLECTION:ALIAS=VERSION": _move,
    "REGISTRY/NAME": offers.registered,
    "ALIAS": offers.alias_names,
    "RUN": offers.runs,
    "RUN_ID": offers.runs,
}
_EITHER = dict.fromkeys(("A", "B"), "REF|RUN")


_WHERE = """\b
Where it goes:
  bash, in ~/.bashrc:
    eval "$(gitreg completion bash)"
  zsh, in ~/.zshrc, after compinit:
    eval "$(gitreg completion zsh)"
  fish, once:
    gitreg completion fish > ~/.config/fish/completions/gitreg.fish
"""


@click.command("completion", epilog=_WHERE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes TAB complete commands, options and names, also after 'git gitreg'.

    Names are what is known here: collections, aliases, versions (the newest 30), and runs by the beginning of their id.
    """
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """The script for a shell."""
    return (_SHELLS / f"gitreg.{shell}").read_text("utf-8")


def respond() -> int:
    """Answer the shell: a line for each thing to offer, of its kind, the text and what it is, between tabs."""
    shell, _, what = os.environ[COMPLETION].partition("_")
    if what == "source":
        click.echo(script(shell), nl=False)
    else:
        click.echo("".join("\t".join(line) + "\n" for line in _answer(shell, sys.argv[1:])), nl=False)
    return 0


def _answer(shell: str, arguments: Sequence[str]) -> list[tuple[str, str, str]]:
    cut = 0
    if shell == "bash":
        line, breaks = arguments
        words, begun = _split(line)
        # what bash takes for the last word begins after one of these (with '@', for hosts), unless it is quoted
        if not line.split(" ")[-1].startswith(("'", '"')):
            cut = max(begun.rfind(character) + (character != "@") for character in f"{breaks}\0")
    else:
        *words, begun = arguments
    found = ShellComplete(_command("gitreg", _table(), ()), {}, "gitreg", COMPLETION).get_completions(
        _own(words), begun
    )
    option = f"{begun.partition('=')[0]}=" if begun.startswith("--") and "=" in begun else ""
    kinds = {"plain": "word"}
    return [(kinds.get(item.type, item.type), f"{option}{item.value}"[cut:], _line(item.help)) for item in found]


def _split(line: str) -> tuple[list[str], str]:
    """The words of a line that is being written, and the one at its end, '' when it is yet to begin."""
    words = split_arg_string(line)
    is_begun = bool(words) and (not line[-1:].isspace() or words[-1][-1:].isspace())
    return (words[:-1], words[-1]) if is_begun else (words, "")


def _own(words: Sequence[str]) -> list[str]:
    """Gitreg's own arguments of a command line, which may be git's."""
    if Path(words[0]).name != "git" or "gitreg" not in words:
        return list(words[1:])
    at = words.index("gitreg")
    places = [place for place in range(1, at) if words[place - 1] == "-C"]
    return [*(part for place in places for part in ("-C", words[place])), *words[at + 1 :]]


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _table() -> dict[str, Any]:
    table = json.loads((_SHELLS / "commands.json").read_text("utf-8"))
    assert isinstance(table, dict)
    return table


def _command(name: str, entry: Mapping[str, Any], common: Sequence[click.Parameter]) -> click.Command:
    """A command of the table, as far as completing it goes, with the options that all commands take."""
    params = [_parameter(item) for item in entry["params"]]
    if "commands" not in entry:
        settings = {"allow_interspersed_args": not entry.get("greedy", False)}
        return click.Command(name, settings, params=[*params, *common], short_help=entry["help"])
    below = common or [_parameter({**item, "hidden": True}) for item in entry["params"] if item.get("common")]
    commands = {child: _command(child, item, below) for child, item in entry["commands"].items()}
    return click.Group(name, commands, params=params, short_help=entry["help"])


def _parameter(item: Mapping[str, Any]) -> click.Parameter:
    kind = click.Choice(item["choices"]) if "choices" in item else _Word(item.get("path", ""))
    many: dict[str, Any] = {"nargs": item.get("nargs", 1), "metavar": item.get("metavar")}
    if "opts" not in item:
        return click.Argument([item["name"]], type=kind, required=False, **many)
    flag: dict[str, Any] = {"is_flag": True} if item.get("flag") else {"type": kind, **many}
    return click.Option(
        [item["name"], *item["opts"]],
        help=item.get("help"),
        multiple=item.get("multiple", False),
        hidden=item.get("hidden", False),
        **flag,
    )


class _Word(click.types.StringParamType):
    """A value that is one of the repository's names, a path, or nobody knows what: its metavar says it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        """What can stand here."""
        directory = Path(ctx.find_root().params.get("directory") or ".")
        given = ctx.params.get(param.name or "")
        place = len(given) if isinstance(given, tuple) else 0
        found: list[str] = []
        items: Items = []
        metavar = (param.metavar or "").replace("[", "").replace("]", "")
        for choice in _EITHER.get(metavar, metavar).split("|"):
            words = choice.replace("...", "").split() or [""]
            word = words[min(place, len(words) - 1)]
            if word.startswith("RUN") and found:
                # who has begun the name of a collection means that
                continue
            if word in _OFFERS:
                found += _OFFERS[word](directory, incomplete)
            elif word == "VERSION":
                found += offers.selectors(directory, str(ctx.params.get("name") or "").partition(":")[0], incomplete)
            elif word == "PATH":
                items = [CompletionItem(incomplete, type="file")]
        if self._path:
            items = [CompletionItem(incomplete, type=self._path)]
        return [CompletionItem(value) for value in dict.fromkeys(found)] + items
